"""Orders of the simulated rail and their results: the records that a real rail keeps in its own systems."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.rails.commands import RailOperation

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("simulated_charges.sql", __package__)


@dataclass(frozen=True, slots=True)
class SimulatedCharge:
    """One order. `outcome`: ``paid`` or ``declined``; nobody is told before `known_at`.

    `reason`: the code of a decline, or of a card that behaves oddly; rows of early versions hold a sentence.
    """

    idempotency_key: str
    reference: str
    operation: RailOperation
    rail_token: str
    amount_micros: int
    fee_micros: int
    outcome: str
    reason: str | None
    known_at: datetime


@dataclass(frozen=True, slots=True)
class NewSimulatedCharge:
    """An order and its result, before it is stored. `decline`: the code, None where it is paid."""

    idempotency_key: str
    reference: str
    operation: RailOperation
    rail_token: str
    amount_micros: int
    fee_micros: int
    outcome: str
    reason: str | None
    opened_at: datetime
    known_at: datetime


async def find(database: Database, key: str, reference: str | None = None) -> SimulatedCharge | None:
    """What was said to this idempotency key before, or else about the order that the rail calls `reference`."""
    row = await database.fetchrow(_SQL["find"], key, reference)
    return None if row is None else _charge(row)


async def keep(database: Database, new: NewSimulatedCharge) -> SimulatedCharge:
    """Store an order in a commit of its own.

    Returns what is stored for the key: another process may have been faster.
    """
    row: Any = await database.fetchrow(
        _SQL["keep"],
        new.idempotency_key,
        new.rail_token,
        new.amount_micros,
        new.outcome,
        new.reason,
        new.opened_at,
        new.known_at,
        new.operation.value,
        new.reference,
        new.fee_micros,
    )
    return _charge(row)


async def moved(database: Database, since: datetime, until: datetime) -> list[SimulatedCharge]:
    """Orders by which money came in or went out from `since` to before `until`."""
    return [_charge(row) for row in await database.fetch(_SQL["moved"], since, until)]


def _charge(row: Any) -> SimulatedCharge:  # noqa: ANN401 - asyncpg's own shape
    return SimulatedCharge(**{**row, "operation": RailOperation(row["operation"])})
