"""Debts by age, and settling or writing off one or many."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.business import Customer, postpaid_customer, prepaid_customer
from tests.stories.pages.people import at_work, console, employee
from tests.stories.pages.world import Browser, Page, Seller, World
from tests.support.busy_committer import BusyCommitter

from tallystick.domain.commands import CancelToken, Method
from tallystick.domain.ids import BookId, InstrumentId
from tallystick.domain.refusals import Refusal
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import debt_runs
from tallystick.services.seller.debt_runs import DebtAction
from tallystick.services.seller.manual_operations import context_with_book, new_reference
from tallystick.services.seller.staff import StaffRole
from tallystick.store.ledger import shards as parts


def chosen(seller: Seller, deed: str, *customers: Customer, **more: str) -> str:
    """The address that the list's form leads to."""
    pairs = [("deed", deed), *more.items(), *(("debt", customer.instrument) for customer in customers)]
    return f"{console(seller, 'debts', 'preview')}?{'&'.join(f'{name}={value}' for name, value in pairs)}"


async def run(browser: Browser, preview: httpx.Response) -> httpx.Response:
    """Say yes to a preview: all its lines, as a browser sends them."""
    return await browser.http.post(
        Page(preview).form("/runs").action, content=body(preview), headers={"content-type": FORM}, follow_redirects=True
    )


FORM = "application/x-www-form-urlencoded"


def body(preview: httpx.Response) -> str:
    """What the form of a preview sends, repeated fields included."""
    form = preview.text[preview.text.index('/runs"') :]
    parts = form.split('<input type="hidden" name="')[1:]
    pairs = [(part.split('"')[0], part.split('value="')[1].split('"')[0]) for part in parts]
    return "&".join(f"{name}={value.replace(':', '%3A')}" for name, value in pairs)


def sent(page: httpx.Response, ending: str) -> dict[str, str]:
    """What a form would send as it stands: the fields within it, and those elsewhere that name it."""
    tags = [dict(re.findall(r'([a-z-]+)="([^"]*)"', tag)) for tag in re.findall(r"<(?:form|input)[^>]*>", page.text)]
    form_id = next(tag["id"] for tag in tags if tag.get("action", "").endswith(ending) and "id" in tag)
    outside = {tag["name"]: tag.get("value", "") for tag in tags if tag.get("form") == form_id}
    return Page(page).form(ending).fields | outside


