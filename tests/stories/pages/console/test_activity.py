"""A seller looks at what happened: the list with its filters, its export, and each transaction."""

from __future__ import annotations

import csv
import io

import httpx
import pytest
from tests.stories.pages.business import Customer, paying_customer, postpaid_customer, prepaid_customer, received_for
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.client.fps import amount
from tallystick.domain.commands import Method
from tallystick.services.process.downloads import LONGEST_SECONDS, MOST_OF_A_CALLER
from tallystick.services.seller.staff import StaffRole
from tallystick.store.records import outbox


async def listed(browser: Browser, seller: Seller, query: str = "") -> list[str]:
    """The transactions of a page of the activity, from its links."""
    response = await browser.get(console(seller, "activity") + query)
    assert response.status_code == 200, response.text
    start = console(seller, "transactions") + "/"
    return [link.removeprefix(start) for link in Page(response).links if link.startswith(start)]


@pytest.fixture
async def browser(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.VIEWER)


@pytest.fixture
async def customer(world: World, seller: Seller) -> Customer:
    return await prepaid_customer(world, seller)


async def test_a_new_seller_sees_that_nothing_has_happened(seller: Seller, browser: Browser) -> None:
    page = Page(await browser.get(console(seller, "activity")))

    assert "Nothing has happened yet" in page.text
    assert not any("csv" in link for link in page.links)


async def test_an_environment_without_books_says_so(seller: Seller, browser: Browser) -> None:
    for part in ("activity", "instruments", "tokens", "debts"):
        page = Page(await browser.get(console(seller, part, environment="live")))
        assert "has no live books" in page.text
    response = await browser.get(console(seller, "transactions", "0" * 35, environment="live"))
    assert response.status_code == 404


async def test_filters_keep_to_what_they_say(seller: Seller, browser: Browser, customer: Customer) -> None:
    song = await customer.pay("1.50", SenderDescription="A song", CallerDescription="100% of it_all")
    book = await customer.pay("4.00", CallerReference="Order-4711")
    refund = await seller.api.call("Refund", {"TransactionId": song, "CallerReference": "back"})
    back = refund.text("TransactionId")
    everything = await listed(browser, seller)
    funding = everything[-1]

    assert everything == [back, book, song, funding]
    for query, expected in {
        "?kind=Pay": [book, song],
        "?kind=Refund&status=Success": [back],
        "?status=Failure": [],
        "?method=ABT": [funding],
        "?least=4": [book, funding],
        "?least=1.5&most=4.00": [back, book, song],
        "?q=SONG": [song],
        "?q=order-47": [book],
        "?q=100%25+of": [song],
        "?q=it_all": [song],
        "?q=_": [song],
        f"?q={song[5:20].lower()}": [song],
        f"?q={song}": [song],
        f"?q={customer.instrument}": everything,
        f"?q={customer.spending}": [book, song],
        f"?instrument={customer.instrument}&kind=Pay": [book, song],
        f"?token={customer.money}": [funding],
        "?from=2020-01-01": everything,
        "?to=2020-01-01": [],
        "?from=2020-01-01&to=9999-12-31": everything,
        f"?before={book}": [song, funding],
        "?before=nonsense": everything,
    }.items():
        found = await listed(browser, seller, query)
        assert found == expected, query
    exactly = Page(await browser.get(console(seller, "activity") + "?q=Order-4711"))
    assert f"Exactly this reference: {book}" in exactly.text


async def test_what_makes_no_sense_is_said_beside_its_field(seller: Seller, browser: Browser) -> None:
    query = "?from=yesterday&least=lots&kind=Gift&to=2020-13-01"
    for part in ("activity", "activity.csv"):
        response = await browser.get(console(seller, part) + query)
        assert response.status_code == 422
        page = Page(response)
        assert "There are 4 problems" in page.text
        assert page.forms[1].fields["least"] == "lots"
    backwards = Page(await browser.get(console(seller, "activity") + "?from=2027-03-02&to=2027-03-01"))
    assert "The last day lies before the first one." in backwards.text


async def test_the_export_holds_what_the_filter_lets_pass(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    await customer.pay("1.50", SenderDescription="=1+1")
    book = await customer.pay("4.00")
    link = next(
        link
        for link in Page(await browser.get(console(seller, "activity") + "?kind=Pay")).links
        if "activity.csv" in link
    )
    response = await browser.get(link)

    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"].startswith('attachment; filename="activity-sandbox-')
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row["amount"] for row in rows] == ["4.000000", "1.500000"]
    assert rows[0]["transaction_id"] == book
    assert rows[1]["sender_description"] == "'=1+1"
    assert {row["instrument_id"] for row in rows} == {customer.instrument}
    (entry,) = await world.rows(
        "SELECT subject FROM audit_entry WHERE business_id = $1 AND action = 'activity.export'", seller.party.party_id
    )
    assert entry["subject"] == "kind=Pay"


