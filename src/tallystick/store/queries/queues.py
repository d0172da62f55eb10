"""What waits for the worker in all books: how long its queues are, for people and metrics; which loops have work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("queues.sql", __package__)


@dataclass(frozen=True, slots=True)
class Queue:
    """`waiting` pieces of work; `oldest_at`: since when the oldest one waits; `due_at`: when the next one is tried.

    `troubled`: how many of them failed at least once. `given_up`: how many others are not tried again.
    """

    waiting: int
    oldest_at: datetime | None
    due_at: datetime | None
    troubled: int
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class Queues:
    """All queues: requests to rails by the rail's name, notifications, mail."""

    rails: dict[str, Queue]
    notifications: Queue
    mail: Queue


async def current(database: Database) -> Queues:
    """How long the queues are at this moment."""
    rails = await database.fetch(_SQL["rails"])
    notifications: Any = await database.fetchrow(_SQL["notifications"])
    mail: Any = await database.fetchrow(_SQL["mail"])
    return Queues({row["rail"]: Queue(*list(row.values())[1:]) for row in rails}, Queue(**notifications), Queue(**mail))


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """How large the database is, and how many connections it has and may have."""

    size_bytes: int
    connections: int
    max_connections: int
    version: str


async def database_size(database: Database) -> DatabaseSize:
    """How large the database is at this moment."""
    row: Any = await database.fetchrow(_SQL["database_size"])
    return DatabaseSize(**row)


async def due_loops(
    database: Database, now: datetime, *, redemptions_before: datetime, letters_after: datetime | None
) -> frozenset[str]:
    """Names of the worker's loops that would find something at `now`, which is real time.

    Of redemptions only what was asked for, and last claimed, before `redemptions_before` is left over by somebody; of
    letters only what was written after `letters_after` is still sent; None: nobody sends any.
    """
    rows = await database.fetch(_SQL["due_loops"], now, redemptions_before, letters_after)
    return frozenset(row["loop"] for row in rows)
