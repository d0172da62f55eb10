from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from litestar.testing import RequestFactory

from tallystick.settings import Settings
from tallystick.web.common.browser.addresses import client_address
from tallystick.web.common.browser.visitors import device, user_agent
from tallystick.words import LANGUAGES, speaking


def request(*, peer: str = "192.0.2.9", **headers: str) -> Any:  # noqa: ANN401 - Litestar's request of anything
    made = RequestFactory().get("/", headers={name.replace("_", "-"): value for name, value in headers.items()})
    made.scope["client"] = (peer, 40_000)
    return made


@pytest.mark.parametrize(
    ("proxies", "forwarded", "known"),
    [
        (0, "", "192.0.2.9"),
        (0, "203.0.113.1", "192.0.2.9"),  # anybody can write that
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "10.9.9.9, 203.0.113.1", "203.0.113.1"),
        (2, "10.9.9.9, 203.0.113.1, 198.51.100.7", "203.0.113.1"),
        (2, "203.0.113.1", None),
        (1, "", None),
        (1, "unknown", None),
        (1, "203.0.113.1:5123", "203.0.113.1"),
        (1, "[2001:db8::1]:5123", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_where_a_request_comes_from(proxies: int, forwarded: str, known: str | None) -> None:
    asked = request(**({"x_forwarded_for": forwarded} if forwarded else {}))
    assert client_address(asked.scope, Settings(reverse_proxies=proxies)) == known


def test_this_machine_is_nobody_in_particular() -> None:
    assert client_address(request(peer="127.0.0.1").scope, Settings()) is None
    assert client_address(request(peer="::1").scope, Settings()) is None


def test_behind_a_proxy_that_nobody_told_us_of_nobody_is_known() -> None:
    https = replace(Settings(), public_url="https://pay.example")
    assert client_address(request().scope, https) is None
    behind_one = replace(https, reverse_proxies=1)
    assert client_address(request(x_forwarded_for="203.0.113.1").scope, behind_one) == "203.0.113.1"


def test_what_a_browser_says_is_kept_short_and_printable() -> None:
    assert user_agent(request(user_agent="x" * 900)) == "x" * 300
    assert user_agent(request(user_agent="Fire\u0007fox")) == "Firefox"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/19.0 Safari/605.1.15", "Safari on macOS"),
        ("curl/8.9", "A browser"),
        ("", "A browser"),
    ],
)
def test_devices_as_people_call_them(said: str, name: str) -> None:
    assert device(said) == name


@pytest.mark.parametrize(
    ("language", "known", "unknown"),
    [("de", "Firefox auf Linux", "Ein Browser"), ("ar", "\u2068Firefox\u2069 على \u2068Linux\u2069", "متصفح")],
)
def test_devices_are_named_in_the_language_of_the_page(language: str, known: str, unknown: str) -> None:
    with speaking(LANGUAGES[language]):
        assert device("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0") == known
        assert device("curl/8.9") == unknown
