"""A seller in several books has one console: what is in any of them is shown, found and done there."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from tests.stories.pages.business import books, prepaid_customer
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.commands import Method
from tallystick.services.seller.staff import StaffRole
from tallystick.store.ledger import shards
from tallystick.store.records import outbox


@dataclass(frozen=True)
class Large:
    """A seller with three books. `branches`: the same seller, each with one of them for new authorizations."""

    world: World
    seller: Seller
    branches: list[Seller]
    developer: Browser

    async def page(self, *place: str, **query: str) -> Page:
        response = await self.developer.http.get(console(self.seller, *place), params=query)
        assert response.status_code == 200, response.text[:2000]
        return Page(response)

    async def submit(self, page: Page, ending: str, **typed: str) -> Page:
        return Page(await self.developer.submit(page.response, ending, **typed))


@pytest.fixture
async def large(world: World, seller: Seller) -> Large:
    async with world.pool.acquire() as connection:
        found = await shards.split(connection, seller.party.party_id, "sandbox", 3, world.clock())
        await outbox.set_address(connection, seller.book_id, "https://shop.example/ipn", world.clock())
    branches = [replace(seller, book_id=book_id) for book_id in found]
    return Large(world, seller, branches, await at_work(world, seller, StaffRole.DEVELOPER))


async def payments(large: Large) -> list[str]:
    """One in each book, each with two notifications: of the funding and of itself."""
    return [await (await prepaid_customer(large.world, branch)).pay("1.00") for branch in large.branches]


async def given_up(large: Large) -> int:
    """All its notifications, as after a day in vain."""
    rows = await large.world.rows(
        "UPDATE outbox SET state = 'dead', due_at = NULL WHERE book_id = ANY($1) RETURNING event_id",
        [branch.book_id for branch in large.branches],
    )
    return len(rows)


async def test_the_delivery_log_has_the_notifications_of_all_books(large: Large) -> None:
    paid = await payments(large)

    log = await large.page("notifications")
    assert "Waiting 6 to be sent" in log.text
    for payment in paid:
        assert console(large.seller, "notifications", f"{payment}-1") in log.links
        event = await large.page("notifications", f"{payment}-1")
        assert payment in event.text
        assert payment in (await large.page("notifications", about=payment)).text


async def test_the_delivery_log_goes_on_page_by_page_through_all_books(
    large: Large, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.web.console.developer.notification_log.LISTED", 2)
    await payments(large)

    page, seen = await large.page("notifications"), list[str]()
    for _ in range(3):
        seen += [link.rpartition("/")[2] for link in page.links if link.endswith("-1") and "?" not in link]
        older = next((link for link in page.links if "before=" in link), "")
        page = Page(await large.developer.get(older or console(large.seller, "notifications")))
    assert not older
    announced = await large.world.rows(
        "SELECT event_id FROM outbox WHERE book_id = ANY($1) ORDER BY announced_at DESC, event_id DESC",
        [branch.book_id for branch in large.branches],
    )
    assert seen == [row["event_id"] for row in announced]


async def test_all_that_were_given_up_are_sent_again_in_all_books(large: Large) -> None:
    paid = await payments(large)
    assert await given_up(large) == 6

    log = await large.page("notifications")
    assert "Given up 6 tried in vain" in log.text
    event = await large.page("notifications", f"{paid[2]}-1")
    assert "It is sent again" in (await large.submit(event, "/replay")).text
    assert "5 notifications are sent again" in (await large.submit(log, "/replay-dead")).text
    assert "Given up 0" in (await large.page("notifications")).text


async def test_notifications_of_others_have_no_page(large: Large, world: World) -> None:
    other = await world.seller("Neighbour")
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, other.book_id, "https://other.example/ipn", world.clock())
    theirs = await (await prepaid_customer(world, other)).pay("1.00")

    assert (await large.developer.get(console(large.seller, "notifications", f"{theirs}-1"))).status_code == 404


async def test_a_fault_on_order_meets_the_next_charge_in_any_book(large: Large, world: World) -> None:
    faults = await large.page("tools", "faults")
    assert (
        "The fault is ordered."
        in (await large.submit(faults, "/faults", operation="charge", outcome="TransactionDenied")).text
    )
    shop = await books(world, large.branches[2])
    buyer = await shop.prepaid_buyer(method=Method.CC)
    funding = {
        "SenderTokenId": buyer.money,
        "PrepaidInstrumentId": buyer.instrument,
        "CallerReference": secrets.token_hex(6),
        "FundingAmount.Value": "10.00",
        "FundingAmount.CurrencyCode": "USD",
    }
    charged = (await large.seller.api.call("FundPrepaid", funding)).text("TransactionId")
    await world.rail_answers()

    told = await large.seller.api.call("GetTransactionStatus", {"TransactionId": charged})
    assert (told.text("TransactionStatus"), told.text("StatusCode")) == ("Failure", "TransactionDenied")
    faults = await large.page("tools", "faults")
    assert "Met lately" in faults.text
    assert charged in faults.text


async def test_moving_the_clock_tells_what_would_end_in_all_books(large: Large, world: World) -> None:
    for branch in large.branches:
        await (await books(world, branch)).prepaid_buyer(expires_at=world.clock() + timedelta(days=20))

    preview = await large.page("tools", "clock", count="40", unit="Day")
    assert "Balances and tabs that end 3" in preview.text


async def test_the_latest_ids_of_all_books_are_offered(large: Large, world: World) -> None:
    customers = [await prepaid_customer(world, branch) for branch in large.branches]

    pay = await large.page("tools", "requests", action="Pay")
    for customer in customers:
        assert customer.spending in pay.response.text