async def test_another_export_waits_until_others_of_the_seller_are_finished(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    await customer.pay("1.50")
    downloads = world.service.downloads
    kept = [downloads.begin(seller.party.party_id) for _ in range(MOST_OF_A_CALLER)]
    response = await browser.get(console(seller, "activity.csv"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "10")
    assert "Many files are being downloaded just now" in Page(response).text
    sql = "SELECT 1 FROM audit_entry WHERE business_id = $1 AND action = 'activity.export'"
    assert await world.rows(sql, seller.party.party_id) == [], "nothing was exported"

    downloads.ended(kept[0])
    for _ in range(2):
        assert (await browser.get(console(seller, "activity.csv"))).status_code == 200
    downloads.ended(kept[1])


async def test_an_export_whose_time_is_up_does_not_end_as_if_it_were_whole(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    await customer.pay("1.50")
    downloads = world.service.downloads
    usual, moments = downloads.clock, iter((0.0, 0.0, LONGEST_SECONDS + 1))
    try:
        downloads.clock = lambda: next(moments)
        with pytest.raises(httpx.RemoteProtocolError):
            await browser.get(console(seller, "activity.csv"))
    finally:
        downloads.clock = usual
    assert (await browser.get(console(seller, "activity.csv"))).status_code == 200


async def test_a_transaction_tells_what_it_moved(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, "https://shop.example/ipn", world.clock())
    payment = await customer.pay("1.50", SenderDescription="A song")
    refund = await seller.api.call(
        "Refund", {"TransactionId": payment, "CallerReference": "back"} | amount("RefundAmount", 500_000)
    )
    funding = (await listed(browser, seller))[-1]

    page = Page(await browser.get(console(seller, "transactions", payment)))
    for words in (
        "Payment of 1.50 USD",
        "Spent from the prepaid balance Prepaid balance",
        "Given back so far 0.50 USD",
        "Description for the buyer A song",
        "Digest of its parameters",
        "Succeeded Waiting https://shop.example/ipn",
        "The request As it came",
        "GET /?Action=Pay&AWSAccessKeyId=",
        "SenderDescription=A%20song",
    ):
        assert words in page.text
    assert console(seller, "transactions", refund.text("TransactionId")) in page.links
    assert console(seller, "instruments", customer.instrument) in page.links
    assert console(seller, "tokens", customer.spending) in page.links

    page = Page(await browser.get(console(seller, "transactions", refund.text("TransactionId"))))
    assert "Given back to the balance" in page.text
    assert console(seller, "transactions", payment) in page.links

    page = Page(await browser.get(console(seller, "transactions", funding)))
    assert "Money received for the balance" in page.text
    assert "Fee of the service Fees Cash held for you" in page.text


async def test_every_kind_of_transaction_has_its_page(world: World, seller: Seller, browser: Browser) -> None:
    tab = await postpaid_customer(world, seller)
    bought = await tab.pay("30")
    await seller.api.call("Refund", {"TransactionId": bought, "CallerReference": "a"} | amount("RefundAmount", 10**6))
    await tab.settle("20")
    write_off = {"CreditInstrumentId": tab.instrument, "CallerReference": "b"} | amount("AdjustmentAmount", 10**6)
    await seller.api.call("WriteOffDebt", write_off)
    direct = await paying_customer(world, seller)
    paid = await direct.pay("10")
    await seller.api.call("Refund", {"TransactionId": paid, "CallerReference": "c"})
    card = await paying_customer(world, seller, Method.CC)
    await card.pay("10")
    await seller.api.call(
        "Reserve",
        {"SenderTokenId": card.spending, "CallerReference": "d"} | amount("TransactionAmount", 10**7),
    )

    seen = ""
    for transaction in dict.fromkeys(await listed(browser, seller)):
        response = await browser.get(console(seller, "transactions", transaction))
        assert response.status_code == 200
        seen += Page(response).text
    await world.rail_answers()
    for transaction in dict.fromkeys(await listed(browser, seller)):
        seen += Page(await browser.get(console(seller, "transactions", transaction))).text
    for words in (
        "Put on the tab",
        "Taken off the debt",
        "Money received for the debt",
        "Debt forgiven",
        "Payment received",
        "Paid back",
        "Fee given back",
        "Reservation of 10.00 USD",
        "Held until",
        "Nothing moved",
        "Money moves once it has succeeded.",
    ):
        assert words in seen, words


async def test_another_sellers_transactions_do_not_exist_here(world: World, seller: Seller, browser: Browser) -> None:
    other = await world.seller("Other Shop")
    payment = await (await prepaid_customer(world, other)).pay("1")

    assert (await browser.get(console(seller, "transactions", payment))).status_code == 404
    assert await listed(browser, seller, f"?q={payment}") == []
    assert (await browser.get(console(seller, "transactions", "nonsense"))).status_code == 404


async def test_what_was_received_through_another_seller_is_seen_too(world: World) -> None:
    marketplace, artist = await world.seller("Market"), await world.seller("Artist")
    buyer = await paying_customer(world, marketplace)
    token = await received_for(world, marketplace, artist)
    payment = await buyer.pay("10", RecipientTokenId=token, MarketplaceVariableFee="10")

    browser = await at_work(world, artist, StaffRole.VIEWER)
    assert payment in await listed(browser, artist)
    page = Page(await browser.get(console(artist, "transactions", payment)))
    for words in ("Called by Market", "Payment received", "Share of the caller", "Fee of the service"):
        assert words in page.text
    assert "Caller reference" not in page.text
    assert "Refund…" not in page.text
    callers = Page(
        await (await at_work(world, marketplace, StaffRole.VIEWER)).get(console(marketplace, "transactions", payment))
    )
    assert "Your share" in callers.text


async def test_what_no_text_can_hold_finds_nothing(seller: Seller, browser: Browser) -> None:
    for odd in ("%00", "%ED%A0%80", "%FF", "%F0%9F%8E%B5", "%5C", "%25%5F"):
        for path in ("activity?q=", "activity?instrument=", "activity?before=", "instruments?q=", "tokens?before="):
            response = await browser.get(console(seller, path) + odd)
            assert response.status_code == (404 if odd == "%00" else 200), (path, odd)
        for path in ("instruments", "tokens", "transactions"):
            response = await browser.get(console(seller, path, odd))
            assert response.status_code in {400, 404}, (path, odd)
