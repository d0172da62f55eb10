"""Somebody of the staff gives back what was not spent: over several fundings, with a preview, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest
from tests.stories.pages.business import Customer, books, prepaid_customer
from tests.stories.pages.people import at_work, console, employee, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World
from tests.support.busy_committer import BusyCommitter

from tallystick.domain.commands import Method
from tallystick.domain.ids import BookId
from tallystick.domain.refusals import Refusal
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import approvals as approving
from tallystick.services.seller.manual_operations import BookContext, context_with_book
from tallystick.services.seller.staff import StaffRole
from tallystick.store.records import approvals


@pytest.fixture
async def browser(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.FINANCE)


@pytest.fixture
async def customer(world: World, seller: Seller) -> Customer:
    """Funded with 16.00, of which 4.00 was spent."""
    customer = await prepaid_customer(world, seller, "16.00")
    await customer.pay("4.00")
    return customer


def here(seller: Seller, customer: Customer) -> str:
    return console(seller, "instruments", customer.instrument, "refund")


async def asked(browser: Browser, seller: Seller, customer: Customer, **typed: str) -> httpx.Response:
    """The form filled in and sent: what it would do, or what is wrong."""
    address = here(seller, customer)
    form = Page(await browser.get(address)).form("/refund")
    return await browser.get(f"{address}?{urlencode(form.fields | typed)}")


async def given_back(world: World, customer: Customer) -> list[int]:
    rows = await world.rows(
        "SELECT amount_micros FROM transaction WHERE operation = 'Refund' AND instrument_id = $1"
        " ORDER BY transaction_id",
        customer.instrument,
    )
    return [row["amount_micros"] for row in rows]


async def test_all_that_is_left_goes_back_after_a_preview(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    preview = await asked(browser, seller, customer, description="closed")
    text = Page(preview).text
    assert "Give back 12.00 USD?" in text
    assert "Left on the balance after it 0.00 USD" in text
    assert "Your cash falls by" in text
    assert await given_back(world, customer) == []

    done = await browser.submit(preview, "/refund")

    assert "What was not spent is on its way back" in Page(done).text
    assert "0.00 USD left to spend" in Page(done).text
    assert await given_back(world, customer) == [12_000_000]
    (entry,) = await world.rows(
        "SELECT subject, details FROM audit_entry WHERE action = 'money.refund_balance' AND business_id = $1",
        seller.party.party_id,
    )
    assert entry["subject"] == customer.instrument
    nothing = Page(await browser.get(here(seller, customer))).text
    assert "Nothing of this balance can be given back" in nothing


async def test_the_newest_funding_gives_back_first_and_a_card_when_its_network_agrees(
    world: World, seller: Seller, browser: Browser
) -> None:
    shop = await books(world, seller)
    customer = Customer(seller, await shop.prepaid_buyer("50.00", Method.CC))
    for amount in ("10.00", "6.00"):
        await customer.fund(amount)
        await world.rail_answers()

    preview = await asked(browser, seller, customer, amount="8.00")
    assert "The card, once the payment network has agreed" in Page(preview).text
    done = await browser.submit(preview, "/refund")

    assert "On its way 8.00 USD" in Page(done).text
    assert await given_back(world, customer) == [6_000_000, 2_000_000]
    await world.rail_answers()
    after = Page(await browser.get(console(seller, "instruments", customer.instrument))).text
    assert "8.00 USD left to spend" in after
    assert "On its way" not in after


async def test_a_form_that_is_sent_twice_gives_back_once(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    preview = await asked(browser, seller, customer, amount="3.00")
    form = Page(preview).form("/refund")
    await asyncio.gather(*(browser.post(form.action, form.fields) for _ in range(4)))
    await browser.post(form.action, form.fields)

    assert await given_back(world, customer) == [3_000_000]
    for amount in ("2.00", "4.00"):
        changed = await browser.post(form.action, form.fields | {"amount": amount})
        assert changed.status_code == 422, amount
    assert await given_back(world, customer) == [3_000_000]


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("12.01", "Only 12.00 of this balance can be given back."),
        ("0", "Enter an amount greater than zero."),
        ("much", "Enter an amount such as 2.50."),
    ],
)
async def test_what_cannot_be_given_back_is_said(
    world: World, seller: Seller, browser: Browser, customer: Customer, amount: str, says: str
) -> None:
    refused = await asked(browser, seller, customer, amount=amount)
    assert refused.status_code == 422
    assert says in Page(refused).text
    assert await given_back(world, customer) == []


async def test_above_an_amount_somebody_else_approves_it(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    await approvals.set_rule(world.pool, seller.party.party_id, 10_000_000, world.clock())
    preview = await asked(browser, seller, customer)
    assert "a second person is asked for" in Page(preview).text
    waiting = await browser.submit(preview, "/refund")
    assert "Refund a balance: 12.00 USD?" in Page(waiting).text
    assert await given_back(world, customer) == []

    other = await at_work(world, seller, StaffRole.FINANCE)
    done = await other.submit(await other.get(str(waiting.url)), "/approve")
    assert "The balance, with its refunds" in Page(done).text
    assert await given_back(world, customer) == [12_000_000]


async def with_two_fundings(world: World, seller: Seller) -> Customer:
    shop = await books(world, seller)
    customer = Customer(seller, await shop.prepaid_buyer("50.00", Method.CC))
    for amount in ("4.00", "6.00"):
        await customer.fund(amount)
        await world.rail_answers()
    return customer


async def test_what_passes_in_the_middle_is_said_and_the_same_form_goes_on(world: World, seller: Seller) -> None:
    """The second part meets a busy book: the page says what was done, and the rest is done once."""
    customer = await with_two_fundings(world, seller)
    busy = BusyCommitter(world.service.committer, 2, Refusal.ConcurrentModification)
    service = replace(world.service, committer=busy)  # type: ignore[arg-type]
    somebody = await employee(world, seller, StaffRole.FINANCE)
    browser = await signed_in(world, somebody, browser=world.browser(service))
    preview = await asked(browser, seller, customer, amount="10.00")

    stopped = await browser.submit(preview, "/refund")

    assert stopped.status_code == 422
    assert "6.00 was given back, the rest was not. Nothing was done. Try again later." in Page(stopped).text
    assert await given_back(world, customer) == [6_000_000]
    again = await browser.get(f"{here(seller, customer)}?{urlencode(Page(stopped).form('/refund').fields)}")
    assert "Give back 4.00 USD?" in Page(again).text
    done = await browser.submit(again, "/refund")
    assert "What was not spent is on its way back" in Page(done).text
    assert await given_back(world, customer) == [6_000_000, 4_000_000]
    over = await browser.get(f"{here(seller, customer)}?{urlencode(Page(stopped).form('/refund').fields)}")
    assert "This was given back already." in Page(over).text
    amounts = await world.rows(
        "SELECT details FROM audit_entry WHERE action = 'money.refund_balance' AND subject = $1 ORDER BY audit_id",
        customer.instrument,
    )
    assert [row["details"]["amount"] for row in amounts] == ["6.00", "4.00"]
    await world.rail_answers()


async def test_what_passes_in_the_middle_leaves_an_approval_to_be_carried_out(world: World, seller: Seller) -> None:
    customer = await with_two_fundings(world, seller)
    await approvals.set_rule(world.pool, seller.party.party_id, 1_000_000, world.clock())
    asker = await at_work(world, seller, StaffRole.FINANCE)
    waiting = await asker.submit(await asked(asker, seller, customer, amount="10.00"), "/refund")
    busy = BusyCommitter(world.service.committer, 2, Refusal.ServiceUnavailable)
    owner = await employee(world, seller, StaffRole.OWNER)

    async def approve(context: BookContext | None) -> approving.Approval:
        assert context is not None
        asked_for = await approving.find(context, waiting.url.path.rpartition("/")[2])
        assert asked_for is not None
        return await approving.approve(context, asked_for)

    actor, business, book_id = Actor.person(owner), seller.party.party_id, BookId(seller.book_id)
    service = replace(world.service, committer=busy)  # type: ignore[arg-type]
    first = await approve(await context_with_book(service, actor, business, book_id))
    assert (first.decision, first.open) == ("approved", True)
    assert await given_back(world, customer) == [6_000_000]

    second = await approve(await context_with_book(world.service, actor, business, book_id))

    assert not second.open
    assert await given_back(world, customer) == [6_000_000, 4_000_000]
    await world.rail_answers()
