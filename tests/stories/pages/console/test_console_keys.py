"""A developer makes, rotates and revokes access keys in the console."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World
from tests.support.http import NO_AUTHORITIES

from tallystick.client.fps import Client, Credentials, ServiceError
from tallystick.services.seller.staff import StaffRole
from tallystick.web.console.developer import keys


def made(response: httpx.Response) -> Credentials:
    """Id and secret, as the page shows them once."""
    found = re.findall(r'<pre class="code"[^>]*>([^<]+)</pre>', response.text)
    assert response.status_code == 200
    assert len(found) == 2
    return Credentials(*found)


async def told(world: World, credentials: Credentials) -> str:
    """What a program with this key hears: OK, or the code of the refusal."""
    async with httpx.AsyncClient(trust_env=False, timeout=30, verify=NO_AUTHORITIES) as http:
        try:
            await Client(world.base_url, credentials, http, world.clock).call("GetTotalPrepaidLiability", {})
        except ServiceError as error:
            return error.code
    return "OK"


async def form_for_a_key(browser: Browser, seller: Seller, environment: str = "sandbox") -> httpx.Response:
    return await browser.get(console(seller, "keys", "new", environment=environment))


async def make(
    browser: Browser, seller: Seller, environment: str = "sandbox", uses: str = "everything", **typed: str
) -> Credentials:
    page = await form_for_a_key(browser, seller, environment)
    return made(await browser.submit(page, "/keys", uses=uses, **typed))


async def deeds(world: World, seller: Seller) -> list[tuple[str, str]]:
    rows = await world.rows(
        "SELECT action, subject FROM audit_entry WHERE business_id = $1 ORDER BY audit_id", seller.party.party_id
    )
    return [(row["action"], row["subject"]) for row in rows]


async def test_a_new_key_signs_at_once_and_its_secret_is_shown_once(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    key = await make(browser, seller)
    assert await told(world, key) == "OK"

    for path in (console(seller, "keys"), console(seller, "keys", key.access_key_id)):
        text = (await browser.get(path)).text
        assert key.access_key_id in text
        assert key.secret not in text
    assert await deeds(world, seller) == [("key.create", key.access_key_id)]
    assert key.secret not in str(await world.rows("SELECT details FROM audit_entry"))


async def test_a_form_that_is_sent_again_makes_no_second_key(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    page = await form_for_a_key(browser, seller)
    key = made(await browser.submit(page, "/keys", uses="everything"))
    world.clock.ahead = keys.SECOND_CLICK

    again = await browser.submit(page, "/keys", uses="everything")

    assert again.url.path == console(seller, "keys", key.access_key_id)
    assert "This key was made already" in Page(again).text
    assert key.secret not in again.text
    assert await deeds(world, seller) == [("key.create", key.access_key_id)]
    other = await make(browser, seller)
    assert other.access_key_id != key.access_key_id


async def test_both_clicks_of_two_show_the_one_new_secret(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    page = await form_for_a_key(browser, seller)
    first, second = await asyncio.gather(*(browser.submit(page, "/keys", uses="everything") for _ in range(2)))
    assert made(first) == made(second)

    page = await browser.get(console(seller, "keys", made(first).access_key_id))
    both = await asyncio.gather(*(browser.submit(page, "/rotate", overlap="1h") for _ in range(2)))
    assert made(both[0]) == made(both[1])
    assert all("goes on until" in Page(one).text for one in both)
    assert [deed for deed, _ in await deeds(world, seller)] == ["key.create", "key.rotate"]


async def test_a_form_shows_its_secret_to_nobody_else(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    form = Page(await form_for_a_key(browser, seller)).form("/keys")
    key = made(await browser.post(form.action, form.fields | {"uses": "everything"}))

    other = await at_work(world, seller, StaffRole.DEVELOPER)
    theirs = Page(await form_for_a_key(other, seller)).form("/keys")
    answer = await other.post(theirs.action, theirs.fields | {"form": form.fields["form"], "uses": "everything"})

    assert key.secret not in answer.text


@pytest.mark.parametrize("overlap", ["1h", "0"])
async def test_a_rotation_that_is_sent_again_makes_no_second_successor(
    world: World, seller: Seller, overlap: str
) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    key = await make(browser, seller)
    page = await browser.get(console(seller, "keys", key.access_key_id))
    new = made(await browser.submit(page, "/rotate", overlap=overlap))
    world.clock.ahead = keys.SECOND_CLICK

    both = await asyncio.gather(*(browser.submit(page, "/rotate", overlap=overlap) for _ in range(2)))

    assert {again.url.path for again in both} == {console(seller, "keys", new.access_key_id)}
    assert [deed for deed, _ in await deeds(world, seller)] == ["key.create", "key.rotate"]
    assert await told(world, new) == "OK"


async def test_a_rotated_key_overlaps_with_its_successor(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    old = await make(browser, seller)
    page = await browser.get(console(seller, "keys", old.access_key_id))
    new = made(await browser.submit(page, "/rotate", overlap="1h"))
    assert [await told(world, key) for key in (old, new)] == ["OK", "OK"]
    assert "Ends in" in Page(await browser.get(console(seller, "keys"))).text

    world.clock.ahead = timedelta(hours=2)  # the browser's session ends too
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    overview = Page(await browser.get(console(seller, "keys")))
    assert "Keys that are over (1)" in overview.text
    again = await browser.get(console(seller, "keys", old.access_key_id))
    assert "Requests signed with this key are refused" in again.text
    world.clock.ahead = timedelta(0)
    assert await deeds(world, seller) == [("key.create", old.access_key_id), ("key.rotate", old.access_key_id)]


async def test_rotating_asks_how_long_the_old_key_goes_on(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    page = await browser.get(console(seller, "keys", seller.key.access_key_id))
    answer = await browser.submit(page, "/rotate", overlap="for ever")
    assert answer.status_code == 422
    assert "Choose how long the old key goes on." in answer.text


async def test_revoking_is_asked_a_second_time(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    page = await browser.get(console(seller, "keys", seller.key.access_key_id))
    assert not [form.action for form in Page(page).forms if form.action.endswith("/revoke")]

    question = await browser.get(console(seller, "keys", seller.key.access_key_id, "revoke"))

    assert "No other key can sign here." in Page(question).text
    assert await told(world, seller.api.credentials) == "OK"
    viewer = await at_work(world, seller, StaffRole.VIEWER)
    assert (await viewer.get(console(seller, "keys", seller.key.access_key_id, "revoke"))).status_code == 403
    await browser.submit(question, "/revoke")
    assert (await browser.get(console(seller, "keys", seller.key.access_key_id, "revoke"))).url.path == console(
        seller, "keys", seller.key.access_key_id
    )


async def test_a_revoked_key_is_refused_at_once_and_for_ever(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    key = await make(browser, seller)
    page = await browser.get(console(seller, "keys", key.access_key_id))
    question = await browser.get(console(seller, "keys", key.access_key_id, "revoke"))
    assert "One other key goes on." in Page(question).text
    for _ in range(2):  # the second click of two
        done = await browser.submit(question, "/revoke")
        assert f"{key.access_key_id} is revoked." in done.text
    assert await told(world, key) == "InvalidClientTokenId"
    assert await deeds(world, seller) == [("key.create", key.access_key_id), ("key.revoke", key.access_key_id)]

    too_late = await browser.submit(page, "/rotate", overlap="1d")
    assert too_late.status_code == 409
    assert "nothing can follow it" in too_late.text


async def test_the_list_tells_when_a_key_was_last_used(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.VIEWER)
    assert "Never" in (await browser.get(console(seller, "keys"))).text
    await seller.api.call("GetTotalPrepaidLiability", {})
    await world.service.key_uses.write(world.pool)
    text = Page(await browser.get(console(seller, "keys"))).text
    assert "Never" not in text
    assert re.search(r"Last used .*? (now|seconds? ago)", text)

    await seller.api.call("GetTotalPrepaidLiability", {})  # within a minute it is not written again
    (before,) = await world.rows(
        "SELECT used_at FROM access_key_use WHERE access_key_id = $1", seller.key.access_key_id
    )
    await world.service.key_uses.write(world.pool)
    (after,) = await world.rows("SELECT used_at FROM access_key_use WHERE access_key_id = $1", seller.key.access_key_id)
    assert after == before


async def test_a_wrong_signature_is_no_use(world: World, seller: Seller) -> None:
    guess = Credentials(seller.key.access_key_id, "x" * 40)
    assert await told(world, guess) == "SignatureDoesNotMatch"
    await world.service.key_uses.write(world.pool)
    assert await world.rows("SELECT FROM access_key_use WHERE access_key_id = $1", seller.key.access_key_id) == []


async def test_keys_of_the_sandbox_do_not_show_in_live(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller)
    live = Page(await browser.get(console(seller, "keys", environment="live")))
    assert seller.key.access_key_id not in live.text
    assert (await browser.get(console(seller, "keys", seller.key.access_key_id, environment="live"))).status_code == 404


async def heard_in_json(world: World, secret: str) -> int:
    """The status that a program hears that sends this secret."""
    async with httpx.AsyncClient(trust_env=False, timeout=30, verify=NO_AUTHORITIES) as http:
        sent = await http.get(f"{world.base_url}/v1/account", headers={"authorization": f"Bearer {secret}"})
    return sent.status_code


async def test_the_secret_for_json_is_shown_once_replaced_and_ended(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    key = await make(browser, seller)
    page = await browser.get(console(seller, "keys", key.access_key_id))
    assert "End the secret" not in page.text
    first = made(await browser.submit(page, "/bearer"))
    assert (first.access_key_id, await heard_in_json(world, first.secret)) == (key.access_key_id, 200)
    page = await browser.get(console(seller, "keys", key.access_key_id))
    assert first.secret not in page.text
    assert ", also in JSON" in (await browser.get(console(seller, "keys"))).text
    second = made(await browser.submit(page, "/bearer"))
    assert [await heard_in_json(world, one.secret) for one in (first, second)] == [401, 200]
    page = await browser.get(console(seller, "keys", key.access_key_id))
    ended = await browser.submit(page, "/bearer/end")
    assert "End the secret" not in ended.text
    again = await browser.http.post(
        console(seller, "keys", key.access_key_id, "bearer", "end"), headers=await browser.form_header()
    )
    assert again.status_code in {200, 303}
    assert await heard_in_json(world, second.secret) == 401
    assert await told(world, key) == "OK"
    assert await deeds(world, seller) == [("key.create", key.access_key_id)] + [("key.change", key.access_key_id)] * 3
    kept = str(await world.rows("SELECT details FROM audit_entry"))
    assert first.secret not in kept
    assert second.secret not in kept


async def test_who_looks_on_has_no_button_for_the_secret_and_a_key_that_is_over_gets_none(
    world: World, seller: Seller
) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    key = await make(browser, seller)
    viewer = await at_work(world, seller, StaffRole.VIEWER)
    path = console(seller, "keys", key.access_key_id)
    assert "Secret for JSON</h2>" not in (await viewer.get(path)).text
    assert (await viewer.http.post(f"{path}/bearer", headers=await viewer.form_header())).status_code == 403
    form = await browser.get(path)
    await browser.submit(await browser.get(f"{path}/revoke"), "/revoke")
    late = await browser.submit(form, "/bearer")
    assert late.status_code == 409
