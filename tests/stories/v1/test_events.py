"""Events: what happens gets a number without a gap, and is read page by page; rivals and deaths change nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.stories.conftest import OpenShop, Running
from tests.stories.v1.conftest import Program, as_problem, program_of
from tests.support.owner import execute_as_owner

from tallystick.domain.commands import Method
from tallystick.domain.ids import BookId
from tallystick.services.checkup.inside import inside_items
from tallystick.services.checkup.items import ItemStanding
from tallystick.services.events import log
from tallystick.services.events.numbering import number_book, number_waiting
from tallystick.services.operations.audit import Actor
from tallystick.services.operations.housekeeping import expire_transactions
from tallystick.services.seller import access_keys, books
from tallystick.store.accounts import parties
from tallystick.store.events import events
from tallystick.store.records import forgetting

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Pool


class OneConnection:
    """A pool of a single connection, so that its statements can be counted."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        yield self.connection

    def __getattr__(self, name: str) -> object:
        return getattr(self.connection, name)


async def read(program: Program, **query: str) -> list[dict[str, Any]]:
    """All events that are kept, page by page, in pages of a few."""
    await number_waiting(program.shop.service)
    found: list[dict[str, Any]] = []
    page = await program.get("/v1/events", limit="3", **query)
    found += page["data"]
    while page["next_cursor"] is not None:
        page = await program.get("/v1/events", limit="3", cursor=page["next_cursor"], **query)
        found += page["data"]
    return found


def types(found: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in found]


async def choose_charges(program: Program) -> None:
    await program.shop.service.pool.execute(
        "UPDATE book SET charge_events = true WHERE book_id = $1", program.shop.books.book_id
    )


async def test_what_happens_is_told_in_its_order_with_the_object_as_it_was(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.prepaid_buyer("25.00", Method.CC)
    shop.clock.forward(seconds=1)
    top_up = await program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": "10.00"})
    await shop.rail_answers()
    await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "1.00"})
    shop.clock.forward(seconds=1)
    await program.send("POST", f"/v1/authorizations/{buyer.instrument}/cancel", json={})

    found = await read(program)

    assert types(found) == [
        "authorization.activated",
        "top_up.pending",
        "top_up.succeeded",
        "authorization.cancelled",
    ]
    assert [event["sequence"] for event in found] == [1, 2, 3, 4]
    activated, pending, succeeded, cancelled = (event["data"] for event in found)
    assert (activated["object"], activated["id"]) == ("authorization", buyer.instrument)
    assert (pending["id"], pending["status"], pending["completed_at"]) == (top_up["id"], "pending", None)
    assert succeeded == await program.get(f"/v1/top_ups/{top_up['id']}")
    assert (cancelled["status"], cancelled["id"]) == ("cancelled", buyer.instrument)
    assert await program.get(f"/v1/events/{found[2]['id']}") == found[2]
    assert types(await read(program, type="top_up.pending")) == ["top_up.pending"]
    after = await program.get("/v1/events", after="3")
    assert (types(after["data"]), after["next_cursor"]) == (["authorization.cancelled"], None)


async def test_an_object_is_told_as_it_was_also_where_it_went_on_before_it_was_numbered(program: Program) -> None:
    buyer = await program.shop.books.prepaid_buyer("25.00", Method.CC)
    program.shop.clock.forward(seconds=1)
    await program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": "2.71"})  # simulated: declined
    await execute_as_owner(  # by a clock that is behind, which must not turn the order round
        program.shop.service.pool,
        "UPDATE event_queue SET queued_at = (queued_at AT TIME ZONE 'UTC' + interval '1 hour') AT TIME ZONE 'UTC'"
        " WHERE book_id = $1 AND type = 'top_up.pending'",
        program.shop.books.book_id,
    )
    await program.shop.worker.ask_rails()
    await program.shop.rail_answers()

    found = await read(program)

    assert types(found) == ["authorization.activated", "top_up.pending", "top_up.failed"]
    assert [event["data"]["status"] for event in found[1:]] == ["pending", "failed"]


async def test_who_runs_out_of_time_has_failed_and_who_is_cancelled_was_cancelled(program: Program) -> None:
    shop = program.shop
    card = await shop.books.sender_token(Method.CC)
    body = {"authorization": card.spending, "amount": "1.00", "timeout_minutes": 30}
    late = await program.post("/v1/charges", body)
    shop.clock.forward(seconds=1)
    unwanted = await program.post("/v1/charges", body)
    await shop.done("Cancel", {"TransactionId": unwanted["id"]})
    shop.clock.forward(minutes=31)
    await expire_transactions(shop.service)
    ends = {event["data"]["id"]: event["type"] for event in await read(program)}
    assert (ends[late["id"]], ends[unwanted["id"]]) == ("charge.failed", "charge.cancelled")


