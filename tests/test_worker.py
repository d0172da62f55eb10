from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import Any

import pytest
from tests.store.direct import status
from tests.support.books import Books, Buyer
from tests.support.fake_rail import FakeRail
from tests.support.master_key import VAULT
from tests.support.paths import ROOT

from tallystick.domain.commands import Command, Method
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome, TransactionStatus
from tallystick.domain.rails.commands import Paid, RailOperation, ResolveCharge
from tallystick.processors.rail import RailAnswer, RailOrder
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.context import Service
from tallystick.services.rails.orders import LEASE
from tallystick.settings import Settings
from tallystick.store.ledger.committer import Committer
from tallystick.worker import Worker

DELAY = timedelta(seconds=5)
CHILD = "tests.store.die_at_the_rail"


def worker_of(shop: Books) -> Worker:
    service = Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock)
    return Worker(service, Rails((SimulatedRail(shop.pool, shop.clock, DELAY, faults=True),)))


async def opened(shop: Books, buyer: Buyer, amount: str) -> TransactionId:
    outcome = await shop.fund(buyer, amount)
    assert isinstance(outcome, Accepted)
    assert outcome.status is TransactionStatus.PENDING
    return outcome.transaction_id


async def charges(shop: Books, transaction_id: TransactionId) -> int:
    count = await shop.pool.fetchval("SELECT count(*) FROM simulated_charge WHERE idempotency_key = $1", transaction_id)
    assert isinstance(count, int)
    return count


async def test_a_charge_is_pending_for_the_rails_delay_and_then_succeeds(shop: Books) -> None:
    buyer = await shop.prepaid_buyer("25.00", Method.CC)
    funding = await opened(shop, buyer, "10.00")
    worker = worker_of(shop)

    await worker.step()
    assert await status(shop, funding) == ("Pending", "PendingNetworkResponse")
    shop.clock.forward(seconds=4)
    await worker.step()
    assert await status(shop, funding) == ("Pending", "PendingNetworkResponse")
    shop.clock.forward(seconds=1)
    await worker.step()

    assert await status(shop, funding) == ("Success", "Success")
    assert await shop.balance(buyer) == parse_amount("10.00")


@pytest.mark.parametrize(("amount", "code"), [("2.61", "TemporaryDecline"), ("5.71", "TransactionDenied")])
async def test_magic_amounts_go_pending_and_then_fail(shop: Books, amount: str, code: str) -> None:
    buyer = await shop.prepaid_buyer("25.00", Method.CC)
    funding = await opened(shop, buyer, amount)
    worker = worker_of(shop)
    await worker.step()
    shop.clock.forward(seconds=5)
    await worker.step()

    assert await status(shop, funding) == ("Failure", code)
    assert await shop.balance(buyer) == 0
    pending = await shop.pool.fetchval(
        "SELECT pending_micros FROM instrument WHERE instrument_id = $1", buyer.instrument
    )
    assert pending == 0


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_worker_killed_at_the_rail_is_replaced_by_the_next_one(
    shop: Books, database_url: str, when: str
) -> None:
    """Before or after the rail took the money: the next worker asks again with the same key and finishes the job."""
    buyer = await shop.prepaid_buyer("25.00", Method.CC)
    funding = await opened(shop, buyer, "10.00")
    arguments = ("-m", CHILD, database_url, when, shop.clock().isoformat())
    child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert child.stdout is not None
    lines = await asyncio.wait_for(child.stdout.readline(), 30)
    assert lines == b"at the rail\n"
    child.kill()
    await child.wait()
    assert await charges(shop, funding) == (1 if when == "after" else 0)
    assert await status(shop, funding) == ("Pending", "PendingNetworkResponse")

    worker = worker_of(shop)
    await worker.step()
    assert await status(shop, funding) == ("Pending", "PendingNetworkResponse"), "the dead one's lease still runs"
    shop.clock.forward(seconds=int(LEASE.total_seconds()))
    for _ in range(2):
        await worker.step()
        shop.clock.forward(seconds=5)

    assert await status(shop, funding) == ("Success", "Success")
    assert await charges(shop, funding) == 1
    assert await shop.balance(buyer) == parse_amount("10.00")


