"""The protocol of rails: payment networks outside the service, reached by slow calls whose answers may be lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from tallystick.domain.commands import Declined, Paid, RailOperation


@dataclass(frozen=True, slots=True)
class StillPending:
    """The rail does not know yet; ask again after a while."""

    ask_again_after: timedelta


RailAnswer = Paid | Declined | StillPending


@dataclass(frozen=True, slots=True)
class RailOrder:
    """What a rail is to do. `amount_micros` is whole minor units.

    `rail_token` is what the rail calls the card or bank account. `earlier_key`: the idempotency key of the order that
    is captured, voided or refunded.
    """

    idempotency_key: str
    operation: RailOperation
    amount_micros: int
    rail_token: str
    earlier_key: str | None = None


class Rail(Protocol):
    """One way to move real money."""

    @property
    def name(self) -> str:
        """Short name; the operator's book has an account for it."""
        ...

    async def perform(self, order: RailOrder) -> RailAnswer:
        """Carry an order out, once for each key, or say what came of it before.

        May raise anything: the result is then unknown, the transaction stays pending, and the rail is asked again.
        """
        ...


def idempotency_key(transaction_id: str, operation: RailOperation) -> str:
    """The key of an order: its transaction's id for charges, with the operation for all that may follow."""
    return transaction_id if operation is RailOperation.CHARGE else f"{transaction_id}.{operation.value}"
