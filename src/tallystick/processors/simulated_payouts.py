"""The simulated payout rail of the sandbox: no real money moves, and amounts fail when told to.

Amounts whose first decimal is 7 are declined, as charges of the simulated rail are. Source:
docs/protocol/sandbox.md, 4. It keeps its own records in commits of its own, as a bank would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.money import MICROS_PER_UNIT
from tallystick.processors.payout_rail import NotSent, PayoutAnswer, PayoutInstruction, Sent
from tallystick.store.payouts import simulated_payouts

if TYPE_CHECKING:
    from tallystick.db.connections import Database

NAME: Final = "simulated"
_CLOSED: Final = "AccountClosed"
_DECLINED_DIGIT: Final = 7


@dataclass(frozen=True, slots=True)
class SimulatedPayoutRail:
    """Sends anything at once. `faults`: amounts may decline it."""

    memory: Database
    clock: Callable[[], datetime]
    faults: bool

    @property
    def name(self) -> str:
        """The rail's name in the books: money that the simulated rail took leaves by it."""
        return NAME

    async def send(self, instruction: PayoutInstruction) -> PayoutAnswer:
        """Send it once for each key. Raises ValueError: the key was used with another amount."""
        first_decimal = instruction.amount_micros // (MICROS_PER_UNIT // 10) % 10
        declined = _CLOSED if self.faults and first_decimal == _DECLINED_DIGIT else None
        key = instruction.idempotency_key
        kept = await simulated_payouts.keep(
            self.memory, key, instruction.amount_micros, instruction.account.hint, declined, self.clock()
        )
        if kept.amount_micros != instruction.amount_micros:
            raise ValueError(f"key {key} was used for {kept.amount_micros} micro-units")
        if kept.declined is not None:
            return NotSent("TransactionDenied", "Simulated by the amount: the bank account is closed.")
        return Sent(f"sim-{key[-12:]}")
