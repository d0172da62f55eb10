"""A seller's console says what is in the archive, wherever one may look for it."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import pytest
from tests.stories.pages.business import Customer, postpaid_customer, prepaid_customer
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.ids import TRANSACTION_ENTROPY_BYTES, BookId, TransactionId, make_transaction_id
from tallystick.services.seller.staff import StaffRole
from tallystick.store.queries import debts

NOTE = "are in the archive. Whoever runs this service can read them there."


@pytest.fixture
async def browser(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.VIEWER)


@pytest.fixture
async def day(world: World, seller: Seller) -> datetime:
    """Before it, all history left the seller's book."""
    moment = world.clock() - timedelta(days=10)
    await world.pool.execute("UPDATE book SET archived_before = $2 WHERE book_id = $1", seller.book_id, moment)
    return moment


def id_from(book_id: BookId, moment: datetime) -> TransactionId:
    return make_transaction_id(book_id, int(moment.timestamp() * 1000), secrets.token_bytes(TRANSACTION_ENTROPY_BYTES))


async def begin_write_off(
    world: World, seller: Seller, customer: Customer, run_id: str, amount_micros: int, now: datetime
) -> None:
    async with world.pool.acquire() as connection:
        await debts.begin_run(
            connection,
            run_id,
            deed="write_off",
            by=seller.party.party_id,
            amounts=[(customer.buyer.instrument, amount_micros)],
            now=now,
        )


async def test_a_transaction_that_left_is_said_to_be_in_the_archive(
    world: World, seller: Seller, browser: Browser, day: datetime
) -> None:
    old = id_from(seller.book_id, day - timedelta(days=1))
    response = await browser.get(console(seller, "transactions", old))
    assert response.status_code == 404
    assert "In the archive" in Page(response).text

    never = await browser.get(console(seller, "transactions", id_from(seller.book_id, day + timedelta(days=1))))
    assert "There is no such page" in Page(never).text
    other = await world.seller("Other Shop")
    await world.pool.execute("UPDATE book SET archived_before = $2 WHERE book_id = $1", other.book_id, day)
    foreign = await browser.get(console(seller, "transactions", id_from(other.book_id, day - timedelta(days=1))))
    assert "There is no such page" in Page(foreign).text


async def test_an_archived_transaction_cannot_be_refunded(world: World, seller: Seller, day: datetime) -> None:
    till = await at_work(world, seller, StaffRole.OWNER)
    refund = console(seller, "transactions", id_from(seller.book_id, day - timedelta(days=1)), "refund")

    asked = await till.get(refund)
    assert asked.status_code == 404
    assert "It can no longer be refunded here." in Page(asked).text


async def test_a_transaction_of_that_age_that_is_still_here_is_shown(
    world: World, seller: Seller, browser: Browser
) -> None:
    paid = await (await prepaid_customer(world, seller)).pay("1.00")
    await world.pool.execute(
        "UPDATE book SET archived_before = $2 WHERE book_id = $1", seller.book_id, world.clock() + timedelta(days=1)
    )
    assert "Payment of 1.00 USD" in Page(await browser.get(console(seller, "transactions", paid))).text


async def test_the_end_of_the_activity_says_that_there_was_more(
    world: World, seller: Seller, browser: Browser, day: datetime
) -> None:
    nothing = Page(await browser.get(console(seller, "activity"))).text
    assert "Nothing that recent" in nothing
    assert NOTE in nothing
    await (await prepaid_customer(world, seller)).pay("1.00")

    assert NOTE in Page(await browser.get(console(seller, "activity"))).text
    since = f"?from={day + timedelta(days=1):%Y-%m-%d}"
    assert NOTE not in Page(await browser.get(console(seller, "activity") + since)).text


async def test_what_happened_with_a_balance_before_is_said_to_be_in_the_archive(
    world: World, seller: Seller, browser: Browser, day: datetime
) -> None:
    customer = await prepaid_customer(world, seller)
    places = [console(seller, "instruments", customer.instrument), console(seller, "tokens", customer.spending)]
    assert [NOTE in Page(await browser.get(place)).text for place in places] == [False, False], "given after that day"

    before = day - timedelta(days=1)
    await world.pool.execute("UPDATE instrument SET created_at = $2 WHERE book_id = $1", seller.book_id, before)
    await world.pool.execute("UPDATE token SET created_at = $2 WHERE book_id = $1", seller.book_id, before)
    for place in places:
        page = Page(await browser.get(place))
        assert NOTE in page.text
        assert "Nothing yet" not in page.text


async def test_a_run_of_debts_does_not_begin_again_when_its_transactions_left(
    world: World, seller: Seller, browser: Browser, day: datetime
) -> None:
    customer = await postpaid_customer(world, seller)
    run_id = secrets.token_hex(8)
    await begin_write_off(world, seller, customer, run_id, 1_000_000, day - timedelta(days=2))
    await world.pool.execute(
        "UPDATE debt_run_line SET transaction_id = $2 WHERE run_id = $1",
        run_id,
        id_from(seller.book_id, day - timedelta(days=2)),
    )

    page = Page(await browser.get(console(seller, "debts", "runs", run_id)))
    assert "What came of 1 of 1 is in the archive." in page.text
    assert "1 of 1 decided" in page.text
    assert "Not begun" not in page.text


async def test_debts_say_that_archived_purchases_count_as_old(
    world: World, seller: Seller, browser: Browser, day: datetime
) -> None:
    words = "are in the archive: what is still owed for them counts as older than 90 days."
    assert words in Page(await browser.get(console(seller, "debts"))).text

    long_ago = day - timedelta(days=90)
    await world.pool.execute("UPDATE book SET archived_before = $2 WHERE book_id = $1", seller.book_id, long_ago)
    assert words not in Page(await browser.get(console(seller, "debts"))).text


async def test_a_run_of_a_week_ago_is_not_gone_on_with(world: World, seller: Seller) -> None:
    """Its idempotency records have expired: what had been done already would be done again."""
    manager = await at_work(world, seller, StaffRole.OWNER)
    customer = await postpaid_customer(world, seller)
    await customer.pay("2.00")
    runs = {days: secrets.token_hex(8) for days in (1, 7)}
    for days, run_id in runs.items():
        await begin_write_off(world, seller, customer, run_id, 500_000, world.clock() - timedelta(days=days))

    late, lately = [await manager.get(console(seller, "debts", "runs", runs[days])) for days in (7, 1)]
    assert "it is too late to go on" in Page(late).text
    assert "you can go on" in Page(lately).text
    form = Page(lately).form(f"/runs/{runs[1]}")
    await manager.post(form.action.replace(runs[1], runs[7]), form.fields)
    assert "0 of 1 decided" in Page(await manager.get(str(late.url))).text
    await manager.submit(lately, f"/runs/{runs[1]}")
    assert "1 of 1 decided" in Page(await manager.get(str(lately.url))).text
