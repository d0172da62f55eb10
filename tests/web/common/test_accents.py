"""A seller's colour can be read wherever it stands."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.web.common.visit.accents import DARK, LIGHT, Colour, address, contrast, style_sheet

COLOURS = st.binary(min_size=3, max_size=3).map(lambda digits: f"#{digits.hex()}")


def tokens(sheet: str) -> list[dict[str, Colour]]:
    """The tokens for the light and for the dark theme."""
    themes = sheet.split("@media")
    return [{name: Colour.read(value) for name, value in re.findall(r"--([a-z-]+): (#\w{6});", one)} for one in themes]


@given(COLOURS)
def test_any_colour_is_made_readable_in_both_themes(accent: str) -> None:
    light, dark = tokens(style_sheet(accent))
    for theme, grounds in ((light, LIGHT), (dark, DARK)):
        assert all(contrast(theme["accent"], ground) > 4.4 for ground in (*grounds, theme["tint"]))  # rounded to bytes
        assert contrast(theme["accent"], theme["on-accent"]) >= 4.5
        assert all(contrast(theme["accent-strong"], ground) >= 4.5 for ground in grounds)
        assert contrast(theme["on-accent"], theme["accent-strong"]) >= 4.5


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    light, _ = tokens(style_sheet("#17594a"))
    assert str(light["accent"]) == "#17594a"


def test_contrast_as_the_guidelines_have_it() -> None:
    assert contrast(Colour.read("000000"), Colour.read("#ffffff")) == pytest.approx(21)
    assert contrast(Colour.read("767676"), Colour.read("ffffff")) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("text", ["", "fff", "#12345g", "red", "17594A", "1234567"])
def test_what_is_no_colour(text: str) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        Colour.read(text)


def test_the_address_changes_with_the_sheet() -> None:
    assert re.fullmatch(r"/accents/17594a\?v=[0-9a-f]{12}", address("#17594a"))
