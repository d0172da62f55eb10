"""Amounts and dates as people of each language write and type them."""

from datetime import UTC, datetime

import pytest

from tallystick.words import LANGUAGES, date_of, day, dollars, speaking
from tallystick.words.figures import number, percent, read_amount, typed_amount

MARCH = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "amount", "small", "date"),
    [
        ("en", "1,250.00 USD", "0.000125 USD", "1 March 2027"),
        ("de", "1.250,00 USD", "0,000125 USD", "1. März 2027"),
        ("ar", "\N{LEFT-TO-RIGHT ISOLATE}1,250.00 USD\N{POP DIRECTIONAL ISOLATE}", None, "1 مارس 2027"),
    ],
)
def test_amounts_and_dates(code: str, amount: str, small: str | None, date: str) -> None:
    with speaking(LANGUAGES[code]):
        assert dollars(1_250_000_000) == amount
        assert small is None or dollars(125) == small
        assert date_of(MARCH) == day(MARCH) == date
        assert day(MARCH.replace(hour=8, minute=30)) == f"{date}, 08:30 UTC"


def test_figures_besides_amounts() -> None:
    with speaking(LANGUAGES["de"]):
        assert (number(12_000), percent(25_000), percent(125), typed_amount(1_250_000_000)) == (
            "12.000",
            "2,5 %",
            "0,0125 %",
            "1250,00",
        )


@pytest.mark.parametrize(
    ("code", "text", "micros"),
    [
        ("en", " 1,250.50 ", 1_250_500_000),
        ("en", "0.000001", 1),
        ("de", "1.250,50", 1_250_500_000),
        ("de", "50,00", 50_000_000),
        ("de", "50.00", 50_000_000),  # no German number, so it is meant plainly
        ("de", "1.250", 1_250_000_000),
        ("ar", "\N{ARABIC-INDIC DIGIT FIVE}\N{ARABIC-INDIC DIGIT ZERO}.25", 50_250_000),
    ],
)
def test_amounts_that_are_typed(code: str, text: str, micros: int) -> None:
    with speaking(LANGUAGES[code]):
        assert read_amount(text) == micros


@pytest.mark.parametrize("text", ["", "50,00", "1e3", "-5", "nan", "5 0", "1,2,3", "0.0000001"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_amount(text)
