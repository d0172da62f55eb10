from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import msgspec
import pytest
from tests.notify.post_office import PostOffice
from tests.notify.receivers import Receiver, answer, receiver, until
from tests.support.books import Books, OpenBooks
from tests.support.paths import ROOT

from tallystick.domain.commands import CancelToken, Refund
from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.rails.commands import Paid
from tallystick.notify.delivery import COOL_DOWN, MAX_TO_ONE, next_try
from tallystick.services.seller.manual_operations import new_reference
from tallystick.store.records import outbox

CHILD = "tests.notify.die_while_sending"
DAY = timedelta(hours=24)


async def test_pending_and_success_arrive_in_their_order(shop: Books, office: PostOffice, seller: Receiver) -> None:
    await office.tell(seller.url)
    funding = await office.slow_funding()
    await shop.resolve(funding, Paid())
    assert await office.states() == ["waiting", "waiting"]
    worker = office.worker()

    await worker.notification_sender.dispatch()
    await worker.notification_sender.idle()
    assert seller.statuses == ["PENDING"], "the later one waits for the earlier one"
    await worker.notification_sender.dispatch()
    await worker.notification_sender.idle()

    assert seller.statuses == ["PENDING", "SUCCESS"]
    assert await office.states() == ["delivered", "delivered"]
    assert await worker.notification_sender.dispatch() == 0


async def test_an_event_of_a_seller_without_an_address_is_no_work(office: PostOffice) -> None:
    payment = await office.quick_payment()

    assert await office.states(payment) == []
    assert await office.worker().notification_sender.dispatch() == 0


async def test_the_address_in_the_request_wins_also_for_later_events(
    shop: Books, office: PostOffice, seller: Receiver
) -> None:
    await office.tell(seller.url)
    async with receiver() as special:
        funding = await office.slow_funding(notification_url=special.url)
        worker = office.worker()
        await worker.step()
        shop.clock.forward(seconds=5)
        await worker.step()

        assert special.statuses == ["PENDING", "SUCCESS"]
        assert [received.form["transactionId"] for received in special.received] == [funding] * 2
    assert seller.received == []


async def test_a_cancelled_token_is_announced(shop: Books, office: PostOffice, seller: Receiver) -> None:
    buyer = await shop.prepaid_buyer()
    cancel = CancelToken(buyer.spending, by=shop.party_id, notification_url=seller.url)
    assert await shop.perform(cancel) == Done()
    await office.worker().step()

    (received,) = seller.received
    assert received.form["notificationType"] == "TokenCancellation"
    assert received.form["tokenId"] == buyer.spending


@pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
async def test_any_answer_but_2xx_is_a_failure(shop: Books, office: PostOffice, status: int) -> None:
    async with receiver(answers=[answer(status, "location: http://127.0.0.1:9/elsewhere")]) as seller:
        await office.tell(seller.url)
        payment = await office.quick_payment()
        await office.worker().step()
        failed = await office.entry(payment)
        assert (failed.state, failed.attempts) == ("waiting", 1)
        assert failed.last_error == f"the receiver answered {status}"
        assert failed.due_at == shop.clock() + timedelta(minutes=1)

        shop.clock.forward(seconds=60)
        await office.worker().step()
        assert (await office.entry(payment)).state == "delivered"


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_any_2xx_is_a_success_whatever_the_body(office: PostOffice, status: int) -> None:
    body = b"" if status == 204 else b"x" * 100_000
    async with receiver(usual=answer(status, body=body)) as seller:
        await office.tell(seller.url)
        payment = await office.quick_payment()
        await office.worker().step()
        assert (await office.entry(payment)).state == "delivered"


async def test_a_retry_sends_the_same_bytes(shop: Books, office: PostOffice) -> None:
    async with receiver(answers=[answer(500), b""]) as seller:
        await office.tell(seller.url + "?shop=7")
        await office.quick_payment()
        await office.worker().step()
        await shop.pool.execute("UPDATE party SET name = 'Another Name' WHERE party_id = $1", shop.party_id)
        shop.clock.forward(seconds=60)
        await office.worker().step()
        shop.clock.forward(seconds=120)
        await office.worker().step()

        assert len(seller.received) == 3
        assert len({(received.target, received.body) for received in seller.received}) == 1
        assert await office.states() == ["delivered"]


