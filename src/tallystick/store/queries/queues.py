"""Lengths of the queues over all books, for people and metrics: requests to rails, notifications, mail."""

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