async def test_charges_that_are_answered_at_once_are_events_only_where_they_are_chosen(program: Program) -> None:
    shop = program.shop
    buyer, tab = await shop.books.funded_buyer("20.00"), await shop.books.postpaid_buyer("100.00")
    for authorization in (buyer.instrument, buyer.instrument, tab.instrument):
        await program.post("/v1/charges", {"authorization": authorization, "amount": "1.00"})
    assert "charge.succeeded" not in types(await read(program))
    await choose_charges(program)
    told = [
        await program.post("/v1/charges", {"authorization": authorization, "amount": "1.00"})
        for authorization in (buyer.instrument, buyer.instrument, tab.instrument, tab.instrument)
    ]
    found = await read(program, type="charge.succeeded")
    assert [event["data"] for event in found] == told


async def test_refunds_write_offs_and_settlements_are_events(program: Program) -> None:
    shop = program.shop
    tab = await shop.books.postpaid_buyer("100.00")
    await shop.books.deposit(tab, "50.00")
    charge = await program.post("/v1/charges", {"authorization": tab.instrument, "amount": "30.00"})
    shop.clock.forward(seconds=1)
    await program.post("/v1/settlements", {"authorization": tab.instrument, "amount": "20.00"})
    shop.clock.forward(seconds=1)
    await program.post("/v1/write_offs", {"authorization": tab.instrument, "amount": "4.00"})
    shop.clock.forward(seconds=1)
    await program.post(f"/v1/charges/{charge['id']}/refund", {"amount": "1.00"})
    assert types(await read(program)) == [
        "authorization.activated",
        "settlement.succeeded",
        "write_off.succeeded",
        "refund.succeeded",
    ]


async def test_an_authorization_expires_once_by_the_clock_of_its_book(program: Program, running: Running) -> None:
    shop = program.shop
    lasting = await shop.books.prepaid_buyer("25.00")
    ending = await shop.books.prepaid_buyer("25.00", expires_at=shop.clock() + timedelta(days=10))
    await running.worker.number_events()
    assert "authorization.expired" not in types(await read(program))
    await program.send("POST", "/v1/sandbox/clock", json={"by": "11 Days"})
    for _ in range(2):
        shop.clock.forward(seconds=40)
        await running.worker.number_events()
    found = await read(program, type="authorization.expired")
    assert [(event["data"]["id"], event["data"]["status"]) for event in found] == [(ending.instrument, "expired")]
    assert lasting.instrument != ending.instrument


async def test_a_key_that_is_revoked_is_an_event(program: Program) -> None:
    other = await program_of(program.shop, name="Nightly report")
    key_id = other.shop.key.access_key_id
    await access_keys.revoke(program.shop.service, Actor(None), program.shop.key.party_id, key_id)
    (event,) = await read(program, type="key.revoked")
    assert (event["data"]["id"], event["data"]["name"], event["data"]["usable"]) == (key_id, "Nightly report", False)
    assert other.secret not in str(event)


async def test_sellers_have_numbers_of_their_own_and_read_nobody_elses(program: Program, open_shop: OpenShop) -> None:
    await program.shop.books.prepaid_buyer("25.00")
    (mine,) = await read(program)
    other = await program_of(await open_shop())
    await other.shop.books.prepaid_buyer("25.00")
    (theirs,) = await read(other)
    assert (mine["sequence"], theirs["sequence"]) == (1, 1)
    assert mine["id"] != theirs["id"]
    answer = await other.send("GET", f"/v1/events/{mine['id']}")
    assert as_problem(answer)["code"] == "event_not_found"


async def test_all_parts_of_a_seller_have_one_row_of_numbers(program: Program) -> None:
    shop = program.shop
    await shop.books.prepaid_buyer("25.00")
    seller = await parties.find(shop.service.pool, shop.key.party_id)
    assert seller is not None
    parts = await books.split(shop.service, Actor(None), seller, "sandbox", 2)
    await execute_as_owner(  # as if something had happened in the second one
        shop.service.pool,
        "UPDATE event_queue SET book_id = $2 WHERE book_id = $1",
        parts[0],
        parts[1],
    )
    await shop.books.prepaid_buyer("25.00")
    found = await read(program)
    assert [event["sequence"] for event in found] == [1, 2]


