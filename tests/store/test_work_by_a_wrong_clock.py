"""What a process whose clock is wrong, for a moment or for good, does not do; and that it goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from tests.support.books import Books, OpenBooks
from tests.support.clock import START
from tests.support.master_key import VAULT

from tallystick.db.clock_watch import STEP, ClockWatch, WrongClockError, believe, believed
from tallystick.db.connections import Pool
from tallystick.domain.commands import Method
from tallystick.domain.ids import milliseconds_of_transaction
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.rails.commands import Paid, RailOperation, ResolveCharge
from tallystick.domain.refusals import Refusal, Refused
from tallystick.processors.rail import Rail, RailAnswer, RailOrder, Unknown
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.processors.simulated_numbers import Behaviour, rail_token
from tallystick.services.api.call import Call
from tallystick.services.api.fields import V2010
from tallystick.services.api.values import Values
from tallystick.services.context import Service
from tallystick.services.events.numbering import expire_authorizations, number_book
from tallystick.services.operations import monitoring
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.services.operations.housekeeping import expire_transactions, forget_expired
from tallystick.settings import Settings
from tallystick.store.events import events
from tallystick.store.keys.access_keys import AccessKey
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.store.records import verification_runs
from tallystick.wiring import make_worker
from tallystick.worker import Worker

TOLERANCE = timedelta(seconds=5)
DAYS = [timedelta(days=8), timedelta(days=-8)]


@dataclass
class JumpingClock:
    """The machine's clock, and how far it is wrong."""

    wrong: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.wrong


@asynccontextmanager
async def real_process(shop: Books) -> AsyncIterator[tuple[Service, JumpingClock]]:
    """A process on the shop's books whose clock is the machine's, and watched; the shop's day is today."""
    clock = JumpingClock()
    shop.clock.moment = clock()
    watch = ClockWatch(clock, TOLERANCE)
    assert await watch.compare(shop.pool)
    committer = Committer(shop.pool, Rules(read_fee_schedules(None), simulate_faults=False), watch.now)
    try:
        yield Service(Settings(), shop.pool, committer, VAULT, clock, clock_watch=watch), clock
    finally:
        await committer.close()


def quick_rails(service: Service) -> Rails:
    """The simulated rail, which knows its answer at once and reads the process' own clock."""
    return Rails((SimulatedRail(service.pool, service.trusted_now, timedelta(0), faults=False),))


@dataclass
class JumpsOnAnswering:
    """A rail during whose answers the process's clock jumps."""

    rail: SimulatedRail
    clock: JumpingClock
    wrong: timedelta = timedelta(0)

    def __getattr__(self, name: str) -> object:
        return getattr(self.rail, name)

    async def perform(self, order: RailOrder) -> RailAnswer:
        answer = await self.rail.perform(order)
        self.clock.wrong = self.wrong
        return answer

    async def look_again(self, reference: str | None, key: str, asked_first: datetime) -> RailAnswer | Unknown:
        answer = await self.rail.look_again(reference, key, asked_first)
        self.clock.wrong = self.wrong
        return answer


def jumping_rails(service: Service, clock: JumpingClock) -> tuple[Rails, JumpsOnAnswering]:
    rail = JumpsOnAnswering(SimulatedRail(service.pool, lambda: datetime.now(UTC), timedelta(0), faults=False), clock)
    return Rails((cast("Rail", rail),)), rail


