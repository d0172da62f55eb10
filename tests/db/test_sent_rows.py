"""Arrays of rows that compiled code writes arrive as those that the driver writes."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from types import ModuleType
from typing import Any, Final

import asyncpg
import pytest
from tests.conftest import LONG_TESTS

from tallystick.db.connections import Connection
from tallystick.db.database import open_pool, prepare_connection
from tallystick.db.sent_rows import write_rows_compiled
from tallystick.domain.speedups import sent_rows
from tallystick.store.ledger.statements import SENT_ROWS

TEXTS: Final = ("", "a", "Prepaid", "é", "\u2028\U0001f600", "x" * 5_000)
MOMENTS: Final = (
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(2027, 3, 28, 2, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
)
VALUES: Final[dict[str, Sequence[Any]]] = {
    "text": TEXTS,
    "int8": (0, 1, -1, 2**63 - 1, -(2**63), 10**18, True),
    "int2": (0, 1, -1, 2**15 - 1, -(2**15)),
    "xid": (0, 1, 2**32 - 1, 2**31),
    "bytea": (b"", b"\0", bytes(range(256)), b"x" * 9_000),
    "timestamptz": MOMENTS,
}


@pytest.fixture
def compiled() -> ModuleType:
    if sent_rows is None:
        pytest.skip("nothing was compiled: there was no C compiler at installation, or it was told to stay away")
    return sent_rows


@pytest.fixture
async def by_driver(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    await prepare_connection(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def quick(database_url: str, compiled: ModuleType) -> AsyncIterator[Connection]:
    """Its arrays are written by compiled code."""
    assert all(compiled.is_known(one) for one in VALUES)
    connection = await asyncpg.connect(database_url)
    await prepare_connection(connection)
    assert sorted(await write_rows_compiled(connection, SENT_ROWS)) == sorted(SENT_ROWS)
    yield connection
    await connection.close()


async def columns_of(connection: Connection, row_type: str) -> list[str]:
    return [
        row["typname"]
        for row in await connection.fetch(
            "SELECT one.typname FROM pg_attribute AS column_"
            " JOIN pg_type AS one ON one.oid = column_.atttypid"
            " WHERE column_.attrelid = $1::text::regclass AND column_.attnum > 0 ORDER BY column_.attnum",
            row_type,
        )
    ]


async def arrived(connection: Connection, row_type: str, rows: object) -> list[tuple[Any, ...]]:
    statement = f"SELECT * FROM unnest($1::{row_type}[])"  # noqa: S608 - one of ours
    return [tuple(row) for row in await connection.fetch(statement, rows)]


def _without_ends(row: tuple[Any, ...]) -> list[Any]:
    """Without the first and the last moment that Python knows: the driver has them for what never began or ends."""
    return ["" if isinstance(value, datetime) and value.year in {1, 9999} else value for value in row]


@pytest.mark.parametrize("row_type", SENT_ROWS)
async def test_all_values_arrive(quick: Connection, by_driver: Connection, row_type: str) -> None:
    dice = random.Random(os.environ.get("TALLYSTICK_SEED", row_type))  # noqa: S311 - chance that can be had again
    columns = await columns_of(by_driver, row_type)
    for count in (0, 1, 2, *([500] * 20 if os.environ.get(LONG_TESTS) else [100])):
        rows = [
            tuple(None if dice.random() < 0.1 else dice.choice(VALUES[column]) for column in columns)
            for _ in range(count)
        ]
        told = await arrived(quick, row_type, rows)
        assert told == await arrived(by_driver, row_type, rows) == await arrived(quick, row_type, tuple(rows))
        assert [*map(_without_ends, told)] == [*map(_without_ends, rows)]


WRONG: Final[dict[str, Sequence[Any]]] = {
    "text": (1, b"x", "\ud800", "\0"),
    "int8": ("1", 2**63, -(2**63) - 1, b"x"),
    "int2": ("1", 2**15, -(2**15) - 1),
    "xid": (-1, 2**32, "1"),
    "bytea": ("x", 1),
    "timestamptz": ("2027-03-01", 1),
}


@pytest.mark.parametrize("row_type", ["payment_values", "remembered_token", "queued_event_values"])
async def test_what_the_driver_refuses_is_refused(quick: Connection, by_driver: Connection, row_type: str) -> None:
    columns = await columns_of(by_driver, row_type)
    right = tuple(VALUES[column][0] for column in columns)
    for place, column in enumerate(columns):
        for value in WRONG[column]:
            row = (*right[:place], value, *right[place + 1 :])
            for connection in (quick, by_driver):
                with pytest.raises(asyncpg.DataError):
                    await arrived(connection, row_type, [right, row])
            assert await arrived(quick, row_type, [right]) == [right]


@pytest.mark.parametrize(
    "rows", [[()], [("a",)], [tuple("abcdefg")], [None], ["abcdef"], [["a", "b"]], 1, None], ids=repr
)
async def test_what_is_no_array_of_such_rows_is_refused(quick: Connection, rows: object) -> None:
    if rows is None:
        assert await arrived(quick, "remembered_change", rows) == []
        return
    with pytest.raises(asyncpg.DataError):
        await arrived(quick, "remembered_change", rows)


async def test_a_moment_without_a_time_zone_is_refused(quick: Connection, by_driver: Connection) -> None:
    columns = await columns_of(by_driver, "remembered_tab")
    row = tuple(datetime(2027, 3, 1) if column == "timestamptz" else None for column in columns)  # noqa: DTZ001
    with pytest.raises(asyncpg.DataError):
        await arrived(quick, "remembered_tab", [row])


@pytest.mark.usefixtures("compiled")
async def test_a_pool_has_them_written_so_where_that_is_wanted(database_url: str) -> None:
    statement, rows = "SELECT * FROM unnest($1::remembered_change[])", [(1, 2, 3)]
    async with await open_pool(database_url, max_size=1, row_types=["remembered_change", "unknown"]) as pool:
        assert [*map(tuple, await pool.fetch(statement, rows))] == rows
        with pytest.raises(TypeError, match="never asked for"):
            await pool.fetchval("SELECT ARRAY[ROW(1, 2, 3)::remembered_change]")
        assert [*map(tuple, await pool.fetch(statement, rows))] == rows


def test_row_types_that_cannot_be_written_here_are_left_to_the_driver(compiled: ModuleType) -> None:
    assert not compiled.is_known("jsonb")
    with pytest.raises(KeyError):
        compiled.SentRows(1, [(25, "jsonb")])
    with pytest.raises(ValueError, match="more than 32"):
        compiled.SentRows(1, [(25, "text")] * 33)


@pytest.mark.usefixtures("compiled")
async def test_types_with_other_columns_stay_as_they_are(by_driver: Connection) -> None:
    assert await write_rows_compiled(by_driver, ["book_rules", "remembered_change"]) == ["remembered_change"]
