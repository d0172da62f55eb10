"""Whoever runs the service finds a transaction by what somebody names to them, and makes sellers."""

from __future__ import annotations

import re
import secrets

from tests.stories.pages.business import paying_customer, prepaid_customer
from tests.stories.pages.people import at_work, person, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.commands import Method

FIND = "/admin/transactions"


def found(page: Page) -> list[str]:
    return [link.rpartition("/")[2] for link in page.links if re.fullmatch(rf"{FIND}/[0-9A-Z]{{35}}", link)]


async def test_a_transaction_is_found_by_its_id_and_by_what_the_rail_calls_it(
    world: World, seller: Seller, admin: Browser
) -> None:
    customer = await paying_customer(world, seller, Method.CC)
    paid = await customer.pay("5", CallerReference="order-17")
    await world.rail_answers()
    (order,) = await world.rows("SELECT reference FROM rail_operation WHERE transaction_id = $1", paid)

    for text in (paid, order["reference"]):
        page = await admin.get(f"{FIND}?text={text}")
        assert page.url.path == f"{FIND}/{paid}"
        text_of_page = Page(page).text
        for told in ("Music Shop", "order-17", order["reference"], "5.00 USD", "Success"):
            assert told in text_of_page
    nothing = Page(await admin.get(f"{FIND}?text=nobody-calls-it-so"))
    assert "Nothing is called so" in nothing.text
    assert (await admin.get(f"{FIND}/{'0' * 35}")).status_code == 404
    assert (await admin.get(f"{FIND}/x")).status_code == 404


async def test_the_latest_transactions_of_a_seller_and_of_a_buyer(world: World, seller: Seller, admin: Browser) -> None:
    customer = await prepaid_customer(world, seller)
    paid = [await customer.pay(value) for value in ("1.50", "2.50")]
    elsewhere = await prepaid_customer(world, await world.seller("Another Shop"))
    not_theirs = await elsewhere.pay("3")
    (buyer,) = await world.rows("SELECT email FROM party WHERE party_id = $1", customer.buyer.party_id)

    for text in (seller.party.email, str(seller.party.party_id), buyer["email"], str(customer.buyer.party_id)):
        listed = found(Page(await admin.get(f"{FIND}?text={text}")))
        assert listed[:2] == paid[::-1], text
        assert not_theirs not in listed


async def test_a_seller_is_made_and_its_first_owner_comes_in(world: World, admin: Browser) -> None:
    form = await admin.get("/admin/accounts/new")
    email, owner = f"{secrets.token_hex(6)}@shop.example", await person(world)

    wrong = await admin.submit(form, "/accounts/new", name="", email=email)
    assert (wrong.status_code, "A name is needed" in wrong.text) == (422, True)
    wrong = await admin.submit(form, "/accounts/new", name="Shop", email=email, owner="nobody")
    assert (wrong.status_code, "Type an e-mail address" in wrong.text) == (422, True)
    made = await admin.submit(form, "/accounts/new", name="New Shop", email=email, owner=owner.email)
    assert "The seller is made, with a sandbox." in Page(made).text
    taken = await admin.submit(form, "/accounts/new", name="New Shop", email=email)
    assert (taken.status_code, "There is already an account with this address." in taken.text) == (422, True)

    link = re.search(r"/console/invitations/[\w-]+", Page(made).text)
    assert link is not None, "no mail server is set up, so the link is shown"
    browser = await signed_in(world, owner)
    await browser.submit(await browser.get(link[0]), link[0])
    (seller,) = await world.rows("SELECT party_id, kind FROM party WHERE email = $1", email)
    assert seller["kind"] == "business"
    home = await browser.get(f"/console/{seller['party_id']}/sandbox")
    assert (home.status_code, "New Shop" in home.text) == (200, True)
    live = Page(await browser.get(f"/console/{seller['party_id']}/live"))
    assert "has no live books" in live.text


async def test_only_who_runs_the_service_finds_and_makes(world: World, seller: Seller) -> None:
    paid = await (await prepaid_customer(world, seller)).pay("1")
    staff = await at_work(world, seller)

    for path in (FIND, f"{FIND}/{paid}", "/admin/accounts/new"):
        assert (await staff.get(path)).status_code == 404
