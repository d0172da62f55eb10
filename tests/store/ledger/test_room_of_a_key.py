"""How much room the key of transactions takes: payments of large groups are written so that its pages fill up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from tallystick.db.connections import Connection, Pool
from tallystick.domain.ids import BookId
from tallystick.services.process.transaction_ids import TransactionIds
from tallystick.store.ledger.apply_payments import order_for_index

BOOK: Final = BookId(1 << 40)
LATER_BOOK: Final = BookId(1 << 41)  # its entries stand behind those of the other one
NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
GROUPS: Final = 12
LARGEST_PIECE: Final = 134
SMALLEST_PIECE: Final = 120

Rows = list[tuple[Any, ...]]


@pytest.mark.parametrize("size", [0, 1, 64, 119, 135, 239, 269, 359, 403, 479])
def test_groups_that_make_no_pieces_of_nearly_a_page_are_written_in_the_order_of_their_ids(size: int) -> None:
    assert order_for_index(some_rows(size)[::-1]) == some_rows(size)


@pytest.mark.parametrize("size", [120, 134, 240, 255, 268, 360, 402, 480, 500, 1000])
def test_others_are_written_in_such_pieces_each_backwards(size: int) -> None:
    written = order_for_index(some_rows(size)[::-1])
    lengths = [len(piece) for piece in falling(written)]
    assert sorted(written) == some_rows(size)
    assert SMALLEST_PIECE <= min(lengths) <= max(lengths) <= LARGEST_PIECE
    assert [row for piece in falling(written) for row in reversed(piece)] == some_rows(size)


@pytest.mark.parametrize("size", [120, 255, 500])
async def test_pages_in_the_middle_of_the_key_fill_up(pool: Pool, size: int) -> None:
    async with pool.acquire() as connection:
        as_written = await bytes_an_entry(connection, size, order_for_index)
        by_id = await bytes_an_entry(connection, size, sorted)
    assert by_id > 110  # half empty: an entry has 60 bytes
    assert as_written < 0.7 * by_id


def some_rows(size: int) -> Rows:
    return [(f"{number:05}",) for number in range(size)]


def falling(rows: Rows) -> Sequence[Rows]:
    """The pieces in which each row comes before the one in front of it."""
    pieces: list[Rows] = []
    for row in rows:
        if pieces and row < pieces[-1][-1]:
            pieces[-1].append(row)
        else:
            pieces.append([row])
    return pieces


async def bytes_an_entry(connection: Connection, size: int, order: Callable[[Rows], Rows]) -> float:
    """What an entry takes where groups of a book come in this order, and another book's entries stand behind them.

    A table of the test's own with the columns of `transaction_pkey`: that of all tests grows at other places, too.
    """
    ids = TransactionIds()
    await connection.execute(
        'CREATE TEMPORARY TABLE key_alone (book_id bigint, transaction_id text COLLATE "C",'
        " PRIMARY KEY (book_id, transaction_id))"
    )
    await write(connection, LATER_BOOK, ids.several(LATER_BOOK, NOW, 500))
    before = await connection.fetchval("SELECT pg_relation_size('key_alone_pkey')")
    for _ in range(GROUPS):
        group = order([(made,) for made in ids.several(BOOK, NOW, size)])
        await write(connection, BOOK, [made for (made,) in group])
    after = await connection.fetchval("SELECT pg_relation_size('key_alone_pkey')")
    await connection.execute("DROP TABLE key_alone")
    return float(after - before) / (GROUPS * size)


async def write(connection: Connection, book_id: BookId, ids: Sequence[str]) -> None:
    await connection.execute("INSERT INTO key_alone SELECT $1, * FROM unnest($2::text[])", book_id, ids)
