"""The protocol of payout rails: ways to send money to sellers' banks that answer by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tallystick.domain.banking.bank_accounts import BankAccount


@dataclass(frozen=True, slots=True)
class Sent:
    """It is on its way to the bank, for good. `reference`: the rail's own."""

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """It was not sent, and never will be. `status_code` and `reason` become the transaction's."""

    status_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class SentLater:
    """The rail does not know yet; ask again after a while."""

    ask_again_after: timedelta


PayoutAnswer = Sent | NotSent | SentLater


@dataclass(frozen=True, slots=True)
class PayoutInstruction:
    """What is to be sent, in micro-units of whole minor units, where to, and under which key."""

    idempotency_key: str
    amount_micros: int
    account: BankAccount


class PayoutRail(Protocol):
    """One way to send money to a bank without people."""

    @property
    def name(self) -> str:
        """Short name, which names the rail's account in the operator's book too."""
        ...

    async def send(self, instruction: PayoutInstruction) -> PayoutAnswer:
        """Send it, once for each key; for a key that was used before, return the stored result.

        May raise anything: the result is then unknown, the payout stays under way, and the rail is asked again.
        """
        ...
