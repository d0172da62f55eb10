"""Accounts at a payment provider that sellers began to open, so that payouts go there by transfers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

_SQL: Final = load_statements("onboardings.sql", __package__)


@dataclass(frozen=True, slots=True)
class PayoutOnboarding:
    """One. `finished_at`: None while the provider wants something still."""

    account_id: str
    begun_at: datetime
    finished_at: datetime | None


async def find(database: Database, business_id: PartyId, environment: str) -> PayoutOnboarding | None:
    """That of a seller; None: none was begun."""
    row = await database.fetchrow(_SQL["find"], business_id, environment)
    return None if row is None else PayoutOnboarding(**row)


async def begin(database: Database, business_id: PartyId, environment: str, account_id: str, now: datetime) -> None:
    """Keep one, unless there is one."""
    await database.execute(_SQL["begin"], business_id, environment, account_id, now)


async def finish(connection: Connection, business_id: PartyId, environment: str, now: datetime) -> bool:
    """It is finished; False: it was before."""
    return await connection.fetchval(_SQL["finish"], business_id, environment, now) is not None
