"""The simulated rail: no real money, yet slow, forgetful of nothing, and failing on order.

It keeps its own memory (table simulated_charge) in commits of its own, as the outside world would. Amounts whose first
decimal is 6 or 7 are declined. Source: spec/sandbox, 2 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from tallystick.domain.commands import Declined, Paid, RailOperation
from tallystick.domain.money import MICROS_PER_UNIT
from tallystick.processors.rail import RailAnswer, RailOrder, StillPending

NAME: Final = "simulated"

_DECLINES: Final = {
    6: Declined("TemporaryDecline", "A system behind the service was not available; it may be tried again."),
    7: Declined("TransactionDenied", "The payment was declined, for example for lack of funds."),
}

_DECLINABLE: Final = frozenset({RailOperation.CHARGE, RailOperation.AUTHORIZE, RailOperation.REFUND})
"""What amounts can make fail: what was held is captured and let go without fail."""


class Memory(Protocol):
    """What the rail remembers with: a pool of database connections."""

    async def fetchrow(self, query: str, *arguments: Any) -> Any:  # noqa: ANN401 - asyncpg's own shape
        """Run a statement in a commit of its own and return its first row."""
        ...


@dataclass(frozen=True, slots=True)
class SimulatedRail:
    """Charges anything in full, after `delay`. `faults`: amounts may ask for a decline."""

    memory: Memory
    clock: Callable[[], datetime]
    delay: timedelta
    faults: bool

    @property
    def name(self) -> str:
        """The rail's name in the books."""
        return NAME

    async def perform(self, order: RailOrder) -> RailAnswer:
        """Carry out once per key. The same key with another amount is refused: ValueError."""
        now = self.clock()
        decline = self._decline(order)
        row = await self.memory.fetchrow(
            "INSERT INTO simulated_charge (idempotency_key, rail_token, amount_micros, outcome, reason, opened_at,"
            " known_at, operation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            " ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = excluded.idempotency_key"
            " RETURNING amount_micros, outcome, known_at",
            order.idempotency_key,
            order.rail_token,
            order.amount_micros,
            "paid" if decline is None else "declined",
            None if decline is None else decline.reason,
            now,
            now + self.delay,
            order.operation.value,
        )
        if row["amount_micros"] != order.amount_micros:
            raise ValueError(f"key {order.idempotency_key} was used for {row['amount_micros']} micro-units")
        if now < row["known_at"]:
            return StillPending(row["known_at"] - now)
        return Paid() if row["outcome"] == "paid" else self._decline(order) or _DECLINES[7]

    def _decline(self, order: RailOrder) -> Declined | None:
        if not self.faults or order.operation not in _DECLINABLE:
            return None
        return _DECLINES.get(order.amount_micros // (MICROS_PER_UNIT // 10) % 10)
