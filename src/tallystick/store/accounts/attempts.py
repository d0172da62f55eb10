"""Counters of attempts by window. Subjects are stored as digests only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("attempts.sql", __package__)


async def count(database: Database, subject: bytes, window: timedelta, now: datetime) -> int:
    """Count an attempt; how many there were since the window opened, this one included.

    One statement, so that attempts that race each other all count. A window opens with the first attempt.
    """
    counted = await database.fetchval(_SQL["count"], subject, now, window)
    return int(counted)


async def take_back(database: Database, subject: bytes) -> None:
    """Take a counted attempt out of the count again."""
    await database.execute(_SQL["take_back"], subject)


async def sweep(database: Database, now: datetime) -> None:
    """Forget windows that are over."""
    await database.execute(_SQL["sweep"], now)
