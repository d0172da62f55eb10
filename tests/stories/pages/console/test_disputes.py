"""Disputes in the console: tried in the sandbox, listed with their deadlines, answered with evidence."""

from __future__ import annotations

import re
import zlib

import pytest
from tests.stories.pages.business import books, disputed, paying_customer
from tests.stories.pages.people import at_work, console, operator, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.commands import Method
from tallystick.services.seller.staff import StaffRole
from tallystick.store.ledger.verify import verify


@pytest.fixture
async def owner(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller)


def text_in(pdf: bytes) -> str:
    """What the built-in font wrote: the strings of the file's streams."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    shown = []
    for stream in streams:
        try:
            shown.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b" ".join(re.findall(rb"\((.*?)\)\s*Tj", b" ".join(shown))).decode("latin-1")


async def test_a_charge_is_disputed_and_lost_as_the_simulated_bank_says(
    world: World, seller: Seller, owner: Browser
) -> None:
    charge = await (await paying_customer(world, seller, Method.CC)).pay("5")
    await world.rail_answers()
    page = await owner.submit(
        await owner.get(console(seller, "transactions", charge)), "/disputes/try", status="opened"
    )
    dispute = str(page.url).rpartition("/")[2]
    text = Page(page).text
    assert "Dispute of 5.00 USD" in text
    assert "Fee of the bank 15.00 USD" in text
    assert "Hand in the evidence before" in text.replace("Else hand", "Hand")
    listed = Page(await owner.get(console(seller, "disputes"))).text
    assert f"simulated-{charge}" in listed
    assert "Opened" in listed

    lost = await owner.submit(page, "/disputes/try", status="lost")

    assert "Your loss 5.00 USD" in Page(lost).text
    moved = Page(await owner.get(console(seller, "transactions", dispute))).text
    assert "Fee of the bank" in moved
    assert "Held back by the bank" in moved
    assert "Lost" in moved
    assert "5.00 USD, lost" in Page(await owner.get(console(seller, "transactions", charge))).text
    assert (await verify(world.pool)).problems == []


async def test_the_evidence_is_one_file_with_what_was_agreed_and_charged(
    world: World, seller: Seller, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.web.common.paper.paper.find_fonts", lambda: None)  # a machine without fonts
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.prepaid()))
    agreed = await world.answer(await browser.submit(confirm, "/confirm"))
    funded = await seller.fund(agreed["fundingTokenID"], agreed["prepaidInstrumentID"], "20")
    charge = funded.text("TransactionId")
    await world.rail_answers()
    await seller.pay(agreed["prepaidSenderTokenID"], "3", SenderDescription="A rare record")
    tried = await owner.submit(
        await owner.get(console(seller, "transactions", charge)), "/disputes/try", status="opened"
    )

    answer = await owner.get(f"{tried.url.path}/evidence.pdf")

    assert answer.headers["content-type"] == "application/pdf"
    shown = text_in(answer.content)
    assert "What the buyer agreed to, word for word" in shown
    assert "When and from where" in shown
    assert "A rare record" in shown
    assert "20.00 USD" in shown
    wording = await world.rows(
        "SELECT wording->>'button' AS button FROM authorization_evidence WHERE authorization_id = $1",
        agreed["prepaidInstrumentID"],
    )
    assert str(wording[0]["button"]) in shown


async def test_what_becomes_of_lost_settlements_is_the_sellers_choice(
    world: World, seller: Seller, owner: Browser
) -> None:
    done = await owner.submit(await owner.get(console(seller, "disputes")), "/settlements", settlements="loss")
    assert "Chosen" in Page(done).text
    rows = await world.rows("SELECT disputed_settlements FROM book WHERE book_id = $1", seller.book_id)
    assert [row["disputed_settlements"] for row in rows] == ["loss"]
    viewer = await at_work(world, seller, StaffRole.VIEWER)
    assert "It is the seller's loss" in Page(await viewer.get(console(seller, "disputes"))).text


async def test_nobody_elses_dispute_is_shown(world: World, seller: Seller, owner: Browser) -> None:
    other = await world.seller("Other Shop")
    theirs = await disputed(world, other)
    for ending in ("", "/evidence.pdf"):
        assert (await owner.get(f"{console(seller, 'disputes', theirs)}{ending}")).status_code == 404
    assert (await books(world, other)).book_id != seller.book_id


async def test_operators_see_all_of_them(world: World, seller: Seller) -> None:
    dispute = await disputed(world, seller)
    browser = await signed_in(world, await operator(world))
    page = Page(await browser.get("/admin/disputes")).text
    assert dispute in page
    assert "Owed by sellers" in page
