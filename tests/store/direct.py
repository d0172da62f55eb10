"""What the tests of payments in real money ask: what an outcome came to, what the rail and the books say."""

from __future__ import annotations

from datetime import timedelta

from tests.support.books import Books, Buyer
from tests.support.master_key import VAULT

from tallystick.domain.ids import TransactionId
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refused
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.worker import Worker


def said(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal.name


def taken(outcome: Outcome, status: str = "Success") -> TransactionId:
    assert isinstance(outcome, Accepted), outcome
    assert outcome.status.value == status
    return outcome.transaction_id


async def work(shop: Books) -> None:
    """Run the worker until the rail has answered everything that is open."""
    service = Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock)
    worker = Worker(service, Rails((SimulatedRail(shop.pool, shop.clock, timedelta(0), faults=True),)))
    while await worker.step():
        pass


async def status(shop: Books, transaction_id: TransactionId) -> tuple[str, str]:
    row = await shop.pool.fetchrow(
        "SELECT status, status_code FROM transaction WHERE book_id = $1 AND transaction_id = $2",
        shop.book_id,
        transaction_id,
    )
    assert row is not None
    return row["status"], row["status_code"]


async def on_account(shop: Books, buyer: Buyer) -> int:
    balance = await shop.pool.fetchval(
        "SELECT -balance_micros FROM account WHERE book_id = $1 AND kind = 'balance_of' AND subject = $2",
        shop.operator_book_id,
        str(buyer.party_id),
    )
    return int(balance)