class BrokenRail(FakeRail):
    """Fails a few times in ways that say nothing about the money, then answers."""

    def __init__(self, rail: SimulatedRail, failures: int) -> None:
        self.rail = rail
        self.failures = failures

    async def perform(self, order: RailOrder) -> RailAnswer:
        answer = await self.rail.perform(order)
        if self.failures:
            self.failures -= 1
            raise TimeoutError("no answer in time")
        return answer


async def test_an_unknown_result_is_asked_again_and_never_guessed(shop: Books) -> None:
    buyer = await shop.postpaid_buyer("100.00", method=Method.CC)
    await shop.pay(buyer, "50.00")
    settled = await shop.settle(buyer, "20.00")
    assert isinstance(settled, Accepted)
    worker = worker_of(shop)
    worker.rails = Rails((BrokenRail(SimulatedRail(shop.pool, shop.clock, timedelta(0), faults=True), 3),))

    for pause in (2, 4, 8):
        await worker.step()
        assert await status(shop, settled.transaction_id) == ("Pending", "PendingNetworkResponse")
        shop.clock.forward(seconds=pause)
    await worker.step()

    assert await status(shop, settled.transaction_id) == ("Success", "Success")
    assert await charges(shop, settled.transaction_id) == 1
    assert await shop.balance(buyer) == parse_amount("30.00")


async def test_an_answer_that_cannot_be_booked_holds_up_nothing_else(
    shop: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = await opened(shop, await shop.prepaid_buyer("25.00", Method.CC), "10.00")
    sound = await opened(shop, await shop.prepaid_buyer("25.00", Method.CC), "20.00")
    held = await shop.reserve(await shop.sender_token(Method.CC), "5.00")
    assert isinstance(held, Accepted)
    worker = worker_of(shop)
    await worker.ask_rails()
    shop.clock.forward(days=8)  # the reservation runs out, too
    perform = Committer.perform

    async def perform_or_fail(committer: Committer, book_id: BookId, command: Command, *more: Any) -> Outcome:  # noqa: ANN401
        if isinstance(command, ResolveCharge) and command.transaction_id == spoilt:
            raise RuntimeError("no row fits")
        return await perform(committer, book_id, command, *more)

    monkeypatch.setattr(Committer, "perform", perform_or_fail)
    with pytest.raises(ExceptionGroup, match="asking rails") as failed:
        await worker.ask_rails()
    shop.clock.forward(days=8)
    with pytest.raises(ExceptionGroup):
        await worker.ask_rails()

    assert [str(one) for one in failed.value.exceptions] == ["no row fits"]
    assert (await status(shop, spoilt))[0] == "Pending"
    assert (await status(shop, sound))[0] == "Success"
    assert (await status(shop, held.transaction_id))[0] == "Cancelled"


async def test_two_workers_share_the_work_without_charging_twice(shop: Books) -> None:
    buyer = await shop.prepaid_buyer("100.00", Method.ACH)
    fundings = [await opened(shop, buyer, "1.00") for _ in range(20)]
    one, other = worker_of(shop), worker_of(shop)
    for _ in range(3):
        await asyncio.gather(one.step(), other.step())
        shop.clock.forward(seconds=5)

    assert [await status(shop, funding) for funding in fundings] == [("Success", "Success")] * 20
    assert await shop.balance(buyer) == parse_amount("20.00")


async def test_the_rail_refuses_one_key_for_two_amounts(shop: Books) -> None:
    rail = SimulatedRail(shop.pool, shop.clock, timedelta(0), faults=False)
    buyer = await shop.prepaid_buyer("25.00", Method.CC)
    funding = await opened(shop, buyer, "1.00")
    assert isinstance(await rail.perform(RailOrder(funding, RailOperation.CHARGE, 1_000_000, "card")), Paid)
    with pytest.raises(ValueError, match="key"):
        await rail.perform(RailOrder(funding, RailOperation.CHARGE, 2_000_000, "card"))
    assert await worker_of(shop).step() >= 1
