"""What the fake Stripe says that it moved, held against the books: as it is, and with movements that are spoilt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC

import pytest
from tests.stories.pages.people import operator, signed_in
from tests.stories.pages.world import Page, Seller
from tests.support.stripe.fake import utc_now
from tests.support.stripe.forms import Json
from tests.support.stripe.shapes import fee_of
from tests.support.stripe.world import StripeWorld

from tallystick.domain.money import MICROS_PER_MINOR_UNIT, MICROS_PER_UNIT
from tallystick.domain.rails.reconciliation import DayReport, Finding, FindingKind
from tallystick.services.rails.reconciliation import days_of, reconcile


@pytest.fixture(autouse=True)
async def unspoilt(running: StripeWorld) -> AsyncIterator[None]:
    yield
    running.fake.proxy.spoil = list


async def charged(running: StripeWorld, seller: Seller, value: str) -> tuple[str, Json]:
    """A funding that Stripe has carried out; its transaction and its intent."""
    told = await running.buyer(seller)
    answer = await seller.fund(told["fundingTokenID"], told["prepaidInstrumentID"], value)
    transaction_id = answer.text("TransactionId")
    await running.work()
    assert await running.status(seller, transaction_id) == "Success"
    return transaction_id, await running.intent_of(transaction_id)


async def read(running: StripeWorld) -> list[DayReport]:
    """Of today and the days beside it: no test runs so long that midnight is not among them."""
    today = utc_now().astimezone(UTC).date()
    rail = running.world.service.rails.find("sandbox", "stripe")
    days = days_of(today.fromordinal(today.toordinal() - 1), today.fromordinal(today.toordinal() + 1))
    return await reconcile(running.world.service, rail, "sandbox", days)


def about(reports: list[DayReport], name: str) -> list[tuple[FindingKind, int]]:
    """What was found about a transaction of ours, or about what Stripe calls so."""
    found: list[Finding] = [one for report in reports for one in report.findings]
    return [(one.kind, one.unexplained_micros) for one in found if name in {one.name, one.reference}]


async def fees_booked(running: StripeWorld, intent: Json) -> list[int]:
    """What was booked as fees of the charge of an intent."""
    rows = await running.world.rows(
        "SELECT rail_booking.amount_micros FROM rail_booking JOIN rail_movement USING (book_id, rail, movement_id)"
        " WHERE account = 'rail_fees' AND rail_movement.reference = $1",
        intent["id"],
    )
    return [row["amount_micros"] for row in rows]


def movements_of(intent: Json, listed: list[Json]) -> list[Json]:
    with_source = [one for one in listed if isinstance(one["source"], dict)]
    return [one for one in with_source if one["source"].get("payment_intent") == intent["id"]]


Change = Callable[[Json], list[Json]]


def spoilt(running: StripeWorld, intent: Json, change: Change) -> None:
    """From now on Stripe tells something else of the charge of an intent."""

    def spoil(listed: list[Json]) -> list[Json]:
        mine = movements_of(intent, listed)
        assert mine, "there is something to spoil"
        return [other for one in listed for other in (change(one) if one in mine else [one])]

    running.fake.proxy.spoil = spoil


async def test_all_is_explained_and_its_fee_is_booked_once(running: StripeWorld, seller: Seller) -> None:
    transaction_id, intent = await charged(running, seller, "12.00")
    for _ in range(2):
        reports = await read(running)
        assert about(reports, transaction_id) == []
        assert await fees_booked(running, intent) == [fee_of(1_200) * MICROS_PER_MINOR_UNIT]


async def test_a_movement_that_stripe_does_not_tell_is_only_in_the_books(running: StripeWorld, seller: Seller) -> None:
    transaction_id, intent = await charged(running, seller, "13.00")
    spoilt(running, intent, lambda _: [])
    assert about(await read(running), transaction_id) == [(FindingKind.ONLY_HERE, 13 * MICROS_PER_UNIT)]
    running.fake.proxy.spoil = list
    assert about(await read(running), transaction_id) == [], "told after all, it is explained"


async def test_a_charge_that_was_taken_twice_is_another_sum(running: StripeWorld, seller: Seller) -> None:
    transaction_id, intent = await charged(running, seller, "14.00")
    spoilt(running, intent, lambda one: [one, one | {"id": f"{one['id']}_again"}])
    assert about(await read(running), transaction_id) == [(FindingKind.DIFFERENT, 14 * MICROS_PER_UNIT)]
    fee = fee_of(1_400) * MICROS_PER_MINOR_UNIT
    assert await fees_booked(running, intent) == [fee, fee], "it did keep both"


async def test_another_amount_is_another_sum(running: StripeWorld, seller: Seller) -> None:
    transaction_id, intent = await charged(running, seller, "15.00")
    spoilt(running, intent, lambda one: [one | {"amount": one["amount"] - 100, "net": one["net"] - 100}])
    assert about(await read(running), transaction_id) == [(FindingKind.DIFFERENT, MICROS_PER_UNIT)]


async def test_what_is_told_differently_later_keeps_what_was_told_first(running: StripeWorld, seller: Seller) -> None:
    transaction_id, intent = await charged(running, seller, "16.00")
    await read(running)
    spoilt(running, intent, lambda one: [one | {"fee": one["fee"] + 7}])
    reports = await read(running)
    assert about(reports, str(intent["id"])) == [(FindingKind.CHANGED, 7 * MICROS_PER_MINOR_UNIT)]
    assert await fees_booked(running, intent) == [fee_of(1_600) * MICROS_PER_MINOR_UNIT]
    assert about(reports, transaction_id) == []


async def test_a_charge_by_hand_is_the_operators_and_the_page_names_it(running: StripeWorld, seller: Seller) -> None:
    _, intent = await charged(running, seller, "17.00")
    by_hand = await running.fake.by_hand(f"{intent['customer']}/{intent['payment_method']}", 321)

    assert about(await read(running), by_hand) == [(FindingKind.BY_HAND, 0)]

    browser = await signed_in(running.world, await operator(running.world))
    shown = Page(await browser.get("/admin/reconciliation")).text
    assert by_hand in shown
    assert "Made by hand" in shown
    assert "3.21 USD there, 3.21 USD here" in shown
