"""Buyers on their way to a rail and back, to set up a card or bank account there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.commands import Method
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

_SQL: Final = load_statements("rail_setups.sql", __package__)


@dataclass(frozen=True, slots=True)
class RailSetup:
    """One set-up. `reference` and `url` are the rail's, None until it has answered; `back_to` is a page of ours.

    `replaces_id`: the means of payment that is set up once more. `ended_at` with a `payment_method_id`: found; without:
    given up.
    """

    setup_id: str
    party_id: PartyId
    environment: str
    rail: str
    method: Method
    reference: str | None
    url: str | None
    back_to: str
    replaces_id: int | None
    begun_at: datetime
    ended_at: datetime | None
    payment_method_id: int | None


async def begin(  # noqa: PLR0913 - a column each
    database: Database,
    setup_id: str,
    party_id: PartyId,
    environment: str,
    rail: str,
    method: Method,
    *,
    back_to: str,
    replaces_id: int | None,
    now: datetime,
) -> None:
    """A buyer wants to set up a means of payment; the rail is asked afterwards."""
    arguments = (setup_id, party_id, environment, rail, method.value, back_to, replaces_id, now)
    await database.execute(_SQL["begin"], *arguments)


async def started(database: Database, setup_id: str, reference: str, url: str) -> None:
    """The rail has said what it calls it, and where the buyer goes."""
    await database.execute(_SQL["started"], setup_id, reference, url)


async def find(database: Database, setup_id: str) -> RailSetup | None:
    """One by its id."""
    row = await database.fetchrow(_SQL["find"], setup_id)
    return None if row is None else _setup(row)


async def lock(connection: Connection, setup_id: str) -> RailSetup | None:
    """One by its id, locked for the transaction: it ends once."""
    row = await connection.fetchrow(_SQL["lock"], setup_id)
    return None if row is None else _setup(row)


async def by_reference(database: Database, rail: str, reference: str) -> RailSetup | None:
    """The one that a rail calls so."""
    row = await database.fetchrow(_SQL["by_reference"], rail, reference)
    return None if row is None else _setup(row)


async def end(connection: Connection, setup_id: str, payment_method_id: int | None, now: datetime) -> None:
    """It is over: with the means of payment that was found, or with None given up."""
    await connection.execute(_SQL["end"], setup_id, now, payment_method_id)


async def forget(database: Database, before: datetime) -> None:
    """Delete those that were begun before this moment."""
    await database.execute(_SQL["forget"], before)


def _setup(row: Any) -> RailSetup:  # noqa: ANN401 - asyncpg's own shape
    return RailSetup(**{**row, "method": Method(row["method"]), "party_id": PartyId(row["party_id"])})
