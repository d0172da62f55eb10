"""Where chains end, and which of these ends the log file has been told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database, Pool

_SQL: Final = load_statements("heads.sql", __package__)


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a chain: its place and its digest."""

    chain: str
    sequence: int
    digest: bytes


async def heads(database: Database, chains: list[str] | None = None) -> dict[str, Head]:
    """The ends of these chains, or of all."""
    return {row["chain"]: Head(**row) for row in await database.fetch(_SQL["heads"], chains)}


async def move(database: Database, ends: Collection[Head], now: datetime) -> None:
    """The chains end here now."""
    await database.execute(
        _SQL["move_heads"],
        [end.chain for end in ends],
        [end.sequence for end in ends],
        [end.digest for end in ends],
        now,
    )


@asynccontextmanager
async def to_anchor(
    pool: Pool,
    now: datetime,
    *,
    maximum: int,
    moved_before: datetime,
    still_before: datetime,
    always: str | None = None,
) -> AsyncIterator[list[Head]]:
    """The ends that the log file should be told; they count as told when the caller is done without an exception.

    Due are those that moved and were last told before `moved_before`, and those last told before `still_before`
    or, by a clock that was ahead, after `now`;
    `always`: a chain that is told in any case. Other processes have others, or none.
    """
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(_SQL["heads_to_anchor"], maximum, moved_before, still_before, always, now)
        yield [Head(**row) for row in rows]
        if rows:
            await connection.execute(_SQL["anchored"], [row["chain"] for row in rows], now)
