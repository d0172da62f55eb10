"""How small one payment may be: owners say so, payments of a millionth go through, all that shows them is exact."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.stories.pages.business import Customer, postpaid_customer, prepaid_customer
from tests.stories.pages.buyers import buyer_of, fund, seen
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.client.fps import ServiceError
from tallystick.services.buyer.months import Month
from tallystick.services.seller.staff import StaffRole
from tallystick.store.ledger.verify import verify


@pytest.fixture
async def owner(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller)


async def set_smallest(owner: Browser, seller: Seller, amount: str) -> Page:
    return Page(
        await owner.submit(await owner.get(console(seller, "charges")), "/charges/smallest", smallest_charge=amount)
    )


async def refused_with(customer: Customer, amount: str) -> str:
    return await customer.seller.told(customer.spending, amount)


async def refunded(seller: Seller, charge: str, amount: str) -> str:
    try:
        return (await seller.refund(charge, amount)).text("TransactionStatus")
    except ServiceError as error:
        return error.code


async def test_an_owner_lets_charges_be_a_millionth(world: World, seller: Seller, owner: Browser) -> None:
    customer = await prepaid_customer(world, seller, "1.00")
    assert await refused_with(customer, "0.009999") == "AmountOutOfRange"
    before = Page(await owner.get(console(seller, "charges"))).text
    assert "One payment is at least 0.01 USD in the sandbox." in before

    saved = await set_smallest(owner, seller, "0.000001")

    assert "Saved. It counts from now on." in saved.text
    assert "One payment is at least 0.000001 USD" in saved.text
    charge = await customer.pay("0.000001")
    assert "0.000001 USD" in Page(await owner.get(console(seller, "transactions", charge))).text
    assert "0.999999 USD" in Page(await owner.get(console(seller, "instruments", customer.instrument))).text
    exported = (await owner.get(console(seller, "activity.csv"))).text
    assert f"{charge}" in exported
    assert ",0.000001," in exported
    rows = await world.rows(
        "SELECT subject, details::text FROM audit_entry WHERE business_id = $1 AND action = 'charges.smallest'",
        seller.party.party_id,
    )
    assert [(row["subject"], row["details"]) for row in rows] == [("0.000001", '{"before": "0.01"}')]
    await set_smallest(owner, seller, "0.000001")
    rows = await world.rows(
        "SELECT 1 FROM audit_entry WHERE business_id = $1 AND action = 'charges.smallest'", seller.party.party_id
    )
    assert len(rows) == 1, "nothing has changed"
    assert (await verify(world.pool)).problems == []


async def test_tabs_and_refunds_follow_it(world: World, seller: Seller, owner: Browser) -> None:
    await set_smallest(owner, seller, "0.0005")
    customer = await postpaid_customer(world, seller)
    charge = await customer.pay("0.001")
    assert await refused_with(customer, "0.000499") == "AmountOutOfRange"
    assert await refunded(seller, charge, "0.000499") == "AmountOutOfRange"
    assert await refunded(seller, charge, "0.0006") == "Success"
    assert await refunded(seller, charge, "0.0004") == "Success", "all that is left may be less"
    assert (await verify(world.pool)).problems == []


@pytest.mark.parametrize("amount", ["", "0", "0.0000001", "10000.01", "-1", "cheap"])
async def test_what_is_no_amount_is_not_taken(world: World, seller: Seller, owner: Browser, amount: str) -> None:
    refused = await owner.submit(
        await owner.get(console(seller, "charges")), "/charges/smallest", smallest_charge=amount
    )

    assert refused.status_code == 422
    assert "Type an amount from 0.000001 to 10000.00, such as 0.01." in Page(refused).text
    (row,) = await world.rows("SELECT minimum_charge_micros FROM book WHERE book_id = $1", seller.book_id)
    assert row["minimum_charge_micros"] == 10_000


async def test_others_of_the_staff_see_it_only(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.FINANCE)
    page = Page(await browser.get(console(seller, "charges")))
    assert "Owners change it." in page.text
    assert not [form for form in page.forms if form.action.endswith("/charges/smallest")]


async def test_a_millionth_shows_wherever_it_is_told_of(world: World, seller: Seller, owner: Browser) -> None:
    """To the seller's program, to the buyer, in statements, in the figures of the day."""
    await set_smallest(owner, seller, "0.000001")
    buyer = await buyer_of(world, seller, seller.prepaid())
    await fund(seller, buyer, "20")
    paid = await seller.pay(buyer.answer["prepaidSenderTokenID"], "0.000001", SenderDescription="One token")
    charge = paid.text("TransactionId")

    found = await seller.api.call("GetTransaction", {"TransactionId": charge})
    assert found.micros("Transaction", "TransactionAmount") == 1
    listed = await seller.api.call(
        "GetAccountActivity", {"StartDate": f"{world.clock() - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    )
    assert listed.result is not None
    assert "0.000001" in [one.text for one in listed.result.iter()]
    left = await seller.api.call("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.authorization})
    assert left.micros("PrepaidBalance", "AvailableBalance") == 19_999_999

    assert "One token −0.000001 USD 19.999999 USD" in await seen(buyer, buyer.path)  # noqa: RUF001
    month = Month.of(world.clock()).text
    assert "Purchase (1) −0.000001 USD" in await seen(buyer, f"{buyer.path}/statements/{month}")  # noqa: RUF001
    statement = (await buyer.browser.get(f"{buyer.path}/statements/{month}.csv")).text
    assert "-0.000001,19.999999" in statement
    assert "0.000001 USD" in Page(await owner.get(console(seller))).text


async def test_a_buyer_is_told_what_less_than_a_cent_means(world: World, seller: Seller, owner: Browser) -> None:
    await set_smallest(owner, seller, "0.000001")
    tab = await buyer_of(world, seller, seller.postpaid())
    await seller.pay(tab.answer["creditSenderTokenID"], "0.004")
    note = "0.004 USD is less than a cent: it is collected together with later purchases."
    assert note in await seen(tab, tab.path)
    asked = await seen(tab, f"{tab.path}/cancel")
    assert "You still owe 0.004 USD, less than a cent. It cannot be collected by itself." in asked
    await tab.browser.submit(await tab.browser.get(f"{tab.path}/cancel"), "/cancel")
    ended = await seen(tab, tab.path)
    assert "You still owe 0.004 USD, less than a cent. It cannot be collected by itself." in ended
    assert "may settle it from" not in ended
    balance = await buyer_of(world, seller, seller.prepaid())
    await fund(seller, balance, "20")
    await seller.pay(balance.answer["prepaidSenderTokenID"], "19.992")
    assert "0.008 USD is less than a cent: it can be spent, but not paid back." in await seen(balance, balance.path)
