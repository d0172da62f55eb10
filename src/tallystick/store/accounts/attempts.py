"""How often something was tried lately. What is counted is known here by a digest only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallystick.db.connections import Database


async def count(database: Database, subject: bytes, window: timedelta, now: datetime) -> int:
    """Count an attempt; how many there were since the window opened, this one included.

    One statement, so that attempts that race each other all count. A window opens with the first attempt.
    """
    counted = await database.fetchval(
        "INSERT INTO attempt_count AS known (subject, attempts, ends_at) VALUES ($1, 1, $2::timestamptz + $3::interval)"
        " ON CONFLICT (subject) DO UPDATE SET"
        " attempts = CASE WHEN known.ends_at <= $2 THEN 1 ELSE known.attempts + 1 END,"
        " ends_at = CASE WHEN known.ends_at <= $2 THEN excluded.ends_at ELSE known.ends_at END RETURNING attempts",
        subject,
        now,
        window,
    )
    return int(counted)


async def take_back(database: Database, subject: bytes) -> None:
    """An attempt that was counted turns out to be none."""
    await database.execute("UPDATE attempt_count SET attempts = greatest(attempts - 1, 0) WHERE subject = $1", subject)


async def sweep(database: Database, now: datetime) -> None:
    """Forget windows that are over."""
    await database.execute("DELETE FROM attempt_count WHERE ends_at <= $1", now)
