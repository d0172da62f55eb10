"""How pages show what people and machines have written."""

from __future__ import annotations

from tallystick.web.common.filters import address


def test_an_address_breaks_behind_its_at_sign() -> None:
    assert address("mira.lindqvist@listener.example") == "<span>mira.lindqvist@<wbr>listener.example</span>"
    assert address("") == "<span></span>"


def test_an_address_is_no_markup() -> None:
    assert address('"<b>"@x.example') == "<span>&#34;&lt;b&gt;&#34;@<wbr>x.example</span>"
