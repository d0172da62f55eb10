"""What waits: for rails, for receivers of notifications, for the post. For people and for metrics, over all books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallystick.db.connections import Database


@dataclass(frozen=True, slots=True)
class Queue:
    """`waiting` pieces of work; `oldest_at`: since when the oldest one waits; `due_at`: when the next one is tried.

    `troubled`: how many of them failed at least once. `given_up`: how many others nobody tries any more.
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


async def standing(database: Database) -> Queues:
    """How long the queues are at this moment."""
    rails = await database.fetch(
        "SELECT rail, count(*) AS waiting, min(opened_at) AS oldest_at, min(due_at) AS due_at,"
        " count(last_error) AS troubled FROM rail_request GROUP BY rail ORDER BY rail"
    )
    notifications: Any = await database.fetchrow(
        "SELECT * FROM (SELECT count(*) AS waiting, min(announced_at) AS oldest_at, min(due_at) AS due_at,"
        "                      count(last_error) AS troubled FROM outbox WHERE state = 'waiting') AS unsent"
        " CROSS JOIN (SELECT count(*) AS given_up FROM outbox WHERE state = 'dead') AS dead"
    )
    mail: Any = await database.fetchrow(
        "SELECT count(*) AS waiting, min(written_at) AS oldest_at, min(due_at) AS due_at,"
        " count(last_error) AS troubled,"
        " (SELECT count(*) FROM mail WHERE due_at IS NULL AND sent_at IS NULL) AS given_up"
        " FROM mail WHERE due_at IS NOT NULL"
    )
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
    row: Any = await database.fetchrow(
        "SELECT pg_database_size(current_database()) AS size_bytes,"
        " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,"
        " current_setting('max_connections')::integer AS most_connections,"
        " current_setting('server_version') AS version"
    )
    return DatabaseSize(**row)
