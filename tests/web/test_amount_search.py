"""Amounts among what people type into a search."""

from __future__ import annotations

import pytest

from tallystick.web.console.books.amount_search import amounts_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12.50", (12_500_000, 12_500_000)),
        ("0.000001", (1, 1)),
        ("$5", (5_000_000, 5_000_000)),
        ("5 usd", (5_000_000, 5_000_000)),
        ("5..20", (5_000_000, 20_000_000)),
        ("20..5", (5_000_000, 20_000_000)),
        ("$1.00 - $2.50", (1_000_000, 2_500_000)),
        ("1.00 to 2", (1_000_000, 2_000_000)),
        *(
            (text, None)
            for text in ("5", "4711", "2026-07", "1-2", "1.2.3", "order 12.50", "", "$", "1.0000001", "\u0665.\u0665")
        ),
    ],
)
def test_what_is_an_amount(text: str, found: tuple[int, int] | None) -> None:
    assert amounts_in(text) == found
