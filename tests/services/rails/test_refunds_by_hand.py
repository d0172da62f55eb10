"""Refunds that somebody made at the rail, and refunds that come back, as the statements of rails tell them."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC

import pytest
from tests.services.rails.reconciling import UNITS, Desk, ToldRail, findings
from tests.store.direct import said, taken, work

from tallystick.domain.commands import Method
from tallystick.domain.ids import TransactionId
from tallystick.domain.rails.commands import Declined
from tallystick.domain.rails.reconciliation import DayReport, FindingKind
from tallystick.processors.rail import MovementKind, RailMovement
from tallystick.processors.simulated_numbers import Behaviour, rail_token
from tallystick.services.rails import refunds
from tallystick.services.rails.reconciliation import days_of, reconcile
from tallystick.store.queries import authorization_history, authorizations
from tallystick.store.rails import rail_operations


async def by_hand(desk: Desk, charge: TransactionId, amount: int, name: str = "re") -> RailMovement:
    """A refund of a charge of ours that somebody made at the rail."""
    (order,) = await rail_operations.of_transaction(desk.service.pool, desk.books.book_id, charge)
    reference, moment = f"{name}_{charge}", desk.clock().astimezone(UTC)
    return RailMovement(
        f"mv_{reference}", MovementKind.REFUND, reference, -amount, 0, "USD", moment, None, order.reference
    )


async def test_a_refund_that_was_made_by_hand_is_booked_as_one(desk: Desk) -> None:
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    cash, rail = await desk.books.total("cash"), await desk.account("rail")
    refund = await by_hand(desk, paid, 4 * UNITS)

    first, second = await asyncio.gather(*(desk.read(lambda told: [*told, refund]) for _ in range(2)))
    assert first.unexplained_micros == second.unexplained_micros == 0
    assert (await desk.read(lambda told: [*told, refund])).findings == ()

    row = await desk.service.pool.fetchrow(
        "SELECT count(*), min(operation), min(status), sum(amount_micros), sum(fee_micros) FROM transaction"
        " WHERE book_id = $1 AND original_id = $2",
        desk.books.book_id,
        paid,
    )
    assert row is not None
    count, operation, status, amount, fee = row
    assert (count, operation, status, amount) == (1, "Refund", "Success", 4 * UNITS)
    assert fee < 0
    assert await desk.books.total("cash") == cash - 4 * UNITS - fee
    assert await desk.account("rail") == rail - 4 * UNITS - (await desk.read(lambda told: [*told, refund])).fees_micros
    assert said(await desk.books.refund(paid, "6.01")) == "RefundAmountExceeded"


@pytest.mark.parametrize("kind", ["a balance", "a debt"])
async def test_one_of_an_instrument_changes_what_is_left_or_owed(desk: Desk, kind: str) -> None:
    books = desk.books
    if kind == "a balance":
        buyer = await books.prepaid_buyer(limit="100.00", method=Method.CC)
        charge = taken(await books.fund(buyer, "10.00"), "Pending")
        await work(books)
        taken(await books.pay(buyer, "6.00"))
    else:
        buyer = await books.postpaid_buyer(method=Method.CC)
        taken(await books.pay(buyer, "20.00"))
        charge = taken(await books.settle(buyer, "10.00"), "Pending")
        await work(books)
    refund = await by_hand(desk, charge, 3 * UNITS)

    report = await desk.read(lambda told: [*told, refund])

    assert report.findings == ()
    left = await desk.service.pool.fetchval(
        "SELECT abs(balance_micros) FROM account WHERE book_id = $1 AND subject = $2", books.book_id, buyer.instrument
    )
    assert left == (1 * UNITS if kind == "a balance" else 13 * UNITS)
    (given,) = await authorizations.authorizations_of(desk.service.pool, buyer.party_id, 5)
    assert given.spent_micros == (6 * UNITS if kind == "a balance" else 20 * UNITS)
    entry = (await authorization_history.page(desk.service.pool, given, 5))[0]
    assert entry.running_micros == left


async def test_what_does_not_fit_stays_listed_until_it_does(desk: Desk) -> None:
    """More was given back than is left on the balance; once it is there again, the books follow."""
    books = desk.books
    buyer = await books.prepaid_buyer(limit="100.00", method=Method.CC)
    charge = taken(await books.fund(buyer, "10.00"), "Pending")
    await work(books)
    taken(await books.pay(buyer, "8.00"))
    refund = await by_hand(desk, charge, 5 * UNITS)

    first = await desk.read(lambda told: [*told, refund])
    assert findings(first) == [(FindingKind.ONLY_THERE, refund.movement_id, 5 * UNITS)]
    assert await books.balance(buyer) == 2 * UNITS, "nothing is booked in part"

    taken(await books.fund(buyer, "9.00"), "Pending")
    await work(books)
    assert (await desk.read(lambda told: [*told, refund])).findings == ()
    assert await books.balance(buyer) == 6 * UNITS


async def test_never_more_than_was_captured_and_not_refunded(desk: Desk) -> None:
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    other = await desk.charged("50.00")  # for the seller to have cash
    await work(desk.books)
    too_much = [await by_hand(desk, paid, 6 * UNITS, name) for name in ("re_a", "re_b")]

    report = await desk.read(lambda told: [*told, *too_much])

    assert [(kind, micros) for kind, _, micros in findings(report)] == [(FindingKind.ONLY_THERE, 6 * UNITS)]
    assert other
    refunded = await desk.service.pool.fetchval(
        "SELECT refunded_micros FROM transaction WHERE transaction_id = $1", paid
    )
    assert refunded == 6 * UNITS


async def test_what_was_booked_as_nobodys_is_no_refund_later(desk: Desk) -> None:
    """The rail's name of the charge was not known when its refund by hand was read: one of the two is booked."""
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    refund = await by_hand(desk, paid, 4 * UNITS)
    held, rail = await desk.account("suspense"), await desk.account("rail")
    cash = await desk.books.total("cash")
    first = await desk.read(lambda told: [*told, replace(refund, charge_reference="pi_not_known_yet")])
    fees_micros = first.fees_micros

    again = await desk.read(lambda told: [*told, refund])

    assert findings(again) == findings(first) == [(FindingKind.BY_HAND, refund.movement_id, 0)]
    assert await desk.account("suspense") - held == 4 * UNITS
    assert await desk.account("rail") - rail == -4 * UNITS - fees_micros
    assert await desk.books.total("cash") == cash


