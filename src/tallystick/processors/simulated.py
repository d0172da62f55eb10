"""The simulated rail: no real money, yet slow, forgetful of nothing, and failing on order.

It keeps its own memory (table simulated_charge) in commits of its own, as the outside world would. Amounts whose first
decimal is 6 or 7 are declined, and so is what meets a fault on order. Source: docs/protocol/sandbox.md, 2 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tallystick.domain.commands import Paid
from tallystick.domain.money import MICROS_PER_UNIT
from tallystick.processors import ordered_faults
from tallystick.processors.ordered_faults import DECLINES, OPERATIONS, Memory
from tallystick.processors.rail import RailAnswer, RailOrder, StillPending

NAME: Final = "simulated"

_BY_AMOUNT: Final = {6: "TemporaryDecline", 7: "TransactionDenied"}
"""What a first decimal asks for."""

_FIND: Final = "SELECT amount_micros, outcome, reason, known_at FROM simulated_charge WHERE idempotency_key = $1"

ASK_AGAIN: Final = timedelta(seconds=2)
"""When to ask again for an order that a fault holds: nobody knows how long that will be."""


@dataclass(frozen=True, slots=True)
class SimulatedRail:
    """Charges anything in full, after `delay`. `faults`: amounts and ordered faults may ask for a decline."""

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
        charge = await self.memory.fetchrow(_FIND, order.idempotency_key)
        if charge is None:
            fault = await ordered_faults.met_by(self.memory, order, now) if self.faults else None
            if fault is not None and fault.holding:
                return StillPending(ASK_AGAIN)
            charge = await self._carry_out(order, self._decline(order) if fault is None else fault.decline, now)
        if charge["amount_micros"] != order.amount_micros:
            raise ValueError(f"key {order.idempotency_key} was used for {charge['amount_micros']} micro-units")
        if now < charge["known_at"]:
            return StillPending(charge["known_at"] - now)
        if charge["outcome"] == "paid":
            return Paid()
        return DECLINES.get(charge["reason"], DECLINES["TransactionDenied"])  # older rows hold a sentence

    async def _carry_out(self, order: RailOrder, decline: str | None, now: datetime) -> Any:  # noqa: ANN401 - a row
        """What is remembered of the order from now on: another process may have been faster."""
        return await self.memory.fetchrow(
            "INSERT INTO simulated_charge (idempotency_key, rail_token, amount_micros, outcome, reason, opened_at,"
            " known_at, operation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            " ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = excluded.idempotency_key"
            " RETURNING amount_micros, outcome, reason, known_at",
            order.idempotency_key,
            order.rail_token,
            order.amount_micros,
            "paid" if decline is None else "declined",
            decline,
            now,
            now + self.delay,
            order.operation.value,
        )

    def _decline(self, order: RailOrder) -> str | None:
        """The status code that the amount asks for."""
        if not self.faults or order.operation not in OPERATIONS:
            return None
        return _BY_AMOUNT.get(order.amount_micros // (MICROS_PER_UNIT // 10) % 10)
