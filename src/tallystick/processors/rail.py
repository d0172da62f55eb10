"""The protocol of rails: payment networks outside the service, reached by slow calls whose answers may be lost.

`tests/processors/contract.py` is this protocol as tests: every rail passes them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum, unique
from typing import Protocol

from tallystick.domain.commands import Method
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.rails.commands import Declined, Paid, RailOperation
from tallystick.domain.rails.reconciliation import MovementKind

__all__ = [
    "Declined",
    "DisputeFound",
    "DisputeStatus",
    "HintKind",
    "MovementKind",
    "Paid",
    "PaymentMethodFound",
    "Rail",
    "RailAnswer",
    "RailEventRefusedError",
    "RailHint",
    "RailMovement",
    "RailOrder",
    "RequiresAction",
    "SetupAbandoned",
    "SetupPending",
    "SetupRequest",
    "SetupResult",
    "SetupStarted",
    "StillPending",
    "Unknown",
    "idempotency_key",
    "transaction_of",
]


@dataclass(frozen=True, slots=True)
class StillPending:
    """The rail does not know yet; ask again after a while. `reference`: what the rail calls the order, once known."""

    ask_again_after: timedelta
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class RequiresAction:
    """Nothing was taken: the buyer has to confirm first, at the rail. The order ends so; a later one may go well.

    `url`: where the buyer confirms. None: the rail has no such page, so the buyer sets up the same means of payment
    once more (`begin_setup`).
    """

    url: str | None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The rail has no order by this reference or key. It may be that it never came, or that it cannot be found yet."""


RailAnswer = Paid | Declined | StillPending | RequiresAction


@dataclass(frozen=True, slots=True)
class RailOrder:
    """What a rail is to do. `amount_micros` is whole minor units.

    `rail_token` is what the rail calls the card or bank account, `method` which of the two it is. `earlier_key`: the
    idempotency key of the order that is captured, voided or refunded; `earlier_reference`: what the rail calls that
    order, where it has said so.
    """

    idempotency_key: str
    operation: RailOperation
    amount_micros: int
    rail_token: str
    earlier_key: str | None = None
    earlier_reference: str | None = None
    method: Method = Method.CC
    currency: str = "USD"

    @property
    def transaction_id(self) -> str:
        """The transaction that the order is for. It tells its book, too (`domain.ids.book_of_transaction`)."""
        return transaction_of(self.idempotency_key)


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """A means of payment is to be set up at the rail: the buyer goes there, and comes back to one of two addresses.

    `kind`: CC or ACH. `buyer_reference` stays the same for a buyer, and says nothing about them. Asked again with the
    `idempotency_key`, the rail gives the set-up that it has begun.
    """

    kind: Method
    return_url: str
    cancel_url: str
    buyer_reference: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class SetupStarted:
    """Where the buyer goes, and what the rail calls the set-up."""

    url: str
    reference: str


@dataclass(frozen=True, slots=True)
class PaymentMethodFound:
    """A card or bank account that the rail knows. `expires_on`: cards, the last day on which it can be charged."""

    rail_token: str
    kind: Method
    brand: str
    last_four: str
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class SetupPending:
    """The buyer is not through yet, or the rail is still checking."""


@dataclass(frozen=True, slots=True)
class SetupAbandoned:
    """It will come to nothing: given up, or its time is over."""


SetupResult = PaymentMethodFound | SetupPending | SetupAbandoned


@unique
class HintKind(Enum):
    """What an event is about."""

    ORDER = "order"  # a charge, a hold, a capture
    REFUND = "refund"
    SETUP = "setup"
    METHOD = "method"  # a card that the rail has brought up to date; the reference is its token
    DISPUTE = "dispute"
    PAYOUT = "payout"
    OTHER = "other"  # nothing that concerns the service


