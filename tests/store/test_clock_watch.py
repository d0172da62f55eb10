"""A clock that is wrong, for a moment or for good, neither moves money nor ends anything; and it recovers by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.books import Books, OpenBooks
from tests.support.clock import START
from tests.support.master_key import VAULT

from tallystick.db.clock_watch import SETTLES_AFTER, STEP, ClockWatch, WrongClockError, believe, believed
from tallystick.db.connections import Pool
from tallystick.domain.commands import Method, Paid, RailOperation, ResolveCharge
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.context import Service
from tallystick.services.operations import monitoring
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.services.operations.housekeeping import expire_transactions, forget_expired
from tallystick.settings import Settings
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


@dataclass
class Machine:
    """A clock, a count of seconds, and a database's clock, all of which a test moves."""

    clock: datetime = START
    database: datetime = START
    seconds: float = 100.0
    watch: ClockWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = ClockWatch(lambda: self.clock, TOLERANCE, lambda: self.seconds)

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.clock += timedelta(seconds=seconds)
        self.database += timedelta(seconds=seconds)

    async def fetchval(self, _statement: str, *, timeout: float) -> datetime:  # noqa: ASYNC109 - as the pool has it
        assert timeout > 0
        self.passes(0.2)
        shown = self.database
        self.passes(0.3)
        return shown

    async def compare(self) -> bool:
        return await self.watch.compare(self)  # type: ignore[arg-type]  # all that it asks of a pool


async def test_a_slow_answer_is_no_difference() -> None:
    machine = Machine()
    assert machine.watch.trusted, "before the first comparison"
    assert await machine.compare()
    assert abs(machine.watch.off_seconds) <= 0.5


@pytest.mark.parametrize("seconds", [6, -6, 700_000, -700_000])
async def test_a_jump_is_seen_at_once_and_forgotten_when_it_is_over(seconds: int) -> None:
    machine = Machine()
    await machine.compare()
    machine.passes(1)
    machine.clock += timedelta(seconds=seconds)
    assert not machine.watch.trusted
    with pytest.raises(WrongClockError):
        machine.watch.now()
    assert not await machine.compare(), "the database says so too"

    machine.clock -= timedelta(seconds=seconds)
    assert machine.watch.now() == machine.clock


async def test_a_clock_that_is_wrong_from_the_beginning_is_found_by_the_first_comparison() -> None:
    machine = Machine(clock=START + timedelta(seconds=8))
    assert not await machine.compare()
    assert machine.watch.off_seconds == pytest.approx(8, abs=0.6)
    machine.clock = machine.database
    assert machine.watch.trusted


async def test_a_jump_of_both_clocks_is_believed_when_it_has_stood_for_a_while() -> None:
    machine = Machine()
    await machine.compare()
    machine.clock += timedelta(days=8)
    machine.database += timedelta(days=8)
    assert not await machine.compare()
    machine.passes(SETTLES_AFTER.total_seconds() - 2)
    assert not await machine.compare()
    machine.passes(2)
    assert await machine.compare()


async def test_a_machine_that_slept_has_not_jumped() -> None:
    machine = Machine()
    await machine.compare()
    machine.passes(86_400)
    assert machine.watch.trusted
    assert await machine.compare()


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
        await own_pool.execute("UPDATE answered_reference SET answered_at = answered_at - interval '8 days'")
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
        "UPDATE answered_reference SET answered_at = answered_at - interval '8 days' WHERE book_id = $1", shop.book_id
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


async def test_the_count_of_seconds_goes_on() -> None:
    watch = ClockWatch(lambda: datetime.now(UTC), TOLERANCE)
    began, first = time.monotonic(), watch.elapsed()
    await asyncio.sleep(0.05)
    assert watch.elapsed() - first == pytest.approx(time.monotonic() - began, abs=0.05)
