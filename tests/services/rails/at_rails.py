"""Books whose payments go to rails: the simulated one, and others that say what a test tells them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.support.books import Books, Buyer
from tests.support.fake_rail import FakeRail
from tests.support.master_key import VAULT

from tallystick.domain.commands import Method
from tallystick.domain.ids import TransactionId
from tallystick.domain.outcomes import Accepted
from tallystick.domain.rails.commands import Paid
from tallystick.processors.rail import (
    DisputeFound,
    PaymentMethodFound,
    RailAnswer,
    RailOrder,
    Unknown,
)
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.rails import rail_operations
from tallystick.worker import Worker

DELAY = timedelta(seconds=5)
EVENTS_KEY = b"of the tests' provider"


def simulated(shop: Books) -> SimulatedRail:
    return SimulatedRail(shop.pool, shop.clock, DELAY, faults=True, events_key=EVENTS_KEY)


@dataclass
class OtherRail(FakeRail):
    """A rail with a name of its own, which says what it is told to say, and remembers what it was asked."""

    name = "other"
    answers: list[RailAnswer | Unknown] = field(default_factory=list)
    performed: list[RailOrder] = field(default_factory=list)
    looked_for: list[tuple[str | None, str]] = field(default_factory=list)
    method: PaymentMethodFound | None = None
    dispute: DisputeFound | None = None

    async def perform(self, order: RailOrder) -> RailAnswer:
        self.performed.append(order)
        answer = self.answers.pop(0) if self.answers else Paid(f"other_{secrets.token_hex(4)}", 20_000)
        assert not isinstance(answer, Unknown)
        return answer

    async def look_again(
        self,
        reference: str | None,
        idempotency_key: str,
        asked_first: datetime,  # noqa: ARG002 - not needed here
    ) -> RailAnswer | Unknown:
        self.looked_for.append((reference, idempotency_key))
        return self.answers.pop(0)

    async def find_dispute(self, reference: str) -> DisputeFound | None:
        assert self.dispute is None or reference == self.dispute.reference
        return self.dispute

    async def find_method(self, rail_token: str) -> PaymentMethodFound | None:
        assert self.method is None or rail_token == self.method.rail_token
        return self.method


def service_of(shop: Books, *rails: FakeRail) -> Service:
    on = Rails((simulated(shop), *rails))
    return Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock, rails=on)


def worker_of(shop: Books, *rails: FakeRail) -> Worker:
    service = service_of(shop, *rails)
    return Worker(service, service.rails)


async def card_is(shop: Books, buyer: Buyer, rail: str, token: str) -> None:
    await shop.pool.execute(
        "UPDATE payment_method SET rail = $2, rail_token = $3 WHERE party_id = $1", buyer.party_id, rail, token
    )


async def funding(shop: Books, amount: str = "10.00", *, rail: str = "simulated", token: str = "") -> TransactionId:
    buyer = await shop.prepaid_buyer("50.00", Method.CC)
    await card_is(shop, buyer, rail, token or secrets.token_hex(8))
    opened = await shop.fund(buyer, amount)
    assert isinstance(opened, Accepted)
    return opened.transaction_id


async def paid_at(shop: Books, rail: FakeRail, card: str) -> tuple[Buyer, Accepted, Worker]:
    """Somebody pays 8.00 by a card at a rail, whose worker has asked it."""
    buyer = await shop.sender_token(Method.CC)
    await card_is(shop, buyer, rail.name, card)
    paid = await shop.pay(buyer, "8.00")
    assert isinstance(paid, Accepted)
    worker = worker_of(shop, rail)
    await worker.step()
    return buyer, paid, worker


async def rows(shop: Books, transaction_id: TransactionId) -> dict[str, rail_operations.RailOperationRecord]:
    found = await rail_operations.of_transaction(shop.pool, shop.book_id, transaction_id)
    return {one.operation.value: one for one in found}


async def rail_balance(shop: Books, rail: str) -> int:
    balance = await shop.pool.fetchval(
        "SELECT balance_micros FROM account WHERE book_id = $1 AND kind = 'rail' AND subject = $2",
        shop.operator_book_id,
        rail,
    )
    return int(balance or 0)
