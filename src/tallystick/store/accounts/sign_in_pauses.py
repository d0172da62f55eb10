"""Wrong passwords in a row, and the pause after them. Who is paused is known here by a digest only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("sign_in_pauses.sql", __package__)


@dataclass(frozen=True, slots=True)
class Throttle:
    """How many wrong passwords in a row pause, for how long (twice as long each time), and when they are forgotten."""

    attempts: int
    first_pause: timedelta
    longest_pause: timedelta
    forgotten_after: timedelta


async def begin(database: Database, subject: bytes, throttle: Throttle, now: datetime) -> bool:
    """Count an attempt before its password is looked at; False during a pause.

    One statement, so that attempts that race each other all count.
    """
    counted = await database.fetchval(
        _SQL["begin"],
        subject,
        now,
        throttle.attempts,
        throttle.first_pause,
        throttle.longest_pause,
        throttle.forgotten_after,
    )
    return bool(counted)


async def end(database: Database, subject: bytes) -> None:
    """A password was right: nothing is counted against them any more."""
    await database.execute(_SQL["end"], subject)


async def sweep(database: Database, now: datetime) -> None:
    """Forget what is long over."""
    await database.execute(_SQL["sweep"], now)
