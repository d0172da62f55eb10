"""A card that expired, was lost or removed is replaced for everything it paid for, in one step."""

from __future__ import annotations

import secrets

import httpx
import pytest
from tests.stories.pages.buyers import AccountHolder, fund, settle
from tests.stories.pages.world import Page, Seller, World

from tallystick.client.fps import ServiceError
from tallystick.store.ledger.verify import verify

METHODS = "/account/payment-methods"


async def by_card(
    world: World, seller: Seller, params: dict[str, str], browser_of: AccountHolder | None = None
) -> AccountHolder:
    """A buyer who agreed to it with a card ending in 4242; `browser_of`: a buyer who has that card already."""
    if browser_of is None:
        browser = world.browser()
        confirm = await browser.add_card(await browser.sign_up(await browser.get(seller.url(params))))
    else:
        browser = browser_of.browser
        number = (await replace_link(browser_of, "4242")).split("/")[3]
        confirm = await browser.submit(await browser.get(seller.url(params)), "/method", key=number)
    return AccountHolder(browser, "", await world.answer(await browser.submit(confirm, "/confirm")))


async def replace_link(buyer: AccountHolder, ending: str) -> str:
    """Where the card with this ending is replaced."""
    page = Page(await buyer.browser.get(METHODS))
    before = page.text.partition(f"ending in {ending}")[0]
    links = [link for link in page.links if link.endswith("/replace")]
    return links[before.count("Remove")]


async def charged(world: World) -> list[str]:
    """Tokens of the cards that the rail was asked to charge, in the order in which that happened."""
    rows = await world.rows("SELECT rail_token FROM simulated_charge ORDER BY opened_at, idempotency_key")
    return [row["rail_token"] for row in rows]


async def rail_token(world: World, ending: str, page: httpx.Response) -> str:
    number = next(link.split("/")[3] for link in Page(page).links if link.endswith("/remove"))
    (row,) = await world.rows(
        "SELECT rail_token, last_four FROM payment_method WHERE payment_method_id = $1", int(number)
    )
    assert row["last_four"] == ending
    return str(row["rail_token"])


async def test_everything_that_a_card_pays_for_is_paid_from_another_one(world: World, seller: Seller) -> None:
    prepaid = await by_card(world, seller, seller.prepaid())
    other = await world.seller("The Band")
    tab = await by_card(world, other, other.postpaid(), prepaid)
    await other.pay(tab.answer["creditSenderTokenID"], "12.50")
    await fund(seller, prepaid, "5")

    preview = await prepaid.browser.get(await replace_link(prepaid, "4242"))
    text = Page(preview).text
    assert "Music Shop: Prepaid balance" in text
    assert "The Band: Pay later on a tab You owe 12.50 USD, which The Band may settle from it." in text
    assert "Payments that are under way are still taken from the old one." in text
    wrong = await prepaid.browser.submit(preview, "/replace", number="1", expiry="x")
    assert wrong.status_code == 422
    assert "Type the 12 to 19 digits" in wrong.text
    done = await prepaid.browser.submit(wrong, "/replace", number="5555 5555 5555 4444", expiry="01/32")

    assert "2 authorizations are paid from Mastercard ending in 4444." in Page(done).text
    assert "4242" not in Page(done).text
    new = await rail_token(world, "4444", done)
    await world.rail_answers()
    await settle(other, tab, "12.50")
    await fund(seller, prepaid, "3")
    await world.rail_answers()
    tokens = await charged(world)
    assert new not in tokens[:-2], "what was under way came from the old card"
    assert tokens[-2:] == [new, new]
    again = await prepaid.browser.post(Page(preview).form("/replace").action, Page(preview).form("/replace").fields)
    assert again.url.path == METHODS, "a second click has nothing to do"
    assert (await verify(world.pool)).problems == []


async def test_a_removed_card_can_still_be_replaced_by_one_that_is_there(world: World, seller: Seller) -> None:
    buyer = await by_card(world, seller, seller.prepaid())
    await buyer.browser.submit(
        await buyer.browser.get(f"{METHODS}/card"), "/card", number="5555 5555 5555 4444", expiry="01/32"
    )
    link = await replace_link(buyer, "4242")
    await buyer.browser.submit(await buyer.browser.get(link.replace("/replace", "/remove")), "/remove")
    page = Page(await buyer.browser.get(buyer.path))
    assert "You removed Visa ending in 4242." in page.text
    assert link in page.links
    with pytest.raises(ServiceError, match="InvalidPaymentInstrument"):
        await fund(seller, buyer, "5")

    form = await buyer.browser.get(link)
    assert Page(form).form("/replace").fields["by"] != "new", "the card that is there is chosen at first"
    done = await buyer.browser.submit(form, "/replace")

    assert "One authorization is paid from Mastercard ending in 4444." in Page(done).text
    await fund(seller, buyer, "5")
    await world.rail_answers()
    assert "Paid from Mastercard ending in 4444" in Page(await buyer.browser.get(buyer.path)).text


async def test_nobody_replaces_what_is_not_theirs(world: World, seller: Seller) -> None:
    buyer, stranger = await by_card(world, seller, seller.prepaid()), await by_card(world, seller, seller.prepaid())
    link = await replace_link(buyer, "4242")
    own = Page(await stranger.browser.get(await replace_link(stranger, "4242"))).form("/replace")

    assert (await stranger.browser.get(link)).status_code == 404
    await stranger.browser.post(link, own.fields | {"by": "new", "number": "5555555555554444", "expiry": "01/32"})
    by_another = own.fields | {"by": link.split("/")[3]}
    assert (await stranger.browser.post(own.action, by_another)).status_code == 422
    assert (await stranger.browser.get(f"{METHODS}/{2**70}/replace")).status_code == 404
    assert "Paid from Visa ending in 4242" in Page(await buyer.browser.get(buyer.path)).text
    assert secrets.compare_digest(await replace_link(buyer, "4242"), link)