def is_unavailable(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.refusal is Refusal.ServiceUnavailable


@pytest.mark.parametrize("wrong", DAYS)
async def test_no_money_moves_by_a_wrong_clock(shop: Books, wrong: timedelta) -> None:
    async with real_process(shop) as (service, clock):
        buyer = await shop.funded_buyer("10.00")
        right, shop.committer = shop.committer, service.committer
        paid = [await shop.pay(buyer, "0.10", f"order-{number}") for number in range(20)]
        assert all(isinstance(outcome, Accepted) for outcome in paid)

        clock.wrong = wrong
        again = await asyncio.gather(*(shop.pay(buyer, "0.10", f"order-{number}") for number in range(20)))
        assert all(is_unavailable(outcome) for outcome in again)
        assert is_unavailable(await shop.fund(buyer, "1.00", "new")), "nor by the way that locks"
        assert service.clock_watch is not None
        assert not await service.clock_watch.compare(shop.pool)
        assert monitoring.wrong_clock(service)
        assert abs(monitoring.clock_off_seconds(service)) > 600_000

        clock.wrong = timedelta(0)
        assert await shop.pay(buyer, "0.10", "order-1") == paid[1]
        assert isinstance(await shop.pay(buyer, "0.10", "new"), Accepted), "a call that was refused so spends nothing"
        assert monitoring.wrong_clock(service) is None
        shop.committer = right
        assert await shop.balance(buyer) == parse_amount("7.90")


async def test_no_reservation_ends_by_a_wrong_clock(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    async with real_process(shop) as (service, clock):
        buyer = await shop.sender_token(Method.CC)
        held = await shop.reserve(buyer, "5.00")
        assert isinstance(held, Accepted)
        await shop.perform(ResolveCharge(held.transaction_id, "simulated", Paid(), RailOperation.AUTHORIZE))
        await forget_expired(service)
        status = "SELECT status FROM transaction WHERE transaction_id = $1"
        assert await own_pool.fetchval(status, held.transaction_id) == "Reserved"

        clock.wrong = timedelta(days=8)
        assert await expire_transactions(service) == 0
        clock.wrong = timedelta(0)
        assert await expire_transactions(service) == 0
        assert await own_pool.fetchval(status, held.transaction_id) == "Reserved"

        await own_pool.execute("UPDATE transaction SET reserved_until = $1 WHERE status = 'Reserved'", clock())
        assert await expire_transactions(service) == 1
        assert await own_pool.fetchval(status, held.transaction_id) == "Cancelled"


@pytest.mark.parametrize("wrong", DAYS)
async def test_no_id_carries_what_a_wrong_clock_has_shown(shop: Books, wrong: timedelta) -> None:
    """The clock is wrong when the request is read, and right again when the committer looks at it."""
    async with real_process(shop) as (service, clock):
        key = cast("AccessKey", SimpleNamespace(book_id=shop.book_id, clock_offset=timedelta(0)))
        call = Call(service, "Pay", V2010, key, cast("Values", None), b"", clock(), clock())
        clock.wrong = wrong
        with pytest.raises(Refused) as refused:
            call.new_id()
        assert refused.value.refusal is Refusal.ServiceUnavailable

        clock.wrong = timedelta(0)
        assert abs(milliseconds_of_transaction(call.new_id()) / 1000 - clock().timestamp()) < 60


@pytest.mark.parametrize("wrong", DAYS)
async def test_a_card_payment_does_not_wait_for_what_a_wrong_clock_has_shown(
    own_pool: Pool, open_shop: OpenBooks, wrong: timedelta
) -> None:
    """Neither by the lease of the worker, nor by the rail's own note of when its answer is known."""
    shop = await open_shop(own_pool)
    async with real_process(shop) as (service, clock):
        worker = make_worker(replace(service, rails=quick_rails(service)))
        buyer = await shop.prepaid_buyer("25.00", Method.CC)
        funded = await shop.fund(buyer, "10.00")
        assert isinstance(funded, Accepted)

        clock.wrong = wrong
        with suppress(WrongClockError):
            await worker.ask_rails()
        clock.wrong = timedelta(0)
        await worker.ask_rails()

        status = "SELECT status FROM transaction WHERE transaction_id = $1"
        assert await own_pool.fetchval(status, funded.transaction_id) == "Success"
        assert await shop.balance(buyer) == parse_amount("10.00")


@pytest.mark.parametrize("wrong", DAYS)
async def test_an_answer_that_a_wrong_clock_kept_out_of_the_books_comes_in_soon(
    own_pool: Pool, open_shop: OpenBooks, wrong: timedelta
) -> None:
    """The committer refuses what the rail has answered; that is no end, and no reason to wait for the lease."""
    shop = await open_shop(own_pool)
    async with real_process(shop) as (service, clock):
        rails, rail = jumping_rails(service, clock)
        rail.wrong = wrong
        worker = make_worker(replace(service, rails=rails))
        buyer = await shop.prepaid_buyer("25.00", Method.CC)
        funded = await shop.fund(buyer, "10.00")
        assert isinstance(funded, Accepted)

        await worker.ask_rails()
        assert not await shop.balance(buyer)
        rail.wrong = clock.wrong = timedelta(0)

        waiting = await own_pool.fetchrow("SELECT due_at, last_error FROM rail_request")
        assert waiting is not None
        assert waiting["due_at"] <= clock() + timedelta(seconds=2)
        assert "ServiceUnavailable" in waiting["last_error"]
        await own_pool.execute("UPDATE rail_request SET due_at = $1", clock())
        await worker.ask_rails()
        assert await shop.balance(buyer) == parse_amount("10.00")


async def test_what_was_paid_too_late_is_given_back_although_the_clock_was_wrong_for_a_moment(
    own_pool: Pool, open_shop: OpenBooks
) -> None:
    shop = await open_shop(own_pool)
    async with real_process(shop) as (service, clock):
        rails, rail = jumping_rails(service, clock)
        worker = make_worker(replace(service, rails=rails))
        buyer = await shop.prepaid_buyer("25.00", Method.CC)
        late = "UPDATE payment_method SET rail_token = $1"
        await own_pool.execute(late, rail_token(Behaviour.LATE_SUCCESS, "4242"))
        assert isinstance(await shop.fund(buyer, "10.00"), Accepted)
        await worker.ask_rails()

        returns = "SELECT count(*) FROM rail_operation WHERE operation = 'return'"
        await own_pool.execute("UPDATE rail_event SET due_at = $1 WHERE due_at IS NOT NULL", clock())
        rail.wrong = timedelta(days=8)
        await worker.follow_up_events()
        assert await own_pool.fetchval(returns) == 0
        rail.wrong = clock.wrong = timedelta(0)
        await own_pool.execute("UPDATE rail_event SET due_at = $1 WHERE due_at IS NOT NULL", clock())
        await worker.follow_up_events()
        assert await own_pool.fetchval(returns) == 1


async def test_no_notification_is_put_off_or_given_up_by_a_wrong_clock(own_pool: Pool, open_shop: OpenBooks) -> None:
    """Nobody listens at the address: what is tried once more than a day later is given up for good."""
    shop = await open_shop(own_pool)
    async with real_process(shop) as (service, clock):
        worker = make_worker(replace(service, settings=Settings(allow_private_notification_targets=True)))
        await own_pool.execute("UPDATE book SET notification_url = 'http://127.0.0.1:1/ipn'")
        await shop.funded_buyer("10.00")
        event = "SELECT state, due_at FROM outbox ORDER BY due_at DESC LIMIT 1"
        before = await own_pool.fetchrow(event)
        assert before is not None
        assert before["state"] == "waiting"

        clock.wrong = timedelta(days=8)
        with suppress(WrongClockError):
            await worker.notification_sender.dispatch()
        await worker.notification_sender.idle()
        await worker.notification_sender.close()

        assert await own_pool.fetchrow(event) == before


async def test_a_worker_begins_nothing_by_a_wrong_clock_and_goes_on_after_it(
    own_pool: Pool, open_shop: OpenBooks
) -> None:
    shop = await open_shop(own_pool)
    async with real_process(shop) as (service, clock):
        settings = Settings(worker_interval_ms=10)
        working = replace(service, settings=settings, rails=quick_rails(service))
        worker, stop = make_worker(working), asyncio.Event()
        clock.wrong = timedelta(days=8)
        running = asyncio.create_task(worker.run(stop))
        try:
            buyer = await shop.prepaid_buyer("25.00", Method.CC)
            assert isinstance(await shop.fund(buyer, "10.00"), Accepted)
            await verification_runs.ask(own_pool, None, datetime.now(UTC))
            await asyncio.sleep(0.2)
            assert await own_pool.fetchval("SELECT count(*) FROM rail_request WHERE attempts = 0") == 1
            assert await own_pool.fetchval("SELECT count(*) FROM verification_run WHERE started_at IS NOT NULL") == 0

            clock.wrong = timedelta(0)
            async with asyncio.timeout(60):
                while await shop.balance(buyer) != parse_amount("10.00"):  # noqa: ASYNC110 - nobody tells us when
                    await asyncio.sleep(0.02)
        finally:
            stop.set()
            await running


@pytest.mark.parametrize("wrong", DAYS)
async def test_no_event_is_numbered_or_handed_out_by_a_wrong_clock(shop: Books, wrong: timedelta) -> None:
    """It may jump while a pass is under way: what is due then would be days late at its receivers."""
    async with real_process(shop) as (service, clock):
        await shop.funded_buyer("10.00")
        waiting = await events.queue(shop.pool, shop.book_id, 100)
        assert waiting
        clock.wrong = wrong
        with pytest.raises(WrongClockError):
            await number_book(service, shop.book_id)
        with pytest.raises(WrongClockError):
            await expire_authorizations(service)
        assert await events.queue(shop.pool, shop.book_id, 100) == waiting

        clock.wrong = timedelta(0)
        assert await number_book(service, shop.book_id) == len(waiting)


async def test_housekeeping_deletes_nothing_by_a_wrong_clock_and_goes_on_after_it(
    own_pool: Pool, open_shop: OpenBooks
) -> None:
    shop = await open_shop(own_pool)
    async with real_process(shop) as (service, clock):
        worker = Worker(service, Rails())
        buyer = await shop.prepaid_buyer()
        assert isinstance(await shop.pay(buyer, "1.00", "refused"), Refused)
        left = "SELECT count(*) FROM answered_reference"
        clock.wrong = timedelta(days=8)
        await worker.forget()
        assert await own_pool.fetchval(left) == 1
        assert await own_pool.fetchval("SELECT count(*) FROM believed_time") == 0

        clock.wrong = timedelta(0)
        await own_pool.execute(
            "UPDATE answered_reference"
            " SET answered_at = (answered_at AT TIME ZONE 'UTC' - interval '8 days') AT TIME ZONE 'UTC'"
        )
        await worker.forget()
        assert await own_pool.fetchval(left) == 0, "it does not wait until the moment that the clock had shown"


async def test_the_worker_forgets_although_its_clock_was_ahead_the_last_time(shop: Books) -> None:
    service = Service(Settings(), shop.pool, shop.committer, VAULT, shop.clock)
    worker = Worker(service, Rails())
    buyer = await shop.prepaid_buyer()
    shop.clock.forward(days=8)
    await worker.forget()
    shop.clock.forward(days=-8)
    assert isinstance(await shop.pay(buyer, "1.00", "refused"), Refused)
    await shop.pool.execute(
        "UPDATE answered_reference"
        " SET answered_at = (answered_at AT TIME ZONE 'UTC' - interval '8 days') AT TIME ZONE 'UTC' WHERE book_id = $1",
        shop.book_id,
    )
    await worker.forget()
    assert await shop.pool.fetchval("SELECT count(*) FROM answered_reference WHERE book_id = $1", shop.book_id) == 0


async def test_housekeeping_believes_small_steps_only(own_pool: Pool) -> None:
    assert await believed(own_pool, START) == START, "nobody has begun"
    assert await believe(own_pool, START) == START
    later = START + timedelta(days=8)
    assert await believed(own_pool, later) == START + STEP
    assert await believe(own_pool, later) == START + STEP
    assert await believe(own_pool, later) == START + 2 * STEP
    assert await believe(own_pool, START) == START, "back at once"
    assert await believe(own_pool, START + timedelta(minutes=10)) == START + timedelta(minutes=10)