async def test_authorizations_that_are_new_together_are_read_together(program: Program) -> None:
    shop, seen = program.shop, Counter[str]()
    await shop.books.prepaid_buyer("25.00")
    await number_waiting(shop.service)  # prepares what a first pass prepares
    counts = []
    for made in (1, 6):
        for _ in range(made):
            await shop.books.prepaid_buyer("25.00")
        seen.clear()
        async with shop.service.pool.acquire() as connection:
            alone = replace(shop.service, pool=cast("Pool", OneConnection(connection)))
            with connection.query_logger(lambda query: seen.update([query.query])):
                assert await number_book(alone, shop.books.book_id) == made
                await asyncio.sleep(0)  # loggers are called by the loop
        counts.append(seen.total())
    assert counts[0] == counts[1]
    told = await read(program)
    assert len({event["data"]["id"] for event in told}) == len(told) == 8
    assert all(event["data"]["status"] == "active" for event in told)


async def test_rivals_give_each_event_one_number_and_leave_no_gap(program: Program) -> None:
    shop = program.shop
    service, book_id = shop.service, shop.books.book_id
    await choose_charges(program)
    buyer = await shop.books.funded_buyer("20.00")

    async def charges() -> None:
        for _ in range(12):
            await shop.books.pay(buyer, "0.01")

    async def pass_after_pass(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await number_book(service, book_id)

    stop = asyncio.Event()
    passes = [asyncio.create_task(pass_after_pass(stop)) for _ in range(3)]
    await asyncio.gather(charges(), charges())
    stop.set()
    await asyncio.gather(*passes)

    found = await read(program)
    assert [event["sequence"] for event in found] == list(range(1, len(found) + 1))
    charged = [event["data"]["id"] for event in found if event["type"] == "charge.succeeded"]
    assert len(charged) == len(set(charged)) == 24
    assert await log.gaps(service, book_id) == []


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
async def test_who_dies_between_two_steps_loses_nothing_and_numbers_nothing_twice(program: Program, steps: int) -> None:
    """The same statements as the pass, broken off after each; what a death leaves is what a rollback leaves."""
    service, book_id = program.shop.service, program.shop.books.book_id
    for _ in range(3):
        await program.shop.books.prepaid_buyer("25.00")
    async with service.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        waiting = await events.queue(connection, book_id, 10)
        assert len(waiting) == 3
        await events.open_head(service.pool, book_id)
        last = await events.lock_head(connection, book_id)
        assert last == 0
        if steps > 1:
            assert len(await events.take(connection, book_id, waiting)) == 3
        if steps > 2:
            numbered = [
                events.StoredEvent(book_id, place, one.type, one.subject_id, one.occurred_at, "{}")
                for place, one in enumerate(waiting, start=1)
            ]
            await events.number(connection, numbered, service.clock())
        if steps > 3:
            assert await number_book(service, book_id) == 0  # somebody else, who waits for nobody
        await transaction.rollback()
    found = await read(program)
    assert [event["sequence"] for event in found] == [1, 2, 3]
    assert len({event["data"]["id"] for event in found}) == 3


async def test_events_are_kept_for_a_month_and_who_comes_later_is_told_so(program: Program) -> None:
    shop = program.shop
    await shop.books.prepaid_buyer("25.00")
    await read(program)
    await forget_all(program)
    await shop.books.prepaid_buyer("25.00")
    (kept,) = await read(program)
    assert kept["sequence"] == 2
    answer = await program.send("GET", "/v1/events", params={"after": "0"})
    problem = as_problem(answer)
    assert (problem["status"], problem["code"]) == (410, "events_forgotten")
    assert types((await program.get("/v1/events", after="1"))["data"]) == ["authorization.activated"]
    assert await log.gaps(shop.service, shop.books.book_id) == []


async def forget_all(program: Program) -> None:
    """As housekeeping does, when a month has passed; only this seller's."""
    pool, book_id = program.shop.service.pool, program.shop.books.book_id
    old = program.shop.clock() - 2 * log.KEPT
    await pool.execute("DELETE FROM event WHERE book_id = $1", book_id)
    assert await forgetting.happenings(pool, old) == 0  # all others are younger


async def test_a_missing_number_is_found(program: Program) -> None:
    service, book_id = program.shop.service, program.shop.books.book_id
    for _ in range(3):
        await program.shop.books.prepaid_buyer("25.00")
    await read(program)
    await service.pool.execute("DELETE FROM event WHERE book_id = $1 AND sequence = 2", book_id)
    assert await log.gaps(service, BookId(book_id)) == [log.EventGap(book_id, 3, 1, 3, 2)]
    items = {item.name: item async for item in inside_items(service, None)}
    assert items["events"].standing is ItemStanding.MISSING
    assert items["events"].text.startswith("numbers are missing among the events of ")
