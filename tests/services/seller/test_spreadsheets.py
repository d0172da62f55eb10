"""Tables for spreadsheets: in pieces, as they are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tallystick.services.seller.spreadsheets import as_csv, without_formula

ROWS = 100_000
PIECE = 70_000  # bytes: a little more than the size from which on a piece is sent


async def test_a_long_table_is_never_held_as_a_whole() -> None:
    taken = 0

    async def rows() -> AsyncIterator[list[object]]:
        nonlocal taken
        for number in range(ROWS):
            taken += 1
            yield [number, "a song, and another one"]

    seen = 0
    async for piece in as_csv(["number", "what"], rows()):
        assert len(piece) < PIECE
        seen += piece.count(b"\r\n")
        assert taken == seen - 1  # the head is no row, and no row was asked for before its time
    assert seen == ROWS + 1


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_what_a_spreadsheet_would_calculate_stays_text(sign: str) -> None:
    assert without_formula(f"{sign}1+1") == f"'{sign}1+1"
    assert without_formula(f" \u3000{sign}1+1") == f"' \u3000{sign}1+1"
    assert without_formula(f"1{sign}1") == f"1{sign}1"
