"""The protocol of payout rails: ways to send money to sellers' banks that answer by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from tallystick.domain.environments import SANDBOX

if TYPE_CHECKING:
    from tallystick.domain.banking.bank_accounts import BankAccount


TRANSFER: Final = "stripe"
"""The rail that pays sellers by transfers to accounts of their own there."""


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
    """What is to be sent, in micro-units of whole minor units, where to, and under which key.

    `asked_first`: when the rail was asked for it the first time; None: it was not yet.
    """

    idempotency_key: str
    amount_micros: int
    account: BankAccount
    environment: str = SANDBOX
    asked_first: datetime | None = None


class NotTakenBackError(Exception):
    """A provider does not take a transfer back; the message tells why."""


@dataclass(frozen=True, slots=True)
class ConnectedAccount:
    """A seller's account at a provider. `may_receive`: transfers go there. `wanted`: what the provider still needs."""

    account_id: str
    may_receive: bool
    wanted: tuple[str, ...] = ()


@runtime_checkable
class TransferRail(Protocol):
    """A payment provider that pays sellers by transfers to accounts of their own there."""

    async def begin_connecting(self, key: str, account_id: str | None, again_url: str, back_url: str) -> Connecting:
        """Where a seller gives the provider what it needs. Without an account one is made, once for the key."""
        ...

    async def find_connected(self, account_id: str) -> ConnectedAccount:
        """A seller's account as it is now. May raise anything."""
        ...

    async def transfer(self, instruction: PayoutInstruction) -> PayoutAnswer:
        """As `send` of PayoutRail."""
        ...

    async def take_back(self, reference: str, idempotency_key: str) -> None:
        """Take all of a transfer back, once for the key; nothing, where it was taken back already.

        Raises NotTakenBackError. May raise anything: whether it was taken back is not known.
        """
        ...


@dataclass(frozen=True, slots=True)
class Connecting:
    """An account at a provider, and the page there on which its owner goes on."""

    account_id: str
    url: str


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
