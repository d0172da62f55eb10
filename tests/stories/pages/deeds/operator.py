"""Deeds on the operator's pages."""

from __future__ import annotations

import secrets

import httpx
from tests.stories.pages.business import paying_customer
from tests.stories.pages.deeds import business
from tests.stories.pages.deeds.scene import Deed, Scene
from tests.stories.pages.people import person
from tests.stories.pages.world import Page, World
from tests.support.owner import execute_as_owner

from tallystick.domain.commands import Method
from tallystick.store.keys import signing_keys


async def give_asked_host(scene: Scene) -> None:
    host = await business.asked_host(scene)
    await scene.send(await scene.browser.get(f"/admin/accounts/{scene.seller.party.party_id}"), "/hosts", host=host)


async def take_host(scene: Scene) -> None:
    await business.claimed_host(scene)
    await scene.send(await scene.browser.get(f"/admin/accounts/{scene.seller.party.party_id}"), "/release")


def standing(name: str) -> Deed:
    """One of the changes to an account, on one that it fits."""
    before = {"reactivate": "status = 'suspended'", "unverify": "verified_at = now()", "release": "denied = true"}
    unproved = "email_verified_at = NULL"

    async def deed(scene: Scene) -> None:
        someone = await person(scene.world)
        values = before.get(name, unproved)
        await scene.world.pool.execute(f"UPDATE party SET {values} WHERE party_id = $1", someone.party_id)  # noqa: S608
        page = await scene.browser.get(f"/admin/accounts/{someone.party_id}")
        form = next(form for form in Page(page).forms if form.fields.get("change") == name)
        await scene.browser.post(form.action, form.fields | {"reason": "They asked for it"})

    return deed


async def make_seller(scene: Scene) -> None:
    page = await scene.browser.get("/admin/accounts/new")
    await scene.send(page, "/accounts/new", name="A New Shop", email=f"{secrets.token_hex(6)}@shop.example")


async def make_seller_with_owner(scene: Scene) -> None:
    page = await scene.browser.get("/admin/accounts/new")
    email, owner = f"{secrets.token_hex(6)}@shop.example", f"{secrets.token_hex(6)}@people.example"
    await scene.send(page, "/accounts/new", name="A New Shop", email=email, owner=owner)


async def fees(scene: Scene) -> None:
    page = await scene.browser.get(f"/admin/accounts/{scene.seller.party.party_id}")
    await scene.send(page, "/fees", schedule="charity")


async def ask_again(scene: Scene) -> None:
    world, seller = scene.world, scene.seller
    payment = await (await paying_customer(world, seller, Method.CC)).pay("3")
    await world.pool.execute(
        "UPDATE rail_request SET last_error = 'no answer', attempts = 2,"
        " due_at = (due_at AT TIME ZONE 'UTC' + interval '1 day') AT TIME ZONE 'UTC'"
        " WHERE transaction_id = $1",
        payment,
    )
    page = await scene.browser.get("/admin/rails?only=unknown")
    form = next(form for form in Page(page).forms if form.fields.get("transaction") == payment)
    await scene.browser.post(form.action, form.fields)
    await world.rail_answers()


async def lost_order(scene: Scene) -> str:
    """A payment by card that the rail has not got, and is too old to be sent: two days ago, by our records."""
    payment = await (await paying_customer(scene.world, scene.seller, Method.CC)).pay("3")
    await scene.world.pool.execute(
        "UPDATE rail_request SET last_error = 'no answer', attempts = 2,"
        " opened_at = (opened_at AT TIME ZONE 'UTC' - interval '2 days') AT TIME ZONE 'UTC',"
        " asked_at = (opened_at AT TIME ZONE 'UTC' - interval '2 days') AT TIME ZONE 'UTC',"
        " due_at = (due_at AT TIME ZONE 'UTC' + interval '1 day') AT TIME ZONE 'UTC' WHERE transaction_id = $1",
        payment,
    )
    return payment


async def found_again(world: World, payment: str) -> None:
    """As if it had never been sent, unless it was ended: it is paid, and nothing of it is left for other tests."""
    await world.pool.execute(
        "UPDATE rail_request SET attempts = 0, asked_at = NULL, due_at = opened_at WHERE transaction_id = $1", payment
    )
    await world.rail_answers()


async def end_order(scene: Scene) -> None:
    payment = await lost_order(scene)
    page = await scene.browser.get(f"/admin/rails/end?transaction={payment}&operation=charge")
    await scene.send(page, "/rails/end", reason="Their support has looked for it")
    await found_again(scene.world, payment)


async def _replay(scene: Scene, what: str) -> None:
    await scene.world.pool.execute("DELETE FROM outbox WHERE state = 'dead'")
    await scene.given_up()
    page = await scene.browser.get("/admin/notifications")
    form = next(form for form in Page(page).forms if what in form.fields)
    await scene.browser.post(form.action, form.fields)


async def replay_one(scene: Scene) -> None:
    await _replay(scene, "event")


async def replay_all_of_a_seller(scene: Scene) -> None:
    await _replay(scene, "seller")


async def prove(scene: Scene) -> None:
    await execute_as_owner(scene.world.pool, "DELETE FROM verification_run")
    await scene.send(await scene.browser.get("/admin/verification"), "/verification")


async def rotate_signing(scene: Scene) -> None:
    await scene.send(await scene.browser.get("/admin/signing-keys"), "/rotate")


async def _retired_signing_key(scene: Scene) -> httpx.Response:
    """The page of signing keys, with one that signs no more and has its private half."""
    async with scene.world.pool.acquire() as connection:
        for _ in range(2):
            await signing_keys.rotate(connection, scene.world.service.vault, scene.world.clock())
    return await scene.browser.get("/admin/signing-keys")


async def revoke_signing(scene: Scene) -> None:
    await scene.send(await _retired_signing_key(scene), "/revoke")


async def destroy_signing(scene: Scene) -> None:
    await scene.send(await _retired_signing_key(scene), "/destroy")
