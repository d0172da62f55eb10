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
        """Short name, which names the rail's account in the operator's book too."""
        ...

    async def perform(self, order: RailOrder) -> RailAnswer:
        """Carry out an order, once for each idempotency key; for a key that was used before, return the stored result.

        May raise anything: the result is then unknown, the transaction stays pending, and the rail is asked again.
        """
        ...


def idempotency_key(transaction_id: str, operation: RailOperation) -> str:
    """The idempotency key of an order: the transaction's id for a charge, id and operation for what may follow it."""
    return transaction_id if operation is RailOperation.CHARGE else f"{transaction_id}.{operation.value}"
