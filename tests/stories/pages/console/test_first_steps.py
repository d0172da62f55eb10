"""The list of first steps of a new seller: it ticks itself, leads to where each is done, and can be taken away."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Page, Seller, World
from tests.support.owner import execute_as_owner

from tallystick.services.events import endpoints
from tallystick.services.events.endpoints import EndpointWish
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.staff import StaffRole
from tallystick.store.keys import access_keys
from tallystick.store.records import outbox

TITLES = ("Make a key", "Have a buyer agree", "Charge for the first time", "Be told of something")


def ticks(response: httpx.Response) -> list[bool]:
    """Whether each of the steps is done; none where there is no list."""
    return [bool(found) for found in re.findall(r'<li( class="is-done")?>\s*<span class="step-mark"', response.text)]


async def buyer_of(world: World, seller: Seller) -> str:
    """The token of somebody who has just agreed to a tab."""
    browser = world.browser()
    at_confirm = await browser.at_confirm(seller.url(seller.postpaid()))
    return (await world.answer(await browser.submit(at_confirm, "/confirm")))["creditSenderTokenID"]


async def test_the_list_ticks_itself(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    first = await owner.get(console(seller))
    assert ticks(first) == [True, False, False, False], "the seller of this test has a key"
    assert [title for title in TITLES if title in Page(first).text] == list(TITLES)
    assert "1 of 4 done" in Page(first).text

    token = await buyer_of(world, seller)
    assert ticks(await owner.get(console(seller))) == [True, True, False, False]
    assert await seller.told(token, "500") == "InsufficientBalance"
    assert ticks(await owner.get(console(seller))) == [True, True, False, False], "what was refused is no charge"
    assert await seller.told(token, "2.50") == "Success"
    assert ticks(await owner.get(console(seller))) == [True, True, True, False]

    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, "https://shop.example/ipn", world.clock())
    await seller.api.call("CancelToken", {"TokenId": token})
    assert ticks(await owner.get(console(seller))) == [True, True, True, False], "it waits to be told"
    await execute_as_owner(
        world.pool,
        "UPDATE outbox SET state = 'delivered', delivered_at = announced_at WHERE book_id = $1",
        seller.book_id,
    )
    assert ticks(await owner.get(console(seller))) == [], "nothing is left to do"


async def test_a_seller_without_a_key_begins_with_one(world: World, seller: Seller) -> None:
    await execute_as_owner(world.pool, "DELETE FROM access_key WHERE party_id = $1", seller.party.party_id)
    owner = await at_work(world, seller)
    page = await owner.get(console(seller))
    assert ticks(page) == [False] * 4
    assert console(seller, "keys") in Page(page).links


async def test_what_is_revoked_was_made(world: World, seller: Seller) -> None:
    await access_keys.revoke(world.pool, seller.key.access_key_id, world.clock())
    assert ticks(await (await at_work(world, seller)).get(console(seller)))[0]


async def test_a_webhook_that_arrives_is_being_told(world: World, seller: Seller) -> None:
    wish = EndpointWish("https://93.184.216.34/hook")
    await endpoints.create(world.service, Actor.command("test"), seller.party.party_id, "sandbox", wish)
    owner = await at_work(world, seller)
    assert ticks(await owner.get(console(seller)))[3] is False
    await execute_as_owner(
        world.pool,
        "UPDATE webhook_endpoint SET delivered_at = $2 WHERE business_id = $1",
        *(seller.party.party_id, world.clock()),
    )
    assert ticks(await owner.get(console(seller)))[3] is True


async def test_each_step_leads_somewhere(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    page = await owner.get(console(seller))
    links = [link for link in Page(page).links if "endpoint=" in link]
    assert len(links) == 2
    assert f'<a href="{console(seller, "webhooks")}"' in page.text
    links.append(console(seller, "webhooks"))
    for link in links:
        assert (await owner.get(link)).status_code == 200


async def test_it_is_taken_away_and_brought_back_on_one_browser(world: World, seller: Seller) -> None:
    owner, other = await at_work(world, seller), await at_work(world, seller)
    away = await owner.get(f"{console(seller)}?first-steps=hide")
    assert away.status_code == 200
    assert ticks(away) == ticks(await owner.get(console(seller))) == []
    assert len(ticks(await other.get(console(seller)))) == 4
    assert len(ticks(await owner.get(f"{console(seller)}?first-steps=show"))) == 4
    assert len(ticks(await owner.get(f"{console(seller)}?first-steps=nonsense"))) == 4


async def test_taking_one_away_leaves_that_of_another_seller(world: World, seller: Seller) -> None:
    neighbour = await world.seller("Neighbour")
    owner = await at_work(world, seller)
    for asked in ("hide", "show"):
        theirs = f"{neighbour.party.party_id}.<b>.x"
        owner.http.cookies.set("tallystick-first-steps", theirs, domain="127.0.0.1", path="/")
        answer = await owner.http.get(f"{console(seller)}?first-steps={asked}")
        assert answer.headers["location"] == console(seller)
        kept = [str(neighbour.party.party_id), *([str(seller.party.party_id)] if asked == "hide" else [])]
        assert f"tallystick-first-steps={'.'.join(kept)};" in answer.headers["set-cookie"]


@pytest.mark.parametrize("role", [StaffRole.VIEWER, StaffRole.FINANCE])
async def test_who_does_not_develop_sees_none(world: World, seller: Seller, role: StaffRole) -> None:
    assert ticks(await (await at_work(world, seller, role)).get(console(seller))) == []


async def test_it_is_for_new_sellers(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    async with world.pool.acquire() as connection:
        await connection.execute(
            "UPDATE party SET created_at = $2 WHERE party_id = $1",
            *(seller.party.party_id, world.clock() - timedelta(days=31)),
        )
    assert ticks(await owner.get(console(seller))) == []