@dataclass(frozen=True, slots=True)
class RailHint:
    """An event that a rail has sent: only a hint that something may have changed. What has, is asked for.

    `reference`: what the rail calls the object. `idempotency_key`: that of our order, where the event carries it.
    """

    event_id: str
    object_kind: HintKind
    reference: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class DisputeFound:
    """A dispute as the rail has it now.

    `charge_reference`: what the rail calls the charge; `idempotency_key`: of our order for it, where the rail knows.
    `amount_micros` is disputed, `fee_micros` is what the rail takes for it. `due_at`: until when it takes evidence.
    """

    reference: str
    charge_reference: str
    status: DisputeStatus
    amount_micros: int
    fee_micros: int
    currency: str
    due_at: datetime | None = None
    idempotency_key: str | None = None


class RailEventRefusedError(Exception):
    """The event was not sent by the rail, or not lately; the message says why."""


@dataclass(frozen=True, slots=True)
class RailMovement:
    """One change of our balance at a rail. `movement_id` is the rail's own and names it for good.

    `amount_micros`: above 0 for what came to us, before `fee_micros`, which the rail kept of it (below 0: gave back).
    `reference`: the charge, refund or dispute that it belongs to; `charge_reference`: of a refund, what answers call
    the order that it gives back. `idempotency_key`: of our order, where it is known.
    """

    movement_id: str
    kind: MovementKind
    reference: str | None
    amount_micros: int
    fee_micros: int
    currency: str
    moment: datetime
    idempotency_key: str | None = None
    charge_reference: str | None = None


class Rail(Protocol):
    """One way to move real money, in one environment or several."""

    @property
    def name(self) -> str:
        """Short name, which names the rail's account in the operator's book too."""
        ...

    @property
    def environments(self) -> frozenset[str]:
        """Whose orders it takes: those of `sandbox` or `live` books."""
        ...

    @property
    def remembers_keys_for(self) -> timedelta:
        """How long an idempotency key is known for certain. Afterwards `perform` is not called again with it."""
        ...

    async def perform(self, order: RailOrder) -> RailAnswer:
        """Carry out an order, once for each idempotency key; for a key that was used before, return the stored result.

        May raise anything: the result is then unknown, the transaction stays pending, and the rail is asked again.
        """
        ...

    async def look_again(
        self, reference: str | None, idempotency_key: str, asked_first: datetime
    ) -> RailAnswer | Unknown:
        """What became of an order, by the rail's own reference or by our key in its records; never creates anything.

        `asked_first`: when the order was sent for the first time. May raise anything, as `perform`.
        """
        ...

    async def begin_setup(self, request: SetupRequest) -> SetupStarted:
        """Begin to set up a means of payment. May raise anything: the buyer is asked to try again."""
        ...

    async def finish_setup(self, reference: str) -> SetupResult:
        """What became of a set-up; asked as often as one likes. May raise anything: it is asked again."""
        ...

    async def find_method(self, rail_token: str) -> PaymentMethodFound | None:
        """A means of payment as the rail knows it now; None: no more. May raise anything."""
        ...

    async def find_dispute(self, reference: str) -> DisputeFound | None:
        """A dispute by the rail's own reference; None: there is none. May raise anything."""
        ...

    def read_event(self, headers: Mapping[str, str], body: bytes) -> RailHint:
        """Check who sent an event and what it is about. `headers` by their names in lower case.

        Raises RailEventRefusedError.
        """
        ...

    def list_movements(self, since: datetime, until: datetime) -> AsyncIterator[RailMovement]:
        """All that changed our balance at the rail from `since` to before `until`, in any order. May raise anything."""
        ...


def idempotency_key(transaction_id: str, operation: RailOperation) -> str:
    """The idempotency key of an order: the transaction's id for a charge, id and operation for what may follow it."""
    return transaction_id if operation is RailOperation.CHARGE else f"{transaction_id}.{operation.value}"


def transaction_of(key: str) -> str:
    """The transaction whose order has this idempotency key."""
    return key.partition(".")[0]
