"""Orders of the simulated rail and their results: the records that a real rail keeps in its own systems."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.commands import RailOperation

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("simulated_charges.sql", __package__)


@dataclass(frozen=True, slots=True)
class SimulatedCharge:
    """One order. `outcome`: ``paid`` or ``declined``; nobody is told before `known_at`.

    `reason`: the status code of a decline; rows of early versions hold a sentence.
    """

    amount_micros: int
    outcome: str
    reason: str | None
    known_at: datetime


async def find(database: Database, key: str) -> SimulatedCharge | None:
    """What was said to this idempotency key before."""
    row = await database.fetchrow(_SQL["find"], key)
    return None if row is None else SimulatedCharge(**row)


async def keep(
    database: Database,
    key: str,
    operation: RailOperation,
    rail_token: str,
    amount_micros: int,
    *,
    decline: str | None,
    opened_at: datetime,
    known_at: datetime,
) -> SimulatedCharge:
    """Store an order in a commit of its own; `decline`: its status code, None where it is paid.

    Returns what is stored for the key: another process may have been faster.
    """
    outcome = "paid" if decline is None else "declined"
    arguments = (key, rail_token, amount_micros, outcome, decline, opened_at, known_at, operation.value)
    row: Any = await database.fetchrow(_SQL["keep"], *arguments)
    return SimulatedCharge(**row)
