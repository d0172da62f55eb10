"""Records are deleted once they can no longer be asked for, and not before."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from tests.support.books import Books

from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refused
from tallystick.store.records import forgetting
from tallystick.store.records.visits import NewVisit, create, find, leave


async def test_refusals_go_after_seven_days_and_not_before(shop: Books) -> None:
    buyer = await shop.funded_buyer("10.00")
    paid = await shop.pay(buyer, "1.00", "order-1")
    refused = await shop.pay(buyer, "100.00", "order-2")
    assert isinstance(refused, Refused)
    shop.clock.forward(days=6, hours=23)
    await forgetting.answers(shop.pool, shop.clock())
    again = await shop.pay(buyer, "100.00", "order-2")
    assert isinstance(again, Refused)
    assert again.message.startswith(refused.message)

    shop.clock.forward(hours=1)
    assert await forgetting.answers(shop.pool, shop.clock()) >= 1
    left = await shop.pool.fetch("SELECT transaction_id FROM answered_reference WHERE book_id = $1", shop.book_id)
    assert paid in [Accepted(row["transaction_id"], TransactionStatus.SUCCESS) for row in left]
    assert None not in [row["transaction_id"] for row in left], "what was paid with stays, refusals go"
    assert isinstance(await shop.pay(buyer, "1.00", "order-2"), Accepted)


@pytest.mark.parametrize(
    ("state", "goes"), [("delivered", True), ("unwanted", True), ("waiting", False), ("dead", False)]
)
async def test_events_go_when_they_have_arrived_long_ago(shop: Books, state: str, goes: bool) -> None:
    event = secrets.token_hex(8)
    await shop.pool.execute(
        "INSERT INTO outbox"
        " (book_id, event_id, kind, subject_id, occurred_at, announced_at, due_at, destination, state)"
        " VALUES ($1, $2, 'TransactionStatus', $2, $3, $3, $3, 'https://x.example/', $4)",
        shop.book_id,
        event,
        shop.clock(),
        state,
    )
    await forgetting.events(shop.pool, shop.clock() - timedelta(seconds=1))
    assert await _exists(shop, event)
    await forgetting.events(shop.pool, shop.clock())

    assert await _exists(shop, event) is not goes
    await shop.pool.execute("DELETE FROM outbox WHERE event_id = $1", event)


async def _exists(shop: Books, event: str) -> bool:
    return bool(await shop.pool.fetchval("SELECT count(*) FROM outbox WHERE event_id = $1", event))


async def test_visits_go_a_week_after_they_were_left_lying_and_a_year_after_they_ended(shop: Books) -> None:
    async def visit(*, finished: bool) -> str:
        new = NewVisit(secrets.token_hex(8), shop.party_id, "AK", "sandbox", "SetupPrepaid", {}, b"x")
        await create(shop.pool, new, shop.clock())
        if finished:
            await leave(shop.pool, new.visit_id, {"status": "A"}, shop.clock())
        return new.visit_id

    lying, ended = await visit(finished=False), await visit(finished=True)
    await forgetting.visits(shop.pool, shop.clock() + timedelta(days=6))
    assert await find(shop.pool, lying)
    await forgetting.visits(shop.pool, shop.clock() + timedelta(days=8))
    assert await find(shop.pool, lying) is None
    assert await find(shop.pool, ended)
    await forgetting.visits(shop.pool, shop.clock() + timedelta(days=366))
    assert await find(shop.pool, ended) is None
