"""What a command came to."""

from __future__ import annotations

from enum import Enum, unique

from msgspec import Struct

from tallystick.domain.ids import TransactionId
from tallystick.domain.refusals import Refused


@unique
class TransactionStatus(Enum):
    """Status of a transaction, in the protocol's words."""

    SUCCESS = "Success"
    PENDING = "Pending"
    FAILURE = "Failure"
    RESERVED = "Reserved"
    CANCELLED = "Cancelled"


class Accepted(Struct, frozen=True):
    """The command was carried out; `transaction_id` and `status` as first answered."""

    transaction_id: TransactionId
    status: TransactionStatus


class Done(Struct, frozen=True):
    """A command without a transaction of its own was carried out."""


Outcome = Accepted | Done | Refused
"""A refusal is an outcome like the others: the other commands of its group are not affected."""
