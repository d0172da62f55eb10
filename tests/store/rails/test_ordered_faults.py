"""Faults on order at the simulated rail: which request meets them, how long they hold it, that none is used twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.store.direct import status
from tests.support.books import Books, Buyer
from tests.support.master_key import VAULT
from tests.test_worker import charges, opened

from tallystick.domain.commands import Method
from tallystick.domain.ids import BookId
from tallystick.domain.rails.commands import Declined, Paid, RailOperation
from tallystick.processors.rail import RailOrder, StillPending
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import ASK_AGAIN, SimulatedRail
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.rails import ordered_faults
from tallystick.store.rails.ordered_faults import MAX_WAITING, OrderedFault, TooManyFaultsError
from tallystick.worker import Worker


def rail_of(shop: Books, *, faults: bool = True, delay: timedelta = timedelta(0)) -> SimulatedRail:
    return SimulatedRail(shop.pool, shop.clock, delay, faults=faults)


def worker_of(shop: Books) -> Worker:
    service = Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock)
    return Worker(service, Rails((rail_of(shop),)))


async def ordered(shop: Books, decline: str | None, operation: RailOperation = RailOperation.CHARGE) -> str:
    return await ordered_faults.place(shop.pool, shop.book_id, operation, decline, shop.clock())


async def faults(shop: Books) -> list[OrderedFault]:
    return await ordered_faults.of_book(shop.pool, shop.book_id, 100)


@pytest.fixture
async def buyer(shop: Books) -> Buyer:
    return await shop.prepaid_buyer("100.00", Method.CC)


@pytest.mark.parametrize("code", ordered_faults.DECLINES)
async def test_the_next_charge_fails_with_the_code_that_was_ordered_and_the_one_after_goes_well(
    shop: Books, buyer: Buyer, code: str
) -> None:
    await ordered(shop, code)
    first = await opened(shop, buyer, "10.00")
    await worker_of(shop).step()
    second = await opened(shop, buyer, "10.00")
    await worker_of(shop).step()

    assert await status(shop, first) == ("Failure", code)
    assert await status(shop, second) == ("Success", "Success")
    (met,) = await faults(shop)
    assert (met.transaction_id, met.met_at, met.holding) == (first, shop.clock(), False)


async def test_a_charge_is_held_until_it_is_let_go(shop: Books, buyer: Buyer) -> None:
    fault_id = await ordered(shop, None)
    held = await opened(shop, buyer, "10.00")
    worker = worker_of(shop)
    for _ in range(3):
        await worker.step()
        shop.clock.forward(seconds=ASK_AGAIN.seconds)
    assert (await status(shop, held))[0] == "Pending"
    assert await charges(shop, held) == 0
    (fault,) = await faults(shop)
    assert fault.holding

    assert await ordered_faults.release(shop.pool, shop.book_id, fault_id, None, shop.clock())
    assert not await ordered_faults.release(shop.pool, shop.book_id, fault_id, "TransactionDenied", shop.clock())
    await worker.step()

    assert await status(shop, held) == ("Success", "Success")
    assert await charges(shop, held) == 1


async def test_what_was_held_can_be_declined(shop: Books, buyer: Buyer) -> None:
    fault_id = await ordered(shop, None)
    held = await opened(shop, buyer, "10.00")
    await worker_of(shop).step()
    await ordered_faults.release(shop.pool, shop.book_id, fault_id, "TemporaryDecline", shop.clock())
    shop.clock.forward(seconds=ASK_AGAIN.seconds)
    await worker_of(shop).step()

    assert await status(shop, held) == ("Failure", "TemporaryDecline")


async def test_an_order_that_was_answered_meets_no_fault(shop: Books, buyer: Buyer) -> None:
    """The rail is asked again, because it was slow or a worker died: its answer stays the same."""
    funding = await opened(shop, buyer, "1.00")
    order = RailOrder(funding, RailOperation.CHARGE, 1_000_000, "card")
    slow = rail_of(shop, delay=timedelta(seconds=5))
    waiting = await slow.perform(order)
    assert isinstance(waiting, StillPending)
    assert waiting.ask_again_after == timedelta(seconds=5)
    await ordered(shop, "TransactionDenied")
    shop.clock.forward(seconds=5)

    assert isinstance(await slow.perform(order), Paid)
    assert [fault.key for fault in await faults(shop)] == [None]
    await worker_of(shop).step()


async def test_a_fault_stays_with_the_order_that_it_met(shop: Books, buyer: Buyer) -> None:
    """Also when the process died between meeting the fault and remembering the charge."""
    await ordered(shop, "TransactionDenied")
    await ordered(shop, "TemporaryDecline")
    funding = await opened(shop, buyer, "1.00")
    order = RailOrder(funding, RailOperation.CHARGE, 1_000_000, "card")
    met = await ordered_faults.met_by(shop.pool, order.idempotency_key, order.operation, shop.clock())
    assert met is not None

    answer = await rail_of(shop).perform(order)

    assert isinstance(answer, Declined)
    assert answer.status_code == met.decline
    assert len([fault for fault in await faults(shop) if fault.key is None]) == 1
    await worker_of(shop).step()


async def test_a_fault_meets_its_own_kind_of_order_in_its_own_book(shop: Books, buyer: Buyer) -> None:
    await ordered(shop, "TransactionDenied", RailOperation.REFUND)
    stranger = replace(shop, book_id=BookId(shop.book_id + 1))
    await ordered(stranger, "TransactionDenied")
    funding = await opened(shop, buyer, "1.00")
    await worker_of(shop).step()

    assert await status(shop, funding) == ("Success", "Success")
    assert [fault.key for fault in (*await faults(shop), *await faults(stranger))] == [None, None]


async def test_without_the_setting_nothing_is_met(shop: Books, buyer: Buyer) -> None:
    await ordered(shop, "TransactionDenied")
    funding = await opened(shop, buyer, "1.00")
    answer = await rail_of(shop, faults=False).perform(RailOrder(funding, RailOperation.CHARGE, 1_000_000, "card"))
    assert isinstance(answer, Paid)
    await worker_of(shop).step()
    assert [fault.key for fault in await faults(shop)] == [None]


async def test_what_has_met_no_order_can_be_taken_back_and_the_rest_cannot(shop: Books, buyer: Buyer) -> None:
    kept, gone = await ordered(shop, "TransactionDenied"), await ordered(shop, "TransactionDenied")
    assert await ordered_faults.take_back(shop.pool, shop.book_id, gone)
    assert not await ordered_faults.take_back(shop.pool, shop.book_id, gone)
    await opened(shop, buyer, "1.00")
    await worker_of(shop).step()

    assert not await ordered_faults.take_back(shop.pool, shop.book_id, kept)
    assert [fault.fault_id for fault in await faults(shop)] == [kept]


async def test_only_so_many_may_wait(shop: Books) -> None:
    for _ in range(MAX_WAITING):
        await ordered(shop, "TransactionDenied")
    with pytest.raises(TooManyFaultsError):
        await ordered(shop, "TransactionDenied")
