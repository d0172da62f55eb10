"""What payments take of the disk, and what still waits there for the worker."""

from __future__ import annotations

from typing import Final

from tallystick.db.connections import Database

TABLES: Final = ("transaction", "transfer", "answered_reference")
"""The tables that grow with each payment."""


async def bytes_per_payment(database: Database) -> float | None:
    """The bytes of the tables that grow, with their indexes, for each transaction; None where there is none."""
    count = await count_transactions(database)
    size: int = await database.fetchval(
        "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest($1::text[]) AS given (name)", list(TABLES)
    )
    return float(size) / count if count else None


async def count_transactions(database: Database) -> int:
    """How many transactions there are."""
    count: int = await database.fetchval("SELECT count(*) FROM transaction")
    return count


async def events_waiting(database: Database) -> int:
    """How many events wait for their number."""
    count: int = await database.fetchval("SELECT count(*) FROM event_queue")
    return count
