"""A seller looks at one customer, finds them by what they are called, and takes the lists along as files."""

from __future__ import annotations

import csv
import io

import httpx
import pytest
from tests.stories.pages.business import Customer, paying_customer, postpaid_customer, prepaid_customer
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.services.reports.customers import MAX_CHARACTERS, MAX_NOTES
from tallystick.services.seller.staff import StaffRole


@pytest.fixture
async def browser(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.FINANCE)


@pytest.fixture
async def customer(world: World, seller: Seller) -> Customer:
    return await named(world, await prepaid_customer(world, seller), "Ada Lovelace")


async def named(world: World, customer: Customer, name: str) -> Customer:
    await world.pool.execute("UPDATE party SET name = $2 WHERE party_id = $1", customer.buyer.party_id, name)
    return customer


async def address_of(world: World, customer: Customer) -> str:
    (row,) = await world.rows("SELECT email FROM party WHERE party_id = $1", customer.buyer.party_id)
    return str(row["email"])


def place(seller: Seller, customer: Customer, environment: str = "sandbox") -> str:
    return console(seller, "customers", str(customer.buyer.party_id), environment=environment)


def transactions(seller: Seller, page: Page) -> list[str]:
    start = console(seller, "transactions") + "/"
    return [link.removeprefix(start) for link in page.links if link.startswith(start)]


def rows(response: httpx.Response) -> list[dict[str, str]]:
    assert response.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