async def test_nobody_answers(office: PostOffice) -> None:
    async with receiver() as gone:
        url = gone.url
    await office.tell(url)
    payment = await office.quick_payment()
    await office.worker().step()

    failed = await office.entry(payment)
    assert failed.state == "waiting"
    assert failed.last_error == f"nobody listens at 127.0.0.1:{gone.port}"


async def test_a_host_whose_name_cannot_be_read(office: PostOffice) -> None:
    """It is a failed delivery like any other, not an internal error."""
    await office.tell("http://xn--a/ipn")
    payment = await office.quick_payment()
    await office.worker().step()

    failed = await office.entry(payment)
    assert failed.state == "waiting"
    assert (failed.last_error or "").startswith("the address cannot be read: ")


async def test_an_answer_that_does_not_come_in_time(office: PostOffice) -> None:
    async with receiver(usual=None) as silent:
        await office.tell(silent.url)
        payment = await office.quick_payment()
        await office.worker(notification_timeout_ms=100).step()

    failed = await office.entry(payment)
    assert (failed.state, failed.last_error) == ("waiting", "no answer in time")


async def test_the_tries_of_a_day(shop: Books, office: PostOffice) -> None:
    """One, two, five, 15, 30, 60 minutes after the failure before, then hourly; the last one when the day is over."""
    start = shop.clock()
    async with receiver(usual=answer(500)) as seller:
        await office.tell(seller.url)
        payment = await office.quick_payment()
        worker, minutes = office.worker(), []
        while (entry := await office.entry(payment)).state == "waiting":
            assert entry.due_at is not None
            shop.clock.moment = entry.due_at - timedelta(seconds=1)
            await worker.step()
            assert entry.attempts == len(seller.received), "not before its time"
            shop.clock.moment = entry.due_at
            await worker.step()
            minutes.append((shop.clock() - start) // timedelta(minutes=1))

    hourly = [53 + 60 * hour for hour in range(24)]
    assert minutes == [0, 1, 3, 8, 23, *hourly, 24 * 60]
    assert (await office.entry(payment)).state == "dead"
    assert await worker.notification_sender.dispatch() == 0


def test_the_last_try_is_at_the_end_of_the_day_even_after_a_long_sleep(shop: Books) -> None:
    event = shop.clock()
    assert next_try(3, event, event + DAY - timedelta(seconds=1), DAY) == event + DAY
    assert next_try(3, event, event + DAY, DAY) is None
    assert next_try(99, event, event, DAY) == event + timedelta(hours=1)


async def test_a_dead_event_lets_the_next_one_through_and_can_be_replayed(shop: Books, office: PostOffice) -> None:
    async with receiver(usual=answer(410)) as seller:
        await office.tell(seller.url)
        funding = await office.slow_funding()
        worker = office.worker(notification_lifetime_hours=1)
        for _ in range(5):
            await worker.notification_sender.dispatch()
            await worker.notification_sender.idle()
            shop.clock.forward(minutes=15)
        await shop.resolve(funding, Paid())
        await worker.notification_sender.dispatch()
        await worker.notification_sender.idle()
        assert await office.states(funding) == ["dead", "waiting"]
        assert seller.statuses[-1] == "SUCCESS"

        seller.usual = answer(200)
        shop.clock.forward(minutes=1)
        await worker.step()
        assert await office.states(funding) == ["dead", "delivered"]
        assert await outbox.replay_dead(shop.pool, shop.party_id, shop.clock()) == 1
        await worker.step()
        assert await office.states(funding) == ["delivered", "delivered"]
        assert seller.received[-1].body == seller.received[0].body, "a replay is the same message"
        assert await outbox.replay(shop.pool, f"{funding}-2", shop.clock()) == 1
        await worker.step()
        assert seller.statuses[-2:] == ["PENDING", "SUCCESS"]


async def test_a_new_address_takes_over_what_still_waits(office: PostOffice, seller: Receiver) -> None:
    async with receiver(usual=answer(500)) as wrong:
        await office.tell(wrong.url)
        payment = await office.quick_payment()
        await office.worker().step()
    await office.tell(seller.url)
    await office.worker().step()

    assert (await office.entry(payment)).state == "delivered"
    assert seller.times() == {(payment, "SUCCESS"): 1}
    await office.tell(None)
    assert await office.states(await office.quick_payment()) == []


async def test_an_unusable_address_is_given_up_at_once(shop: Books, office: PostOffice, seller: Receiver) -> None:
    await office.tell("gopher://shop.example/")
    lost = await office.quick_payment()
    await office.tell(seller.url)
    good = await office.quick_payment()
    await shop.pool.execute("UPDATE outbox SET destination = 'gopher://x/' WHERE subject_id = $1", lost)
    worker = office.worker()
    await worker.step()
    await worker.step()

    assert (await office.entry(lost)).state == "dead"
    assert (await office.entry(good)).state == "delivered"


async def test_sellers_choose_what_they_hear_of(shop: Books, office: PostOffice, seller: Receiver) -> None:
    await office.tell(seller.url)
    await outbox.set_wishes(shop.pool, shop.book_id, immediate=False, write_offs=False)
    buyer = await shop.postpaid_buyer()
    await shop.pay(buyer, "4.00")
    await shop.write_off(buyer, "1.00")
    funding = await office.slow_funding()
    worker = office.worker()
    await worker.step()
    shop.clock.forward(seconds=5)
    await worker.step()

    assert seller.times() == {(funding, "PENDING"): 1, (funding, "SUCCESS"): 1}
    assert sorted(await office.states()) == ["delivered", "delivered", "unwanted", "unwanted"]


async def test_what_the_answer_told_is_told_again_only_where_it_is_asked_for(
    shop: Books, office: PostOffice, seller: Receiver
) -> None:
    """Of a new seller: neither each small payment, nor what else was decided at once; but all that comes later."""
    async with shop.pool.acquire() as connection:
        await outbox.set_address(connection, shop.book_id, seller.url, shop.clock())
    wishes = await outbox.wishes(shop.pool, shop.book_id)
    assert (wishes.notify_immediate, wishes.notify_write_offs) == (False, True)
    buyer = await shop.postpaid_buyer()
    paid = await shop.pay(buyer, "4.00")
    assert isinstance(paid, Accepted)
    await shop.write_off(buyer, "1.00")
    funding = await office.slow_funding()
    by_program, by_staff = shop.request(), msgspec.structs.replace(shop.request(), caller_reference=new_reference())
    refunds = [await shop.perform(Refund(request, paid.transaction_id, 500_000)) for request in (by_program, by_staff)]
    told_by_page = refunds[1]
    assert isinstance(told_by_page, Accepted)
    worker = office.worker()
    await worker.step()
    shop.clock.forward(seconds=5)
    await worker.step()

    told = {(one.form["operation"], one.what) for one in seller.received}
    assert {what for operation, what in told if operation != "WRITE_OFF_DEBT"} == {
        (funding, "PENDING"),
        (funding, "SUCCESS"),
        (told_by_page.transaction_id, "SUCCESS"),  # no program had an answer
    }
    assert [operation for operation, _ in told].count("WRITE_OFF_DEBT") == 1


async def test_one_silent_receiver_holds_up_nobody_else(
    shop: Books, office: PostOffice, open_shop: OpenBooks, seller: Receiver
) -> None:
    other = PostOffice(await open_shop())
    async with receiver(usual=None) as silent:
        await office.tell(silent.url)
        for _ in range(3 * MAX_TO_ONE):
            await office.quick_payment()
        shop.clock.forward(seconds=1)
        await other.tell(seller.url)
        good = [await other.quick_payment() for _ in range(MAX_TO_ONE)]
        worker = office.worker()

        assert await worker.notification_sender.dispatch() == 2 * MAX_TO_ONE
        await seller.until(MAX_TO_ONE)
        await until(lambda: silent.busy == MAX_TO_ONE)
        assert not silent.hung_up.is_set(), "all others have theirs while the silent one is still waited for"
        silent.hung_up.set()
        await worker.notification_sender.idle()

        assert seller.times() == {(payment, "SUCCESS"): 1 for payment in good}
        assert silent.most_busy == MAX_TO_ONE
        assert await worker.notification_sender.dispatch() == 0, "left alone for a while"
        shop.clock.moment += COOL_DOWN
        assert await worker.notification_sender.dispatch() == 1, "one may look whether it is back"
        await worker.notification_sender.idle()
        silent.usual = answer(200)
        shop.clock.moment += COOL_DOWN
        assert await worker.notification_sender.dispatch() == 1
        await worker.notification_sender.idle()
        assert await worker.notification_sender.dispatch() == MAX_TO_ONE, "it is back"
        await worker.notification_sender.idle()


async def test_several_workers_send_each_event_once_and_in_order(
    shop: Books, office: PostOffice, seller: Receiver
) -> None:
    seller.seconds = 0.01
    await office.tell(seller.url)
    fundings = [await office.slow_funding() for _ in range(15)]
    for funding in fundings:
        await shop.resolve(funding, Paid())
    workers = [office.worker() for _ in range(3)]

    async with asyncio.timeout(30):
        while set(await office.states()) != {"delivered"}:
            await asyncio.gather(*(worker.notification_sender.dispatch() for worker in workers))
            await asyncio.sleep(0.005)
    for worker in workers:
        await worker.notification_sender.close()

    assert set(seller.times().values()) == {1}
    assert len(seller.received) == 30
    for funding in fundings:
        own = [received.form for received in seller.received if received.form["transactionId"] == funding]
        assert [form["transactionStatus"] for form in own] == ["PENDING", "SUCCESS"]


async def test_a_worker_killed_while_sending_neither_loses_nor_reorders(
    shop: Books, office: PostOffice, notify_url: str
) -> None:
    async with receiver(answers=[None]) as seller:
        await office.tell(seller.url)
        funding = await office.slow_funding()
        await shop.resolve(funding, Paid())
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", CHILD, notify_url, shop.clock().isoformat(), cwd=ROOT
        )
        await seller.until(1)
        child.kill()
        await child.wait()
        assert await office.states(funding) == ["waiting", "waiting"]

        worker = office.worker()
        await worker.step()
        assert seller.statuses == ["PENDING"], "the dead one's lease still runs, and nothing overtakes"
        shop.clock.moment += worker.notification_sender.lease + timedelta(seconds=60)
        for _ in range(2):
            await worker.step()

        assert seller.statuses == ["PENDING", "PENDING", "SUCCESS"]
        assert seller.received[0].body == seller.received[1].body
        assert await office.states(funding) == ["delivered", "delivered"]


async def test_a_slow_receiver_does_not_hold_up_the_rails(shop: Books, office: PostOffice) -> None:
    async with receiver(usual=None) as silent:
        await office.tell(silent.url)
        funding = await office.slow_funding()
        worker = office.worker(notification_timeout_ms=30_000, worker_interval_ms=10)
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        await silent.until(1)
        shop.clock.forward(seconds=5)
        await office.succeeded(funding)
        assert silent.busy == 1, "still waiting for its answer"
        stop.set()
        await running
        assert await office.states(funding) == ["waiting", "waiting"]


async def test_a_running_worker_empties_a_backlog(shop: Books, office: PostOffice, seller: Receiver) -> None:
    await office.tell(seller.url)
    buyer = await shop.postpaid_buyer("1000.00")
    await asyncio.gather(*(shop.pay(buyer, "1.00") for _ in range(200)))
    worker = office.worker()
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await seller.until(200)
    stop.set()
    await running

    assert set(await office.states()) == {"delivered"}
    assert set(seller.times().values()) == {1}
    assert seller.most_busy <= MAX_TO_ONE
