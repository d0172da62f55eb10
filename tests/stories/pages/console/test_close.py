"""The page of a month's close, and the same as a file."""

from __future__ import annotations

import csv
import io

from tests.stories.pages.business import postpaid_customer, prepaid_customer
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Page, Seller, World
from tests.support.owner import connection_of_owner

from tallystick.services.buyer.months import Month
from tallystick.services.seller.staff import StaffRole


async def test_the_page_and_the_file_show_the_month_so_far(world: World, seller: Seller) -> None:
    month = Month.of(world.clock())
    customer = await prepaid_customer(world, seller, funded="20.00")
    await customer.pay("4.50")
    await (await postpaid_customer(world, seller)).pay("3.25")
    browser = await at_work(world, seller, StaffRole.VIEWER)
    later = Month.of(world.clock())

    page = Page(await browser.get(f"{console(seller, 'close')}?month={later.text}"))

    assert "is not over" in page.text
    assert "Checked: each start and what moved come to the end" in page.text
    link = next(link for link in page.links if "close.csv" in link)
    response = await browser.get(link)
    assert response.headers["content-disposition"].startswith(f'attachment; filename="close-{later.text}-sandbox-')
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    ends = {row["balance"]: row["amount"] for row in rows if row["row"] == "end"}
    assert (ends["prepaid"], ends["receivable"]) == ("15.500000", "3.250000")
    assert {row["amount"] for row in rows if row["row"] == "difference"} == {"0.000000"}
    if month == later:  # tests may begin in the last moments of a month
        kinds = {row["kind"]: row for row in rows if row["row"] == "kind"}
        assert (kinds["fundings"]["number"], kinds["fundings"]["gross"]) == ("1", "20.000000")
        assert (kinds["charges_of_balances"]["gross"], kinds["charges_on_tabs"]["gross"]) == ("4.500000", "3.250000")
        assert "4.50 USD" in page.text
    (entry,) = await world.rows(
        "SELECT subject FROM audit_entry WHERE business_id = $1 AND action = 'close.export'", seller.party.party_id
    )
    assert entry["subject"] == later.text


async def test_months_that_have_not_begun_or_are_none_have_no_page(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller)
    ahead = Month.of(world.clock()).next.next
    for place in ("close", "close.csv"):
        for month in (ahead.text, "2027-13", "lately", ""):
            assert (await browser.get(f"{console(seller, place)}?month={month}")).status_code == 404


async def test_a_month_that_was_archived_without_its_sums_says_so(world: World, seller: Seller) -> None:
    await world.pool.execute("UPDATE book SET archived_before = $2 WHERE book_id = $1", seller.book_id, world.clock())
    browser = await at_work(world, seller)
    month = Month.of(world.clock())
    batch = (
        "INSERT INTO archive_batch"
        " (book_id, number, completed_before, first_id, last_id, transactions, digest, archived_at)"
        " VALUES ($1, 1, $2, '0', '0', 1, sha256(''), $2)"
    )
    async with connection_of_owner(world.pool) as connection:
        await connection.execute(batch, seller.book_id, world.clock())
        try:
            answers = [
                await browser.get(f"{console(seller, place)}?month={month.text}") for place in ("close", "close.csv")
            ]
        finally:
            await connection.execute("DELETE FROM archive_batch WHERE book_id = $1", seller.book_id)

    for response in answers:
        assert response.status_code == 200
        assert "cannot be closed here" in Page(response).text
