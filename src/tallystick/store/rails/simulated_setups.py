"""Set-ups at the simulated provider's page, and cards whose owners have confirmed: the simulated rail's own memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.commands import Method

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("simulated_setups.sql", __package__)


@dataclass(frozen=True, slots=True)
class SimulatedSetup:
    """One set-up. `outcome`: ``complete``, ``abandoned``, or None while the buyer is there.

    `rail_token` and what follows it: the means of payment that came of it.
    """

    reference: str
    kind: Method
    return_url: str
    cancel_url: str
    begun_at: datetime
    outcome: str | None
    rail_token: str | None = field(repr=False)
    brand: str | None
    last_four: str | None
    expires_on: date | None


async def begin(
    database: Database, reference: str, key: str, kind: Method, return_url: str, cancel_url: str, now: datetime
) -> SimulatedSetup:
    """Begin one; with a key that was used before, give the one that was begun then."""
    row: Any = await database.fetchrow(_SQL["begin"], reference, key, kind.value, return_url, cancel_url, now)
    return _setup(row)


async def find(database: Database, reference: str) -> SimulatedSetup | None:
    """One by its reference."""
    row = await database.fetchrow(_SQL["find"], reference)
    return None if row is None else _setup(row)


async def complete(
    database: Database, reference: str, rail_token: str, brand: str, last_four: str, expires_on: date | None
) -> SimulatedSetup | None:
    """A means of payment came of it; None: it was over already."""
    row = await database.fetchrow(_SQL["complete"], reference, rail_token, brand, last_four, expires_on)
    return None if row is None else _setup(row)


async def abandon(database: Database, reference: str) -> None:
    """The buyer gave it up. What is over stays as it is."""
    await database.execute(_SQL["abandon"], reference)


async def of_token(database: Database, rail_token: str) -> SimulatedSetup | None:
    """The set-up that a means of payment came from; None: it was entered in a form of ours."""
    row = await database.fetchrow(_SQL["of_token"], rail_token)
    return None if row is None else _setup(row)


async def confirm(database: Database, rail_token: str, now: datetime) -> None:
    """The owner of a card has confirmed: it is charged from now on."""
    await database.execute(_SQL["confirm"], rail_token, now)


async def is_confirmed(database: Database, rail_token: str) -> bool:
    """Whether the owner of a card has confirmed."""
    return await database.fetchrow(_SQL["is_confirmed"], rail_token) is not None


def _setup(row: Any) -> SimulatedSetup:  # noqa: ANN401 - asyncpg's own shape
    return SimulatedSetup(**{**row, "kind": Method(row["kind"])})