async def test_of_two_readings_at_once_of_which_one_knows_the_charge_one_books(desk: Desk) -> None:
    """The one that does not know it waits where it has decided; the other one decides, and waits; then both go on."""
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    given = await by_hand(desk, paid, 1 * UNITS, "re_first")
    await desk.read(lambda told: [*told, given])
    back = replace(given, movement_id=f"{given.movement_id}_back", amount_micros=1_000)  # the rail is asked about it
    refund = await by_hand(desk, paid, 4 * UNITS)
    stranger = replace(refund, charge_reference="pi_not_known_yet")
    held, rail, cash = await desk.account("suspense"), await desk.account("rail"), await desk.books.total("cash")
    both_have_decided, first_is_over = asyncio.Event(), asyncio.Event()

    async def second_begins() -> None:
        begun.append(asyncio.create_task(reconcile(desk.service, knowing, "sandbox", days_of(day, day))))
        await both_have_decided.wait()

    async def second_waits() -> None:
        both_have_decided.set()
        await first_is_over.wait()

    begun: list[asyncio.Task[list[DayReport]]] = []
    unknowing = ToldRail(desk.service, lambda told: [*told, given, back, stranger])
    knowing = ToldRail(desk.service, lambda told: [*told, given, back, refund])
    unknowing.meanwhile, knowing.meanwhile = second_begins, second_waits
    desk.clock.forward(seconds=1)
    day = desk.clock().date()

    await reconcile(desk.service, unknowing, "sandbox", days_of(day, day))
    first_is_over.set()
    await begun[0]

    assert await desk.account("rail") - rail == -4 * UNITS, "it left once"
    assert await desk.account("suspense") - held == 4 * UNITS, "as nobody's, which was said first"
    assert await desk.books.total("cash") == cash


async def test_one_that_was_made_by_hand_may_come_back_too(desk: Desk) -> None:
    buyer = await desk.books.sender_token(Method.CC)
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    cash = await desk.books.total("cash")
    refund = await by_hand(desk, paid, 4 * UNITS)
    await desk.read(lambda told: [*told, refund])
    back = replace(refund, movement_id=f"{refund.movement_id}-back", amount_micros=4 * UNITS)
    rail = ToldRail(desk.service, lambda told: [*told, refund, back])
    rail.says = Declined("TransactionDenied", "The card is closed.", "lost_or_stolen_card_refund")
    desk.clock.forward(seconds=1)
    day = desk.clock().date()

    (report,) = await reconcile(desk.service, rail, "sandbox", days_of(day, day))

    assert report.findings == ()
    assert await desk.books.total("cash") == cash


@pytest.mark.parametrize("told", ["by the statement", "by an event, and before the statement"])
async def test_a_refund_that_comes_back_is_found_and_booked_as_such(desk: Desk, told: str) -> None:
    """The card's bank sends it back a minute later: the statement has both, and the books come to the same."""
    buyer = await desk.books.sender_token(Method.CC)
    token = rail_token(Behaviour.REFUND_FAILS_LATER, secrets.token_hex(8))
    await desk.service.pool.execute(
        "UPDATE payment_method SET rail_token = $2 WHERE party_id = $1", buyer.party_id, token
    )
    paid = taken(await desk.books.pay(buyer, "10.00"), "Pending")
    await work(desk.books)
    cash = await desk.books.total("cash")
    refund = taken(await desk.books.refund(paid, "4.00"), "Pending")
    await work(desk.books)
    assert (await desk.read()).findings == ()
    desk.clock.forward(seconds=120)
    if told != "by the statement":
        simulated = desk.service.rails.find("sandbox", "simulated")
        (record,) = await rail_operations.of_transaction(desk.service.pool, desk.books.book_id, refund)
        failed = await simulated.look_again(record.reference, f"{refund}.refund", desk.clock())
        assert isinstance(failed, Declined)
        assert await refunds.reverse(desk.service, record, failed) is None

    report = await desk.read()

    assert report.movements == 3
    assert report.findings == ()
    assert await desk.books.total("cash") == cash
    assert (await desk.read()).findings == ()
    assert await desk.books.total("cash") == cash, "and once"
    reversals = await desk.service.pool.fetchval("SELECT count(*) FROM transaction WHERE original_id = $1", refund)
    assert reversals == 1
