"""What rails say, and what the operator's book is told of them, as commands; answers to what they were asked for."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, unique

from msgspec import Struct

from tallystick.domain.accounts import AccountKind
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import PartyId, TransactionId


@unique
class RailOperation(Enum):
    """What a rail is asked to do."""

    CHARGE = "charge"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    RETURN = "return"  # give back what came in although the transaction is over: it was cancelled, or it had failed


class Paid(Struct, frozen=True):
    """The rail took the money. `reference`: what it calls the order; `fee_micros`: what it keeps, where it says so."""

    reference: str | None = None
    fee_micros: int | None = None


class Declined(Struct, frozen=True):
    """The rail said no, finally. `status_code` and `reason` become the transaction's.

    `code`: the rail's own word for it. `hard`: the same card or bank account is not worth another try.
    """

    status_code: str
    reason: str
    code: str | None = None
    hard: bool = False
    reference: str | None = None


class ResolveCharge(Struct, frozen=True):
    """A rail's final answer about a pending transaction. Resolving twice changes nothing."""

    transaction_id: TransactionId
    rail: str
    answer: Paid | Declined
    operation: RailOperation = RailOperation.CHARGE


class ResolvePayout(Struct, frozen=True):
    """A payout was sent, or was not and never will be. Resolving twice changes nothing.

    `reference`: the bank's or the rail's own, where it is known.
    """

    transaction_id: TransactionId
    answer: Paid | Declined
    reference: str | None = None


class ReverseRefund(Struct, frozen=True):
    """A rail tells that a refund, which had gone well, has failed after all. Telling it twice changes nothing.

    `transaction_id`: for the reversal. `answer`: why, in the rail's words.
    """

    transaction_id: TransactionId
    refund_id: TransactionId
    rail: str
    answer: Declined


class ReturnCharge(Struct, frozen=True):
    """Give back what a rail took although the transaction had failed or was cancelled: it came too late.

    It goes back the way it came. Asking twice changes nothing.
    """

    transaction_id: TransactionId


class Deposit(Struct, frozen=True):
    """Sandbox money from a rail onto a person's account balance. For the operator's book only."""

    transaction_id: TransactionId
    party_id: PartyId
    rail: str
    amount_micros: int


class BookMovement(Struct, frozen=True):
    """What a rail did with our money by itself: kept a fee, or paid to our bank. For the operator's book only.

    `movement_id` is the rail's own: of one movement each `account`, RAIL_FEES, BANK or SUSPENSE, is booked once, and
    telling it again changes nothing. `amount_micros`: above 0 left the rail, below 0 came back to it.
    """

    transaction_id: TransactionId
    rail: str
    movement_id: str
    account: AccountKind
    amount_micros: int


class DisputeMoved(Struct, frozen=True):
    """A rail tells of a dispute of the charge `original_id`. Telling the same twice changes nothing.

    `transaction_id`: for the dispute itself, where it is told for the first time. `reference`: the rail's name of it.
    `amount_micros`: what is disputed. `fee_micros`: all that the rail has charged for the dispute; None: as before.
    """

    transaction_id: TransactionId
    original_id: TransactionId
    rail: str
    reference: str
    status: DisputeStatus
    amount_micros: int
    fee_micros: int | None = None
    reason: str | None = None
    evidence_due_at: datetime | None = None


class CollectDue(Struct, frozen=True):
    """Take from the seller's cash what it still owes for a dispute of the charge `original_id`, as far as that goes."""

    dispute_id: TransactionId
    original_id: TransactionId
