"""Loops of the worker work when one question for all of them finds something, when that fails, and every so often."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.store.direct import status
from tests.support.books import Books, OpenBooks
from tests.support.master_key import VAULT

from tallystick.db.connections import Connection, Database, Pool
from tallystick.db.statements import load_statements
from tallystick.domain.commands import Method
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted
from tallystick.notify.mail import LIFETIME
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.buyer.redemption import LEASE
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.chains import records as chained
from tallystick.store.events import deliveries, events
from tallystick.store.payouts import payouts, schedules
from tallystick.store.queries import disputes
from tallystick.store.queries.queues import due_loops
from tallystick.store.rails import rail_events
from tallystick.store.records import mail, outbox, redemptions, verification_runs
from tallystick.worker import Worker

TICK = timedelta(microseconds=1)

Asked = Callable[[Connection, datetime], Awaitable[object]]


@dataclass(frozen=True)
class Work:
    """What `put` writes down for a loop, of the book $2, so that it is due at $1. `asked`: what the loop asks first.

    `before`, `then`: whether the loop finds it a microsecond before that, and at that moment.
    """

    loop: str
    asked: Asked
    put: str
    before: bool = False
    then: bool = True


def untold(connection: Connection, _: datetime) -> Awaitable[object]:
    return disputes.untold(connection, 1)


def unchained(connection: Connection, _: datetime) -> Awaitable[object]:
    return chained.any_waits(connection)


def left_over(connection: Connection, now: datetime) -> Awaitable[object]:
    return redemptions.open_(connection, now - LEASE, 1)


def letters(connection: Connection, now: datetime) -> Awaitable[object]:
    return mail.claim(connection, VAULT, now, now, written_after=now - LIFETIME, maximum=1)


REDEMPTION = (
    "INSERT INTO redemption (book_id, redemption_id, instrument_id, asked_by, amount_micros, asked_at, claimed_until)"
    " VALUES ($2, 'r', 'i', 1, 1, $1::timestamptz - {ago}::interval, {claimed})"
)
DISPUTE = (
    "INSERT INTO dispute (book_id, transaction_id, rail, reference, original_id, bearer_party_id, status, asked_micros,"
    " claimed_micros, borne_micros, fee_micros, due_micros, told, moves, opened_at, letters)"
    " VALUES ($2, 'd', 'simulated', 'd', 'c', 1, 'opened', 1, 1, 0, 0, 0, {told}, 1, $1, {letters})"
)
LETTER = (
    "INSERT INTO mail (recipient, subject, body, written_at, due_at)"
    " SELECT 'r', 's', 'b', $1::timestamptz - {ago}::interval, $1 FROM book WHERE book_id = $2"
)
WORK: Mapping[str, Work] = {
    "a payout's day": Work(
        "payouts",
        lambda connection, now: schedules.due(connection, now, 1),
        "INSERT INTO payout_schedule (business_id, environment, every, reserve_micros, next_at, changed_at)"
        " SELECT party_id, environment, 'day', 0, $1, $1 FROM book WHERE book_id = $2",
    ),
    "a payout": Work(
        "payouts",
        lambda connection, now: payouts.due(connection, now, 1),
        "INSERT INTO payout (book_id, transaction_id, rail, amount_micros, destination_id, opened_at, due_at)"
        " VALUES ($2, 'p', 'simulated', 1, 1, $1, $1)",
    ),
    "a redemption that nobody has begun": Work(
        "redemptions", left_over, REDEMPTION.format(ago="'60.000001 s'", claimed="NULL")
    ),
    "a redemption of a process that died": Work(
        "redemptions",
        left_over,
        REDEMPTION.format(ago="'1 day'", claimed="$1::timestamptz - interval '60.000001 s'"),
    ),
    "a redemption under way": Work(
        "redemptions", left_over, REDEMPTION.format(ago="'1 day'", claimed="$1"), then=False
    ),
    "a rail's event": Work(
        "rail_events",
        lambda connection, now: rail_events.due(connection, now, 1),
        "INSERT INTO rail_event (rail, event_id, environment, object_kind, reference, received_at, due_at)"
        " SELECT 'simulated', 'e', environment, 'order', 'o', $1, $1 FROM book WHERE book_id = $2",
    ),
    "a notification": Work(
        "notifications",
        lambda connection, now: outbox.due(connection, now, [], 1, 1),
        "INSERT INTO outbox (book_id, event_id, kind, subject_id, occurred_at, state, destination, announced_at,"
        " due_at) VALUES ($2, 'n', 'TransactionStatus', 'n', $1, 'waiting', 'https://shop.example/', $1, $1)",
    ),
    "an event without a number": Work(
        "events",
        lambda connection, _: events.next_queue(connection, -1),
        "INSERT INTO event_queue (book_id, subject_id, name, number, type, occurred_at, queued_at)"
        " VALUES ($2, 's', 'n', 1, 'key.revoked', $1, $1)",
        before=True,
    ),
    "a delivery": Work(
        "webhooks",
        lambda connection, now: deliveries.books_with_due(connection, now, 1),
        "INSERT INTO webhook_delivery (book_id, endpoint_id, sequence, subject_id, state, announced_at, due_at)"
        " VALUES ($2, 'we', 1, 's', 'waiting', $1, $1)",
    ),
    "a dispute without a letter": Work(
        "disputes", untold, DISPUTE.format(told="ARRAY['opened']", letters=0), before=True
    ),
    "a dispute with its letter": Work(
        "disputes", untold, DISPUTE.format(told="ARRAY['opened']", letters=1), then=False
    ),
    "a dispute of which something was told too late": Work(
        "disputes", untold, DISPUTE.format(told="ARRAY['lost', 'opened']", letters=1), then=False
    ),
    "an entry of the audit log": Work(
        "chains",
        unchained,
        "INSERT INTO audit_entry (at, action) SELECT $1::timestamptz, 'key.create' FROM book WHERE book_id = $2",
        before=True,
    ),
    "an agreement": Work(
        "chains",
        unchained,
        "INSERT INTO authorization_evidence (book_id, authorization_id, party_id, visit_id, wording, digest, agreed_at,"
        " book_time, proved_at, proved_by) VALUES ($2, 'a', 1, 'v', '{}', '', $1, $1, $1, 'password')",
        before=True,
    ),
    "a letter": Work("mail", letters, LETTER.format(ago="'1 hour'")),
    "a letter that is of no use any more": Work("mail", letters, LETTER.format(ago="'1 day'"), then=False),
    "a proof": Work(
        "proofs",
        lambda connection, now: verification_runs.claim(connection, now, now),
        "INSERT INTO verification_run (asked_at, due_at) SELECT $1::timestamptz, $1 FROM book WHERE book_id = $2",
    ),
}


async def named(database: Database, now: datetime) -> frozenset[str]:
    return await due_loops(database, now, redemptions_before=now - LEASE, letters_after=now - LIFETIME)


async def test_the_question_names_a_loop_exactly_where_it_finds_something(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    now = shop.clock()
    told, found = {}, {}
    assert await named(own_pool, now) == frozenset()
    async with own_pool.acquire() as connection:
        for name, work in WORK.items():
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(work.put, now, shop.book_id)
            told[name] = [await named(connection, moment) for moment in (now - TICK, now)]
            found[name] = [bool(await work.asked(connection, moment)) for moment in (now - TICK, now)]
            await transaction.rollback()
    assert found == {name: [work.before, work.then] for name, work in WORK.items()}
    assert told == {
        name: [frozenset({work.loop} if is_due else ()) for is_due in found[name]] for name, work in WORK.items()
    }


QUICK = Settings(worker_interval_ms=10)


def worker_of(shop: Books, settings: Settings = QUICK) -> Worker:
    service = Service(settings, shop.pool, shop.committer, VAULT, shop.clock)
    return Worker(service, Rails((SimulatedRail(shop.pool, shop.clock, timedelta(0), faults=True),)))


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        async with asyncio.timeout(100):
            yield
    finally:
        stop.set()
        await task


async def test_rails_are_named_for_orders(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    assert isinstance(await shop.fund(await shop.prepaid_buyer("25.00", Method.CC), "10.00"), Accepted)
    due = await own_pool.fetchval("SELECT due_at FROM rail_request")
    assert [await named(own_pool, one) & {"rails"} for one in (due - TICK, due)] == [set(), {"rails"}]


async def test_letters_are_not_asked_for_where_nobody_sends_any(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    await mail.write(own_pool, VAULT, "ann@example.com", "Hello", "Hello.", shop.clock())
    sending = replace(QUICK, smtp_url="smtp://127.0.0.1:1", mail_from="shop@example.com")
    assert "mail" not in await worker_of(shop).due()
    assert "mail" in await worker_of(shop, sending).due()


async def test_what_ends_by_its_books_clock_is_found_unasked(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    worker = worker_of(shop)
    held = await shop.reserve(await shop.sender_token(Method.CC), "5.00")
    assert isinstance(held, Accepted)
    async with running(worker):
        while await status(shop, held.transaction_id) != ("Reserved", "Success"):  # noqa: ASYNC110 - nobody tells us when
            await asyncio.sleep(0.01)
        await own_pool.execute("UPDATE book SET clock_offset_seconds = 8 * 86400 WHERE book_id = $1", shop.book_id)
        while (await status(shop, held.transaction_id))[0] != "Cancelled":  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)


async def test_the_question_is_about_loops_that_there_are_and_each_part_is_tried_here(shop: Books) -> None:
    loops = [loop.name for loop in worker_of(shop).loops(asyncio.Event())]
    assert len(loops) == len(set(loops))
    asked = re.findall(r"\(SELECT '(\w+)'", load_statements("queues.sql", "tallystick.store.queries")["due_loops"])
    assert set(asked) <= set(loops)
    assert set(asked) == {work.loop for work in WORK.values()} | {"rails"}


async def test_a_worker_at_rest_asks_one_question_again_and_again(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    worker = worker_of(shop)
    rounds = worker.service.meter.rounds
    async with running(worker):
        while "questions" not in rounds or rounds["questions"].rounds < 20:  # noqa: ASYNC110 - nobody tells us when
            await asyncio.sleep(0.01)
        assert rounds["payouts"].rounds < 20, "it works every ten seconds where nothing is asked for"
        funded = await shop.fund(buyer := await shop.prepaid_buyer("25.00", Method.CC), "10.00")
        assert isinstance(funded, Accepted)
        while await shop.balance(buyer) != parse_amount("10.00"):  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
    assert {name for name, one in rounds.items() if one.failed} == set()


async def test_loops_go_on_where_the_question_cannot_be_answered(own_pool: Pool, open_shop: OpenBooks) -> None:
    """Somebody has taken a table away that other loops do not need."""
    shop = await open_shop(own_pool)
    await own_pool.execute("ALTER TABLE payout_schedule RENAME TO elsewhere")
    worker = worker_of(shop)
    rounds = worker.service.meter.rounds
    async with running(worker):
        while "rails" not in rounds:  # noqa: ASYNC110 - nobody tells us when
            await asyncio.sleep(0.01)
        for _ in range(3):
            buyer = await shop.prepaid_buyer("25.00", Method.CC)
            assert isinstance(await shop.fund(buyer, "10.00"), Accepted)
            while await shop.balance(buyer) != parse_amount("10.00"):  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
    assert {name for name, one in rounds.items() if one.failed} == {"questions", "payouts"}
