"""What notifications tell of a visit to the hosted pages: the address that the buyer gave, the number on a button."""

from __future__ import annotations

from datetime import timedelta

from tests.stories.pages.hosted.test_simple_pay import pressed
from tests.stories.pages.world import Page, Seller, World

from tallystick.notify import content
from tallystick.store.records import outbox
from tallystick.store.records.outbox import DueEvent

URL = "https://shop.example/ipn"


async def told(world: World, seller: Seller) -> list[dict[str, str]]:
    """What the seller's notifications say, in their order."""
    await outbox.set_wishes(world.pool, seller.book_id, immediate=True)
    rows = await world.rows(
        "SELECT event_id, destination, due_at FROM outbox WHERE book_id = $1 ORDER BY event_id", seller.book_id
    )
    said = []
    async with world.pool.acquire() as connection:
        for row in rows:
            due = DueEvent(seller.book_id, **row)
            event = await outbox.claim(connection, due, world.clock() + timedelta(minutes=1))
            assert event is not None
            fields = await content.fields_of(connection, event)
            assert fields is not None
            said.append(fields)
    return said


async def test_the_address_that_a_buyer_gave(world: World, seller: Seller) -> None:
    browser = world.browser()
    url = seller.url(seller.request("MultiUse", collectShippingAddress="True", paymentReason="Two <b>CDs</b>"))
    method = await browser.sign_up(await browser.get(url))
    page = await browser.use_test_money(method, "20")
    typed = {"addressLine1": "1 Main St", "city": "Springfield", "zip": "12345", "country": "USA", "phoneNumber": "555"}
    confirm = await browser.submit(page, "/address", **typed)
    agreed = await world.answer(await browser.submit(confirm, "/confirm"))
    await seller.pay(agreed["tokenID"], "1.00", OverrideIPNURL=URL)

    (fields,) = await told(world, seller)

    assert {name: value for name, value in fields.items() if "ddress" in name} == {
        "isShippingAddressProvided": "TRUE",
        "addressFullName": "Ann Buyer",
        "addressLine1": "1 Main St",
        "addressCity": "Springfield",
        "addressZip": "12345",
        "addressCountry": "USA",
        "addressPhone": "555",
    }
    assert fields["paymentReason"] == "Two <b>CDs</b>"
    assert not {"status", "referenceId"} & fields.keys()


async def test_an_address_that_the_seller_gave_is_no_news(world: World, seller: Seller) -> None:
    browser = world.browser()
    url = seller.url(seller.request("MultiUse", addressLine1="1 Main St", city="Springfield"))
    confirm = await browser.use_test_money(await browser.sign_up(await browser.get(url)), "20")
    assert "1 Main St" in Page(confirm).text
    agreed = await world.answer(await browser.submit(confirm, "/confirm"))
    await seller.pay(agreed["tokenID"], "1.00", OverrideIPNURL=URL)

    (fields,) = await told(world, seller)

    assert not [name for name in fields if "ddress" in name]


async def test_a_button_tells_its_number_even_if_the_buyer_never_comes_back(world: World, seller: Seller) -> None:
    browser, page = await pressed(world, seller.button(ipnUrl=URL))
    confirm = await browser.add_card(await browser.sign_up(page))
    await browser.submit(confirm, "/confirm")
    await world.rail_answers()

    pending, success = await told(world, seller)

    assert (pending["status"], pending["transactionStatus"]) == ("PI", "PENDING")
    assert (success["status"], success["transactionStatus"]) == ("PS", "SUCCESS")
    assert pending["referenceId"] == success["referenceId"] == "order 7"