async def owed(world: World, *customers: Customer) -> list[int]:
    rows = await world.rows("SELECT subject, balance_micros FROM account WHERE kind = 'receivable'")
    found = {row["subject"]: row["balance_micros"] for row in rows}
    return [found[customer.instrument] // 10_000 for customer in customers]


@pytest.fixture
async def browser(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.FINANCE)


async def test_nobody_owes_anything(seller: Seller, browser: Browser) -> None:
    assert "Nobody owes you anything" in Page(await browser.get(console(seller, "debts"))).text


async def test_debts_are_told_by_their_age(world: World, seller: Seller, browser: Browser) -> None:
    old, new = await postpaid_customer(world, seller), await postpaid_customer(world, seller)
    await old.pay("10")
    await world.later(seller, timedelta(days=40))
    await old.pay("4")
    await old.settle("5")
    await world.later(seller, timedelta(days=40))
    await new.pay("30")

    page = Page(await browser.get(console(seller, "debts")))
    assert "Owed in all 39.00 USD on 2 tabs" in page.text
    assert "Up to 30 days old 30.00 USD 31 to 60 days 4.00 USD 61 to 90 days 5.00 USD" in page.text
    people = [link for link in page.links if "/instruments/" in link]
    assert people == [console(seller, "instruments", customer.instrument) for customer in (old, new)]

    aged = Page(await browser.get(console(seller, "debts") + "?age=60"))
    assert [link for link in aged.links if "/instruments/" in link] == people[:1]
    assert "Owed in all 39.00 USD" in aged.text
    assert "Nothing matches" in Page(await browser.get(console(seller, "debts") + "?age=90")).text
    assert "Nothing matches" in Page(await browser.get(console(seller, "debts") + "?q=nobody")).text
    ticked = (await browser.get(console(seller, "debts") + "?all=yes")).text
    assert ticked.count(" checked>") == 2


async def test_many_debts_are_settled_at_once_and_each_tells_what_came_of_it(
    world: World, seller: Seller, browser: Browser
) -> None:
    rich, poor = await postpaid_customer(world, seller), await postpaid_customer(world, seller, money="1")
    card = await postpaid_customer(world, seller, Method.CC)
    for customer, value in ((rich, "10"), (poor, "20"), (card, "30")):
        await customer.pay(value)

    preview = await browser.get(chosen(seller, "settle", rich, poor, card))
    text = Page(preview).text
    assert "Settle 2 of 3 debts?" in text
    assert "1 of them cannot be settled now" in text
    assert "The sender's account balance does not cover the amount." in text
    assert "Taken from buyers 40.00 USD 2 debts" in text
    assert "once the payment networks have paid" in text
    assert await owed(world, rich, poor, card) == [1000, 2000, 3000]

    result = await run(browser, preview)
    assert "The payment network is still being asked about 1 of 2." in Page(result).text
    assert await owed(world, rich, poor, card) == [0, 2000, 3000]
    again = await run(browser, preview)
    assert again.url == result.url
    await world.rail_answers()
    done = Page(await browser.get(str(result.url)))
    assert "All 2 are settled." in done.text
    assert "Settled 40.00 USD" in done.text
    assert await owed(world, rich, poor, card) == [0, 2000, 0]
    assert (await browser.get(str(preview.url))).url == result.url
    entries = await world.rows(
        "SELECT details FROM audit_entry WHERE action = 'debts.settle' AND business_id = $1", seller.party.party_id
    )
    assert [entry["details"] for entry in entries] == [{"debts": 2, "amount": "40.00"}]


async def test_what_fails_is_told_line_by_line_and_can_be_written_off_instead(
    world: World, seller: Seller, browser: Browser
) -> None:
    good, bad = await postpaid_customer(world, seller), await postpaid_customer(world, seller)
    await good.pay("10")
    await bad.pay("20")
    preview = await browser.get(chosen(seller, "settle", good, bad))
    await world.service.committer.perform(seller.book_id, CancelToken(bad.money, by=seller.party.party_id))

    failed = await run(browser, preview)
    page = Page(failed)
    assert "All are decided. 1 of 2 could not be settled." in page.text
    assert "The sender token has been cancelled." in page.text
    assert await owed(world, good, bad) == [0, 2000]

    preview = await browser.get(chosen(seller, "write_off", bad))
    assert "A debt that is written off cannot be brought back." in Page(preview).text
    assert "Done. It is written off." in Page(await run(browser, preview)).text
    assert await owed(world, good, bad) == [0, 0]


async def test_one_debt_is_settled_in_part(world: World, seller: Seller, browser: Browser) -> None:
    customer = await postpaid_customer(world, seller)
    await customer.pay("10")
    own = Page(await browser.get(console(seller, "instruments", customer.instrument)))
    link = next(link for link in own.links if "deed=settle" in link)
    preview = await browser.get(link)
    assert "Settle 10.00 USD" in Page(preview).text

    for value, problem in (("ten", "Enter an amount such as 2.50."), ("11", "is more than the debt of 10.00")):
        wrong = await browser.get(f"{preview.url}&amount={value}")
        assert wrong.status_code == 422
        assert problem in Page(wrong).text
        assert not [form for form in Page(wrong).forms if form.action.endswith("/runs")]
    await run(browser, await browser.get(f"{preview.url}&amount=4"))
    assert await owed(world, customer) == [600]


@pytest.mark.parametrize("deed", ["write_off", "settle"])
async def test_an_amount_that_no_preview_showed_is_previewed_before_anything_moves(
    world: World, seller: Seller, browser: Browser, deed: str
) -> None:
    customer = await postpaid_customer(world, seller)
    await customer.pay("23.45")
    preview = await browser.get(chosen(seller, deed, customer))
    assert "amount" in sent(preview, "/runs"), "the final button sends what stands in the field"

    changed = await browser.post(Page(preview).form("/runs").action, sent(preview, "/runs") | {"amount": "5"})
    assert "Nothing has happened yet. This is what the changed amount would do." in Page(changed).text
    assert sent(changed, "/runs")["line"] == f"{customer.instrument}:5000000"
    assert sent(changed, "/runs")["run"] == sent(preview, "/runs")["run"]
    assert await owed(world, customer) == [2345]

    for value, problem in (("abc", "Enter an amount such as 2.50."), ("200", "is more than the debt of 23.45")):
        wrong = await browser.post(Page(changed).form("/runs").action, sent(changed, "/runs") | {"amount": value})
        assert wrong.status_code == 422
        assert problem in Page(wrong).text
    emptied = await browser.post(Page(changed).form("/runs").action, sent(changed, "/runs") | {"amount": ""})
    assert sent(emptied, "/runs")["line"] == f"{customer.instrument}:23450000"
    looked = await browser.post(Page(changed).form("/runs").action, sent(changed, "/runs") | {"do": "look"})
    assert looked.url.path == console(seller, "debts", "preview")
    assert await owed(world, customer) == [2345]

    done = await browser.post(Page(changed).form("/runs").action, sent(changed, "/runs"))
    assert "Done." in Page(done).text
    assert await owed(world, customer) == [1845]


async def test_nothing_is_chosen_or_somebody_elses(world: World, seller: Seller, browser: Browser) -> None:
    other = await postpaid_customer(world, await world.seller("Other"))
    await other.pay("10")
    prepaid = await prepaid_customer(world, seller)

    empty = Page(await browser.get(chosen(seller, "settle")))
    assert "Choose at least one debt." in empty.text
    assert (await browser.get(chosen(seller, "settle", other))).status_code == 404
    assert (await browser.get(chosen(seller, "settle", prepaid))).status_code == 404
    forged = await browser.http.post(
        console(seller, "debts", "runs"),
        data={"deed": "settle", "run": f"console-{secrets.token_hex(10)}", "line": f"{other.instrument}:1000000"},
        headers=await browser.form_header(),
    )
    assert forged.status_code == 404
    assert await owed(world, other) == [1000]
    unknown = console(seller, "debts", "runs", f"console-{secrets.token_hex(10)}")
    assert (await browser.get(unknown)).status_code == 404


async def test_a_run_that_stopped_halfway_goes_on(world: World, seller: Seller, browser: Browser) -> None:
    first, second = await postpaid_customer(world, seller), await postpaid_customer(world, seller)
    await first.pay("10")
    await second.pay("20")
    result = await run(browser, await browser.get(chosen(seller, "settle", first, second)))
    run_id = str(result.url).rpartition("/")[2]
    await world.pool.execute(
        "UPDATE debt_run_line SET transaction_id = NULL WHERE run_id = $1 AND instrument_id = $2",
        run_id,
        first.instrument,
    )

    stopped = await browser.get(str(result.url))
    assert "1 could not be reached. Nothing happened to it; you can go on." in Page(stopped).text
    viewer = await at_work(world, seller, StaffRole.VIEWER)
    assert "Go on" not in Page(await viewer.get(str(result.url))).text
    done = await browser.submit(stopped, run_id)
    assert "All 2 are settled." in Page(done).text
    assert await owed(world, first, second) == [0, 0]


async def test_what_passes_leaves_a_line_to_go_on_with(world: World, seller: Seller) -> None:
    """As while the clock is doubted: nothing was done to that debt, so it is not over with it."""
    customers = [await postpaid_customer(world, seller) for _ in range(2)]
    for customer in customers:
        await customer.pay("10")
    busy = BusyCommitter(world.service.committer, 1, Refusal.ServiceUnavailable)
    owner = await employee(world, seller, StaffRole.OWNER)
    books = await context_with_book(
        replace(world.service, committer=busy),  # type: ignore[arg-type]
        Actor.person(owner),
        seller.party.party_id,
        BookId(seller.book_id),
    )
    assert books is not None
    wanted = {InstrumentId(customer.instrument): 10_000_000 for customer in customers}

    begun = await debt_runs.begin(books, DebtAction.WRITE_OFF, new_reference(), owner.party_id, wanted)

    assert sorted(await owed(world, *customers)) == [0, 1000]
    await debt_runs.go_on(books, begun)
    assert await owed(world, *customers) == [0, 0]


async def test_a_seller_in_parts_sees_and_settles_all_of_them(world: World, seller: Seller, browser: Browser) -> None:
    first = await postpaid_customer(world, seller)
    async with world.pool.acquire() as connection:
        both = await parts.split(connection, seller.party.party_id, "sandbox", 2, world.clock())
    second = await postpaid_customer(world, replace(seller, book_id=both[1]))
    bought = await first.pay("10"), await second.pay("20")

    activity = Page(await browser.get(console(seller, "activity")))
    for transaction in bought:
        assert console(seller, "transactions", transaction) in activity.links
        page = Page(await browser.get(console(seller, "transactions", transaction)))
        assert "Put on the tab" in page.text
        assert "Refund…" in page.text
    listed = Page(await browser.get(console(seller, "instruments")))
    assert {console(seller, "instruments", each.instrument) for each in (first, second)} <= set(listed.links)
    assert "Owed on tabs 30.00 USD" in listed.text
    assert "Owed in all 30.00 USD on 2 tabs" in Page(await browser.get(console(seller, "debts"))).text

    refund = Page(await browser.get(console(seller, "transactions", bought[1], "refund") + "?how=part&amount=5"))
    await browser.submit(refund.response, "/refund")
    assert await owed(world, first, second) == [1000, 1500]
    result = await run(browser, await browser.get(chosen(seller, "settle", first, second)))
    assert "All 2 are settled." in Page(result).text
    assert await owed(world, first, second) == [0, 0]
