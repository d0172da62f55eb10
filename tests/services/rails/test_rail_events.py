"""What a rail tells by itself: failures after all, disputes, and cards that were updated."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import pytest
from tests.services.rails.at_rails import (
    EVENTS_KEY,
    OtherRail,
    card_is,
    funding,
    paid_at,
    rail_balance,
    rows,
    worker_of,
)
from tests.store.direct import status
from tests.support.books import Books

from tallystick.domain.commands import Method
from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.rails.commands import Declined, ReturnCharge
from tallystick.processors.rail import (
    DisputeFound,
    DisputeStatus,
    HintKind,
    PaymentMethodFound,
    RailEventRefusedError,
    RailHint,
    StillPending,
)
from tallystick.processors.simulated import signed_event
from tallystick.processors.simulated_numbers import Behaviour, rail_token
from tallystick.services.rails import events
from tallystick.services.rails.events import NoSuchRailError
from tallystick.store.rails import rail_events, rail_requests


async def test_an_event_comes_once_and_hurries_what_waits(shop: Books) -> None:
    opened = await funding(shop, token=rail_token(Behaviour.PENDING, secrets.token_hex(8)))
    worker = worker_of(shop)
    await worker.step()
    hint = RailHint(f"event of {opened}", HintKind.ORDER, "whatever", opened)
    sent = signed_event(EVENTS_KEY, hint)

    assert await events.receive(worker.service, "simulated", *sent)
    assert not await events.receive(worker.service, "simulated", *sent), "it came before"
    await worker.follow_up_events()

    due = await rail_requests.due(shop.pool, shop.clock(), 1000)
    assert opened in {request.transaction_id for request in due}


async def test_only_the_rail_itself_sends_events(shop: Books) -> None:
    service = worker_of(shop).service
    sent = signed_event(b"another key", RailHint("1", HintKind.ORDER, "x"))

    with pytest.raises(RailEventRefusedError):
        await events.receive(service, "simulated", *sent)
    with pytest.raises(NoSuchRailError):
        await events.receive(service, "none", *sent)


async def test_an_event_about_nothing_of_ours_is_done_with(shop: Books) -> None:
    worker = worker_of(shop)
    event_id = secrets.token_hex(8)
    hint = RailHint(event_id, HintKind.REFUND, f"made by hand {event_id}")
    await events.receive(worker.service, "simulated", *signed_event(EVENTS_KEY, hint))
    await worker.follow_up_events()

    row = await shop.pool.fetchrow("SELECT due_at, last_error FROM rail_event WHERE event_id = $1", event_id)
    assert row is not None
    assert (row["due_at"], row["last_error"]) == (None, None)


async def refund_event(shop: Books, rail: str, reference: str) -> str:
    """The rail sends an event about a refund; its id."""
    event_id = secrets.token_hex(8)
    await rail_events.add(
        shop.pool,
        rail,
        event_id,
        environment="sandbox",
        object_kind="refund",
        reference=reference,
        idempotency_key=None,
        now=shop.clock(),
    )
    return event_id


async def error_of(shop: Books, event_id: str) -> str | None:
    error: str | None = await shop.pool.fetchval("SELECT last_error FROM rail_event WHERE event_id = $1", event_id)
    return error


async def test_a_refund_that_fails_after_all_is_booked_back_once(shop: Books) -> None:
    other = OtherRail()
    _, paid, worker = await paid_at(shop, other, "a card")
    cash, held = await shop.total("cash"), await rail_balance(shop, "other")
    refund = await shop.refund(paid.transaction_id, "3.00")
    assert isinstance(refund, Accepted)
    await worker.step()
    reference = str((await rows(shop, refund.transaction_id))["refund"].reference)
    for _ in range(2):
        event_id = await refund_event(shop, "other", reference)
        other.answers = [Declined("TransactionDenied", "The card takes no money back.", "declined")]
        await worker.follow_up_events()
        assert await error_of(shop, event_id) is None, "nobody has to see to it"

    assert (await shop.total("cash"), await rail_balance(shop, "other")) == (cash, held)
    told = await shop.pool.fetch(
        "SELECT operation, status_code, status_message FROM transaction WHERE book_id = $1 AND original_id = $2",
        shop.book_id,
        refund.transaction_id,
    )
    assert [tuple(row) for row in told] == [("RefundReversal", "RefundFailed", "The card takes no money back.")]
    assert (await rows(shop, refund.transaction_id))["refund"].decline == "declined"


async def test_a_refund_whose_failure_is_told_before_its_success_just_fails(shop: Books) -> None:
    """The event comes while the rail is still being asked: it is asked at once, and there is nothing to reverse."""
    other = OtherRail()
    _, paid, worker = await paid_at(shop, other, "a card")
    cash = await shop.total("cash")
    refund = await shop.refund(paid.transaction_id, "3.00")
    assert isinstance(refund, Accepted)
    other.answers = [StillPending(timedelta(days=1), f"re_{refund.transaction_id}")]
    await worker.step()
    await refund_event(shop, "other", f"re_{refund.transaction_id}")
    other.answers = [Declined("TransactionDenied", "The card takes no money back.", "declined")]
    await worker.follow_up_events()
    await worker.step()

    assert await status(shop, refund.transaction_id) == ("Failure", "TransactionDenied")
    assert await shop.total("cash") == cash


async def test_a_return_that_fails_after_all_is_shown_to_people(shop: Books) -> None:
    other = OtherRail(answers=[Declined("TransactionDenied", "no", "generic_decline", reference="late_8")])
    other.name = f"late-{secrets.token_hex(4)}"  # what it is asked later is of no concern to other tests
    opened = await funding(shop, rail=other.name)
    worker = worker_of(shop, other)
    await worker.step()
    assert await shop.perform(ReturnCharge(opened)) == Done()
    await worker.step()
    event_id = await refund_event(shop, other.name, str((await rows(shop, opened))["return"].reference))
    other.answers = [Declined("TransactionDenied", "The card takes no money back.", "declined")]
    await worker.follow_up_events()

    assert "see to it at the rail" in str(await error_of(shop, event_id))


async def test_a_dispute_that_the_rail_tells_of_is_booked(shop: Books) -> None:
    other = OtherRail()
    _, paid, worker = await paid_at(shop, other, "a card")
    reference = str((await rows(shop, paid.transaction_id))["charge"].reference)
    dispute = f"dp_{secrets.token_hex(6)}"
    other.dispute = DisputeFound(dispute, reference, DisputeStatus.OPENED, 8_000_000, 0, "USD")
    for event_id in (secrets.token_hex(8), secrets.token_hex(8)):
        await rail_events.add(
            shop.pool,
            "other",
            event_id,
            environment="sandbox",
            object_kind="dispute",
            reference=dispute,
            idempotency_key=None,
            now=shop.clock(),
        )
        await worker.follow_up_events()

    booked = await shop.pool.fetch(
        "SELECT original_id, status, rail FROM dispute WHERE book_id = $1 AND reference = $2", shop.book_id, dispute
    )
    assert [tuple(row.values()) for row in booked] == [(paid.transaction_id, "opened", "other")]


async def test_a_card_that_the_rail_has_updated_is_updated_for_everybody(shop: Books) -> None:
    token = secrets.token_hex(8)
    buyers = [await shop.prepaid_buyer("50.00", Method.CC) for _ in range(2)]
    for buyer in buyers:
        await card_is(shop, buyer, "other", token)
    other = OtherRail(method=PaymentMethodFound(token, Method.CC, "Visa", "7777", datetime(2033, 1, 31).date()))  # noqa: DTZ001
    worker = worker_of(shop, other)
    await rail_events.add(
        shop.pool,
        "other",
        secrets.token_hex(8),
        environment="sandbox",
        object_kind="method",
        reference=token,
        idempotency_key=None,
        now=shop.clock(),
    )
    await worker.follow_up_events()

    found = await shop.pool.fetch(
        "SELECT label, last_four, expires_on FROM payment_method WHERE rail_token = $1", token
    )
    assert [tuple(row.values()) for row in found] == [("Visa", "7777", datetime(2033, 1, 31).date())] * 2  # noqa: DTZ001
