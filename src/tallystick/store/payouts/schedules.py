"""When sellers are paid out by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("schedules.sql", __package__)


@dataclass(frozen=True, slots=True)
class PayoutSchedule:
    """All cash above a reserve, in micro-units, is paid out `every` day, week or month; next at `next_at`."""

    business_id: PartyId
    environment: str
    every: str
    reserve_micros: int
    next_at: datetime


async def find(database: Database, business_id: PartyId, environment: str) -> PayoutSchedule | None:
    """That of a seller; None: there is none."""
    row = await database.fetchrow(_SQL["find"], business_id, environment)
    return None if row is None else PayoutSchedule(**row)


async def keep(database: Database, schedule: PayoutSchedule, now: datetime) -> None:
    """Set it, in the place of the one before."""
    await database.execute(
        _SQL["set"],
        schedule.business_id,
        schedule.environment,
        schedule.every,
        schedule.reserve_micros,
        schedule.next_at,
        now,
    )


async def end(database: Database, business_id: PartyId, environment: str) -> None:
    """Nothing is paid out by itself any more."""
    await database.execute(_SQL["end"], business_id, environment)


async def due(database: Database, now: datetime, limit: int) -> list[PayoutSchedule]:
    """Those whose day has come."""
    return [PayoutSchedule(**row) for row in await database.fetch(_SQL["due"], now, limit)]


async def advance(database: Database, schedule: PayoutSchedule, next_at: datetime) -> None:
    """It was done for this day; a change meanwhile stays."""
    await database.execute(_SQL["advance"], schedule.business_id, schedule.environment, schedule.next_at, next_at)
