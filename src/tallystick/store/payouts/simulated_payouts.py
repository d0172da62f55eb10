"""What the simulated payout rail remembers: one row for each key, as a bank has it that knows its orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("simulated_payouts.sql", __package__)


@dataclass(frozen=True, slots=True)
class SimulatedPayout:
    """What was paid under a key, in micro-units; or why it was not."""

    amount_micros: int
    declined: str | None


async def keep(
    database: Database, key: str, amount_micros: int, account_hint: str, declined: str | None, now: datetime
) -> SimulatedPayout:
    """What the key stands for: this, unless it was used before."""
    await database.execute(_SQL["keep"], key, amount_micros, account_hint, declined, now)
    row = await database.fetchrow(_SQL["find"], key)
    assert row is not None, "it was just kept"  # noqa: S101
    return SimulatedPayout(**row)