async def test_a_page_has_everything_of_one_customer_and_nothing_of_others(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    paid = await customer.pay("1.50")
    other = await prepaid_customer(world, seller)
    not_theirs = await other.pay("2.50")

    page = Page(await browser.get(place(seller, customer)))

    assert "Ada Lovelace" in page.text
    assert await address_of(world, customer) in page.text
    assert "Left on balances 18.50 USD on 1 balance" in page.text
    found = transactions(seller, page)
    assert paid in found
    assert not_theirs not in found
    assert console(seller, "instruments", customer.instrument) in page.links
    assert console(seller, "tokens", customer.spending) in page.links
    assert console(seller, "instruments", other.instrument) not in page.links
    everything = Page(await browser.get(console(seller, "activity") + f"?buyer={customer.buyer.party_id}"))
    assert set(transactions(seller, everything)) == set(found)
    only_funding = await browser.get(console(seller, "activity") + f"?buyer={customer.buyer.party_id}&kind=FundPrepaid")
    assert len(transactions(seller, Page(only_funding))) == 1


async def test_payments_without_a_balance_or_a_tab_are_there_too(
    world: World, seller: Seller, browser: Browser
) -> None:
    customer = await paying_customer(world, seller)
    paid = [await customer.pay("3.00"), await customer.pay("4.00")]

    page = Page(await browser.get(place(seller, customer)))

    assert transactions(seller, page) == paid[::-1], "newest first"
    assert "No balance and no tab" in page.text


async def test_only_customers_have_a_page(world: World, seller: Seller, browser: Browser, customer: Customer) -> None:
    elsewhere = await prepaid_customer(world, await world.seller("Another Shop"))

    for path in (
        place(seller, elsewhere),
        console(seller, "customers", str(1 << 62)),
        console(seller, "customers", str(seller.party.party_id)),
        place(seller, customer, "live"),
    ):
        assert (await browser.get(path)).status_code == 404


async def test_the_activity_finds_buyers_by_name_and_address(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    paid = await customer.pay("1.50")
    await (await prepaid_customer(world, seller)).pay("2.50")
    address = await address_of(world, customer)

    for text in ("lovelace", "ADA LOVE", address[:9], address.upper()):
        page = await browser.http.get(console(seller, "activity"), params={"q": text, "kind": "Pay"})
        assert transactions(seller, Page(page)) == [paid], text
    exact = Page(await browser.http.get(console(seller, "activity"), params={"q": address}))
    assert "The customer with this address" in exact.text
    assert place(seller, customer) in exact.links
    stranger = await prepaid_customer(world, await world.seller("Another Shop"))
    unknown = await browser.http.get(console(seller, "activity"), params={"q": await address_of(world, stranger)})
    assert "The customer with this address" not in Page(unknown).text


async def test_the_activity_finds_amounts_and_ranges(seller: Seller, browser: Browser, customer: Customer) -> None:
    small, middle, large = [await customer.pay(value) for value in ("0.15", "2.50", "4.00")]

    async def found(text: str) -> list[str]:
        page = await browser.http.get(console(seller, "activity"), params={"q": text, "kind": "Pay"})
        assert page.status_code == 200
        return transactions(seller, Page(page))

    assert await found("2.50") == [middle]
    assert await found("$4") == [large]
    assert await found("0.10..2.50") == [middle, small]
    assert await found("2 - 5 USD") == [large, middle]
    assert await found("4") != [large], "a plain number may be a reference"
    both = await browser.http.get(console(seller, "activity"), params={"q": "2.50", "least": "1"})
    assert both.status_code == 422
    assert "Amounts are given below already" in both.text


async def test_notes_are_made_read_and_removed(
    world: World, seller: Seller, browser: Browser, customer: Customer
) -> None:
    page = await browser.get(place(seller, customer))
    assert "No notes yet." in Page(page).text
    empty = await browser.submit(page, "/notes", note=" \r\n ")
    assert (empty.status_code, "Write 1 to 2,000 characters." in empty.text) == (422, True)
    assert (await browser.submit(page, "/notes", note="x" * (MAX_CHARACTERS + 1))).status_code == 422

    kept = await browser.submit(page, "/notes", note="Called on Monday:\r\n<b>likes</b> records")
    assert "Called on Monday:\n&lt;b&gt;likes&lt;/b&gt; records" in kept.text
    viewer = await at_work(world, seller, StaffRole.VIEWER)
    seen = Page(await viewer.get(place(seller, customer)))
    assert "Called on Monday" in seen.text
    assert not [form for form in seen.forms if "/notes" in form.action]
    other = await at_work(world, await world.seller("Another Shop"), StaffRole.FINANCE)
    assert (await other.get(place(seller, customer))).status_code == 404

    assert "No notes yet." in Page(await browser.submit(kept, "/remove")).text
    entries = await world.rows(
        "SELECT action, subject, details::text FROM audit_entry WHERE business_id = $1 ORDER BY audit_id",
        seller.party.party_id,
    )
    assert [entry["action"] for entry in entries] == ["customer.note", "customer.note_remove"]
    assert {entry["subject"] for entry in entries} == {await address_of(world, customer)}
    assert "Monday" not in str(entries)


async def test_notes_have_an_end(world: World, seller: Seller, browser: Browser, customer: Customer) -> None:
    page = await browser.get(place(seller, customer))
    await world.pool.execute(
        "INSERT INTO customer_note (book_id, note_id, buyer_party_id, written_by, written_at, content)"
        " SELECT $1, number::text, $2, $3, $4, 'a note' FROM generate_series(1, $5) AS number",
        seller.book_id,
        customer.buyer.party_id,
        seller.party.party_id,
        world.clock(),
        MAX_NOTES - 1,
    )

    last = await browser.submit(page, "/notes", note="the last one")
    assert (last.status_code, "the last one" in last.text) == (200, True)
    assert (await browser.submit(page, "/notes", note="one too many")).status_code == 409


async def test_balances_and_tabs_as_a_file(world: World, seller: Seller, browser: Browser, customer: Customer) -> None:
    await customer.pay("1.50")
    tab = await named(world, await postpaid_customer(world, seller), "=SUM(A1)")
    await tab.pay("5")

    both = rows(await browser.get(console(seller, "instruments.csv")))
    balances = rows(await browser.get(console(seller, "instruments.csv") + "?kind=prepaid"))

    assert {row["instrument_id"] for row in both} == {customer.instrument, tab.instrument}
    (balance,) = balances
    assert (balance["balance"], balance["state"], balance["buyer_name"]) == ("18.500000", "active", "Ada Lovelace")
    (owed,) = [row for row in both if row["kind"] == "credit"]
    assert (owed["balance"], owed["buyer_name"], owed["currency"]) == ("5.000000", "'=SUM(A1)", "USD")


async def test_debts_as_a_file(world: World, seller: Seller, browser: Browser) -> None:
    for value in ("5", "7"):
        await (await postpaid_customer(world, seller)).pay(value)

    all_of_them = rows(await browser.get(console(seller, "debts.csv")))

    assert [row["owed"] for row in all_of_them] == ["7.000000", "5.000000"]
    assert {row["over_90_days"] for row in all_of_them} == {"0.000000"}
    assert rows(await browser.get(console(seller, "debts.csv") + "?age=90")) == []
    (entry, _) = await world.rows(
        "SELECT subject FROM audit_entry WHERE business_id = $1 AND action = 'debts.export' ORDER BY audit_id DESC",
        seller.party.party_id,
    )
    assert entry["subject"] == "age=90"


async def test_the_activity_with_totals(world: World, seller: Seller, browser: Browser, customer: Customer) -> None:
    for value in ("1.50", "2.25"):
        await customer.pay(value)
    await (await paying_customer(world, seller)).pay("10")

    lines = rows(await browser.get(console(seller, "activity.csv") + "?totals=yes"))

    totals = {(row["operation"], row["payment_method"]): row for row in lines if row["transaction_id"] == "total"}
    assert lines[-len(totals) :] == list(totals.values()), "below everything else"
    spent, fresh = totals["Pay", "Prepaid"], totals["Pay", "ABT"]
    assert (spent["amount"], spent["fee"], spent["status_code"]) == ("3.750000", "0.000000", "2")
    single = [row for row in lines if (row["operation"], row["payment_method"]) == ("Pay", "ABT")]
    assert (fresh["amount"], fresh["fee"]) == ("10.000000", single[0]["fee"])
    assert fresh["fee"] != "0.000000"
    plain = rows(await browser.get(console(seller, "activity.csv")))
    assert "total" not in {row["transaction_id"] for row in plain}
