"""The simulated rail: no real money moves; it answers late, once for each idempotency key, and fails when told to.

It keeps its own records (store/records/simulated_charges.py) in commits of its own, as a real rail would. Amounts whose
first decimal is 6 or 7 are declined, and so are orders that meet an ordered fault. Source: docs/protocol/sandbox.md, 2
and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import Paid
from tallystick.domain.money import MICROS_PER_UNIT
from tallystick.processors.rail import RailAnswer, RailOrder, StillPending
from tallystick.store.records import ordered_faults, simulated_charges
from tallystick.store.records.ordered_faults import DECLINES, OPERATIONS, OrderedFault
from tallystick.store.records.simulated_charges import SimulatedCharge

if TYPE_CHECKING:
    from tallystick.db.connections import Database

NAME: Final = "simulated"

_BY_AMOUNT: Final = {6: "TemporaryDecline", 7: "TransactionDenied"}
"""The decline that an amount's first decimal triggers."""

ASK_AGAIN: Final = timedelta(seconds=2)
"""The polling interval for an order that an ordered fault holds back, which it does until somebody releases it."""


@dataclass(frozen=True, slots=True)
class SimulatedRail:
    """Charges anything in full, after `delay`. `faults`: amounts and ordered faults may decline or hold an order."""

    memory: Database
    clock: Callable[[], datetime]
    delay: timedelta
    faults: bool

    @property
    def name(self) -> str:
        """The rail's name in the books."""
        return NAME

    async def perform(self, order: RailOrder) -> RailAnswer:
        """Carry out an order once per idempotency key. Raises ValueError: the key was used with another amount."""
        now = self.clock()
        charge = await simulated_charges.find(self.memory, order.idempotency_key)
        if charge is None:
            fault = await self._fault(order, now) if self.faults else None
            if fault is not None and fault.holding:
                return StillPending(ASK_AGAIN)
            charge = await self._carry_out(order, self._decline(order) if fault is None else fault.decline, now)
        if charge.amount_micros != order.amount_micros:
            raise ValueError(f"key {order.idempotency_key} was used for {charge.amount_micros} micro-units")
        if now < charge.known_at:
            return StillPending(charge.known_at - now)
        if charge.outcome == "paid":
            return Paid()
        return DECLINES.get(charge.reason or "", DECLINES["TransactionDenied"])  # older rows hold a sentence

    async def _fault(self, order: RailOrder, now: datetime) -> OrderedFault | None:
        return await ordered_faults.met_by(self.memory, order.idempotency_key, order.operation, now)

    async def _carry_out(self, order: RailOrder, decline: str | None, now: datetime) -> SimulatedCharge:
        """The stored result of the order. Of several processes with the same key, the first insert decides it."""
        return await simulated_charges.keep(
            self.memory,
            order.idempotency_key,
            order.operation,
            order.rail_token,
            order.amount_micros,
            decline=decline,
            opened_at=now,
            known_at=now + self.delay,
        )

    def _decline(self, order: RailOrder) -> str | None:
        """The status code of the decline that the amount triggers; None: it is charged."""
        if not self.faults or order.operation not in OPERATIONS:
            return None
        return _BY_AMOUNT.get(order.amount_micros // (MICROS_PER_UNIT // 10) % 10)
