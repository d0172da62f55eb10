"""A seller's developers add endpoints of webhooks in the console, exchange their secrets, and deliver once more."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.deeds.webhooks import endpoint_of
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.messages.events import TYPES
from tallystick.notify import webhook_content
from tallystick.notify.webhook_failures import disable_failing
from tallystick.services.events import endpoints
from tallystick.services.events.endpoints import MAX_ENDPOINTS, WebhookEndpoint
from tallystick.services.seller.staff import StaffRole
from tallystick.store.events import deliveries
from tallystick.store.events import endpoints as stored
from tallystick.store.records import mail
from tallystick.web.console.webhooks.endpoint_form import WORDS

URL = "https://shop.example/events"


@pytest.fixture
async def developer(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.DEVELOPER)


def path(seller: Seller, *parts: str, environment: str = "sandbox") -> str:
    return console(seller, "webhooks", *parts, environment=environment)


async def all_of(world: World, seller: Seller) -> list[WebhookEndpoint]:
    return await endpoints.list_(world.service, seller.party.party_id, "sandbox")


async def again(world: World, found: WebhookEndpoint) -> WebhookEndpoint:
    return await endpoints.find(world.service, found.business_id, found.environment, found.endpoint_id)


async def signs(world: World, found: WebhookEndpoint) -> list[str]:
    """The secrets that sign what is sent to an endpoint now, the present one first."""
    known = await again(world, found)
    return [webhook_content.secret_text(one) for one in known.secrets(world.service.vault, world.clock())]


def secret_on(page: httpx.Response) -> str:
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", page.text)
    assert found is not None, Page(page).text
    return found[0]


async def audited(world: World, seller: Seller) -> list[str]:
    rows = await world.rows(
        "SELECT action FROM audit_entry WHERE business_id = $1 AND action LIKE 'webhook.%' ORDER BY audit_id",
        seller.party.party_id,
    )
    return [row["action"] for row in rows]


def test_the_form_has_words_for_every_type_of_event() -> None:
    assert set(WORDS) == set(TYPES)


async def test_an_endpoint_is_added_and_its_secret_shown_once(world: World, seller: Seller, developer: Browser) -> None:
    form = await developer.get(path(seller, "new"))
    filled = Page(form).form("/webhooks").fields | {
        "url": URL,
        "description": " The  ledger ",
        "uses": "chosen",
        "on_top_up_succeeded": "yes",
        "on_charge_failed": "yes",
    }
    made = await developer.post(path(seller), filled)

    assert made.status_code == 200
    (found,) = await all_of(world, seller)
    assert (found.url, found.description, found.types) == (URL, "The ledger", ["charge.failed", "top_up.succeeded"])
    assert await signs(world, found) == [secret_on(made)]
    twice = await developer.post(path(seller), filled)
    assert secret_on(twice) == secret_on(made), "a browser shows only the answer to the second click"
    assert len(await all_of(world, seller)) == 1
    world.clock.ahead += timedelta(minutes=2)
    late = await developer.post(path(seller), filled)
    assert "whsec_" not in late.text
    assert "This form was sent before" in Page(late).text
    other = await developer.post(path(seller), filled | {"url": f"{URL}/other"})
    assert other.status_code == 409
    assert "has added an endpoint already, with other values" in Page(other).text
    listed = await developer.get(path(seller))
    assert "whsec_" not in listed.text
    assert f"{URL} The ledger Enabled charge.failed, top_up.succeeded Never" in Page(listed).text
    assert await audited(world, seller) == ["webhook.create"]


@pytest.mark.parametrize(
    ("typed", "field", "problem"),
    [
        ({"url": ""}, "url", "Type the address that your server listens on."),
        ({"url": "ftp://shop.example/"}, "url", "Not an http or https address"),
        ({"url": "https://shop.example/" + "x" * 2048}, "url", "at most 2048 characters"),
        ({"url": "http://127.0.0.1:3000/events"}, "url", "127.0.0.1 is not on the public internet"),
        ({"description": "x" * 201}, "description", "Type at most 200 characters."),
        ({"description": "\u200b"}, "description", "Type at most 200 characters."),
        ({"uses": "chosen"}, "uses", "Tick at least one event"),
        ({"uses": "none"}, "uses", "Choose which events are delivered."),
    ],
)
async def test_what_no_endpoint_can_be(
    world: World, seller: Seller, developer: Browser, typed: dict[str, str], field: str, problem: str
) -> None:
    found = await endpoint_of(world, seller)
    given = {"url": URL, "uses": "all"} | typed
    for place, ending in (("new", "/webhooks"), (f"{found.endpoint_id}/change", "/change")):
        refused = await developer.submit(await developer.get(path(seller, place)), ending, **given)
        if place != "new" and typed.get("url") == found.url:
            continue
        assert refused.status_code == 422, place
        assert problem in Page(refused).text
        assert f'href="#{field}"' in refused.text
        assert Page(refused).form(ending).fields["url"] == given["url"], "what was typed stays"
    assert await all_of(world, seller) == [found]


async def test_no_more_endpoints_than_there_may_be(world: World, seller: Seller, developer: Browser) -> None:
    form = await developer.get(path(seller, "new"))
    for _ in range(MAX_ENDPOINTS):
        await endpoint_of(world, seller)
    assert path(seller, "new") not in Page(await developer.get(path(seller))).links
    refused = await developer.submit(form, "/webhooks", url=URL, uses="all")
    assert refused.status_code == 409
    assert "There are 20 endpoints here" in Page(refused).text
    assert len(await all_of(world, seller)) == MAX_ENDPOINTS


async def test_a_change_of_events_and_a_pause(world: World, seller: Seller, developer: Browser) -> None:
    found = await endpoint_of(world, seller)
    form = await developer.get(path(seller, found.endpoint_id, "change"))
    assert Page(form).form("/change").fields["uses"] == "all"
    saved = await developer.submit(form, "/change", uses="chosen", on_key_revoked="yes", description="Mine")
    assert "Saved." in Page(saved).text
    changed = await again(world, found)
    assert (changed.url, changed.types, changed.description) == (found.url, ["key.revoked"], "Mine")
    fields = Page(await developer.get(path(seller, found.endpoint_id, "change"))).form("/change").fields
    assert (fields["uses"], fields["on_key_revoked"], "on_dispute_lost" in fields) == ("chosen", "yes", False)

    stopped = await developer.submit(saved, "/disable")
    assert not (await again(world, found)).enabled
    assert "Disabled" in Page(stopped).text
    refused = await developer.post(
        path(seller, found.endpoint_id, "replay"),
        {"_csrf_token": Page(stopped).form("/enable").fields["_csrf_token"]},
    )
    assert refused.status_code == 409
    assert "Enable it first." in Page(refused).text
    await developer.submit(stopped, "/enable")
    assert (await again(world, found)).enabled
    assert await audited(world, seller) == ["webhook.create", *["webhook.change"] * 3]


async def test_a_secret_is_exchanged_once_however_often_the_form_is_sent(
    world: World, seller: Seller, developer: Browser
) -> None:
    found = await endpoint_of(world, seller)
    (first,) = await signs(world, found)
    form = Page(await developer.get(path(seller, found.endpoint_id))).form("/rotate")
    assert form.fields["overlap"] == "1d"
    wrong = await developer.post(form.action, form.fields | {"overlap": "never"})
    assert (wrong.status_code, await signs(world, found)) == (422, [first])

    made = await developer.post(form.action, form.fields)
    second = secret_on(made)
    assert "everything is signed by the old secret, too" in Page(made).text
    assert await signs(world, found) == [second, first]
    assert secret_on(await developer.post(form.action, form.fields)) == second, "a double click"
    assert "whsec_" not in (await developer.post(form.action, form.fields | {"overlap": "1h"})).text
    world.clock.ahead += timedelta(minutes=2)
    late = await developer.post(form.action, form.fields)
    assert "whsec_" not in late.text
    assert "This form was sent before" in Page(late).text
    assert await signs(world, found) == [second, first]

    page = Page(await developer.get(path(seller, found.endpoint_id)))
    assert "It was exchanged before: the secret of that time, which still signs, then ends at once." in page.text
    at_once = page.form("/rotate").fields | {"overlap": "0"}
    third = await developer.post(form.action, at_once)
    assert "The old secret has stopped" in Page(third).text
    assert await signs(world, found) == [secret_on(third)]
    assert "whsec_" not in (await developer.post(form.action, at_once)).text
    assert await signs(world, found) == [secret_on(third)]
    assert await audited(world, seller) == ["webhook.create", "webhook.rotate", "webhook.rotate"]


async def test_the_log_says_why_nothing_arrives_and_delivers_once_more(
    world: World, seller: Seller, developer: Browser
) -> None:
    found = await endpoint_of(world, seller)
    assert "Nothing was delivered yet" in Page(await developer.get(path(seller, found.endpoint_id))).text
    scene = Scene(world, seller, seller.party, developer)
    await scene.given_up_delivery(found.endpoint_id)
    await stored.failed(world.pool, found.endpoint_id, world.clock() - timedelta(days=6))
    listed = Page(await developer.get(path(seller))).text
    assert "Failing for 6 days no answer in time" in listed

    service, now = world.service, world.clock()
    failing = await again(world, found)
    assert await disable_failing(
        world.pool, service.vault, service.settings, failing, seller.book_id, "no answer in time", now
    )
    letters = [one for one in await mail.latest(world.pool, service.vault, 100) if one.recipient == seller.party.email]
    assert [f"{world.service.settings.public_url}{path(seller)}\n" in (one.body or "") for one in letters] == [True]
    page = await developer.get(path(seller, found.endpoint_id))
    assert "Disabled: nothing arrived Why nothing arrives no answer in time" in Page(page).text
    assert "Given up 12 no answer in time" in Page(page).text
    assert not any(form.action.endswith("/replay") for form in Page(page).forms)

    enabled = await developer.submit(page, "/enable")
    every, *_ = [one for one in Page(enabled).forms if one.action.endswith("/replay") and "event" not in one.fields]
    replayed = await developer.post(every.action, every.fields)
    waiting = await deliveries.log(world.pool, seller.book_id, found.endpoint_id, "waiting", None, 10)
    assert len(waiting) > 1
    assert f"{len(waiting)} events are delivered once more." in Page(replayed).text
    assert {row.sequence: row.attempts for row in waiting} == dict.fromkeys(range(1, len(waiting) + 1), 0)
    await world.pool.execute(
        "UPDATE webhook_delivery SET state = 'delivered' WHERE book_id = $1 AND endpoint_id = $2 AND sequence = 2",
        seller.book_id,
        found.endpoint_id,
    )
    page = await developer.get(path(seller, found.endpoint_id))
    one, _ = [form for form in Page(page).forms if form.action.endswith("/replay")]
    assert one.fields["event"] == "2"
    assert "1 event is delivered once more." in Page(await developer.post(one.action, one.fields)).text
    only = await developer.get(f"{path(seller, found.endpoint_id)}?state=dead")
    assert "No delivery is like that." in Page(only).text
    token = Page(replayed).form("/test").fields
    same = await developer.post(path(seller, found.endpoint_id, "replay"), token | {"event": "1"})
    assert "it waits already, or is kept no longer" in Page(same).text
    strange = await developer.post(path(seller, found.endpoint_id, "replay"), token | {"event": "one"})
    assert strange.status_code == 404


async def test_a_test_tells_what_came_of_it(seller: Seller, world: World, developer: Browser) -> None:
    found = await endpoint_of(world, seller)
    tried = await developer.submit(await developer.get(path(seller, found.endpoint_id)), "/test")
    assert "The test did not arrive: 127.0.0.1 " in Page(tried).text
    assert await audited(world, seller) == ["webhook.create", "webhook.test"]


async def test_an_endpoint_is_removed_after_a_second_question(world: World, seller: Seller, developer: Browser) -> None:
    found = await endpoint_of(world, seller)
    await Scene(world, seller, seller.party, developer).given_up_delivery(found.endpoint_id)
    asked = await developer.get(path(seller, found.endpoint_id, "remove"))
    assert "Remove this endpoint?" in Page(asked).text
    assert await all_of(world, seller) == [found]
    removed = await developer.submit(asked, "/remove")
    assert "Removed. Nothing goes there any more." in Page(removed).text
    assert await all_of(world, seller) == []
    assert (await developer.get(path(seller, found.endpoint_id))).status_code == 404
    assert (await developer.submit(asked, "/remove")).status_code == 404


async def test_sandbox_and_live_and_sellers_do_not_see_each_others(
    world: World, seller: Seller, developer: Browser
) -> None:
    found = await endpoint_of(world, seller)
    other = await world.seller("Another Shop")
    theirs = await endpoint_of(world, other)
    assert (await developer.get(path(seller, theirs.endpoint_id))).status_code == 404
    assert (await developer.get(path(seller, found.endpoint_id, environment="live"))).status_code == 404
    live = Page(await developer.get(path(seller, environment="live")))
    assert "No events are delivered of live books" in live.text
    assert path(seller, "new", environment="live") not in live.links
    viewer = await at_work(world, seller, StaffRole.VIEWER)
    seen = Page(await viewer.get(path(seller, found.endpoint_id)))
    assert "Owners and developers can change it." in seen.text
    assert not [form.action for form in seen.forms if "/webhooks/" in form.action and "state" not in form.fields]


async def test_a_developer_chooses_which_balances_are_low(world: World, seller: Seller, developer: Browser) -> None:
    page = await developer.get(path(seller))
    assert "No prepaid balance is low" in Page(page).text
    saved = Page(await developer.submit(page, "/low-balances", low_balance="5.00"))
    assert "falls below 5.00 USD in the sandbox" in saved.text
    for typed in ("0", "five", "1000000000000", "1,234.50"):
        wrong = await developer.submit(await developer.get(path(seller)), "/low-balances", low_balance=typed)
        assert wrong.status_code == 422
        assert "Type an amount from 0.000001 on, below a million million" in Page(wrong).text
        assert Page(wrong).form("/low-balances").fields["low_balance"] == typed
    gone = Page(await developer.submit(await developer.get(path(seller)), "/low-balances", low_balance=" "))
    assert "No prepaid balance is low" in gone.text
    rows = await world.rows(
        "SELECT subject, details->>'before' AS before FROM audit_entry"
        " WHERE business_id = $1 AND action = 'events.low_balance' ORDER BY audit_id",
        seller.party.party_id,
    )
    assert [(row["subject"], row["before"]) for row in rows] == [("5.00", "none"), ("none", "5.00")]
    finance = await at_work(world, seller, StaffRole.FINANCE)
    assert not [form for form in Page(await finance.get(path(seller))).forms if form.action.endswith("/low-balances")]
