"""Who may make which keys, what a key is made for, and what becomes of keys whose maker leaves."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.console.test_console_keys import form_for_a_key, made, make
from tests.stories.pages.people import at_work, console, employee, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World
from tests.support.http import NO_AUTHORITIES

from tallystick.client.fps import Client, Credentials, ServiceError
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import access_keys, staff
from tallystick.services.seller.access_keys import ANY_USE, KeyTerms, NotTheirKeyError
from tallystick.services.seller.staff import StaffRole, may_make_key
from tallystick.store.keys.access_keys import KeyEntry
from tallystick.store.ledger import create_book

MONEY_ACTIONS = ("Pay", "FundPrepaid", "Refund", "SettleDebt", "WriteOffDebt")
IN_LIVE = "live"


@pytest.fixture
async def live_seller(world: World) -> Seller:
    """A seller who is also open for real money."""
    seller = await world.seller("Live Music")
    async with world.pool.acquire() as connection:
        await create_book.create_seller_book(connection, seller.party.party_id, IN_LIVE, world.clock())
    return seller


async def told(world: World, credentials: Credentials, action: str) -> str:
    """What a program with this key hears of an empty call."""
    async with httpx.AsyncClient(trust_env=False, timeout=30, verify=NO_AUTHORITIES) as http:
        try:
            await Client(world.base_url, credentials, http, world.clock).call(action, {})
        except ServiceError as error:
            return error.code
    return "OK"


async def keys_of(world: World, seller: Seller) -> dict[str, KeyEntry]:
    return {key.access_key_id: key for key in await access_keys.list_(world.service, seller.party.party_id)}


async def test_a_developer_moves_no_real_money_with_any_key_of_their_making(world: World, live_seller: Seller) -> None:
    browser = await at_work(world, live_seller, StaffRole.DEVELOPER)
    page = await form_for_a_key(browser, live_seller, IN_LIVE)
    assert "made by owners" in Page(page).text
    assert 'value="everything"' not in page.text
    for uses, more in (
        ("everything", {}),
        ("charges", {}),
        ("chosen", {"may_read": "yes", "may_refund": "yes"}),
        ("chosen", {"may_write_off": "yes"}),
    ):
        answer = await browser.submit(page, "/keys", uses=uses, **more)
        assert answer.status_code == 422
        assert "Only owners make keys that move real money." in answer.text
    assert {key.environment for key in (await keys_of(world, live_seller)).values()} == {"sandbox"}

    key = await make(browser, live_seller, IN_LIVE, "chosen", may_read="yes", may_hosted_links="yes")
    assert [await told(world, key, action) for action in MONEY_ACTIONS] == ["AuthFailure"] * len(MONEY_ACTIONS)
    assert await told(world, key, "GetAccountBalance") == "OK"


async def test_an_owner_makes_keys_for_real_money_and_a_developer_gets_no_successor(
    world: World, live_seller: Seller
) -> None:
    owner = await at_work(world, live_seller)
    key = await make(owner, live_seller, IN_LIVE)
    assert await told(world, key, "Refund") == "InvalidParams"

    browser = await at_work(world, live_seller, StaffRole.DEVELOPER)
    path = console(live_seller, "keys", key.access_key_id, environment=IN_LIVE)
    page = await browser.get(path)
    assert "only owners can rotate it" in Page(page).text
    refused = await browser.http.post(f"{path}/rotate", data={"overlap": "0"}, headers=await browser.form_header())
    assert refused.status_code == 403
    assert await told(world, key, "Refund") == "InvalidParams"
    question = await browser.get(f"{path}/revoke")
    assert "is revoked." in (await browser.submit(question, "/revoke")).text
    assert await told(world, key, "Refund") == "InvalidClientTokenId"


async def test_a_developer_has_every_key_of_the_sandbox(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    key = await make(browser, seller)
    page = await browser.get(console(seller, "keys", key.access_key_id))
    assert await told(world, made(await browser.submit(page, "/rotate", overlap="0")), "Refund") == "InvalidParams"


@pytest.mark.parametrize("environment", ["sandbox", IN_LIVE])
@pytest.mark.parametrize("role", StaffRole)
async def test_the_use_case_asks_too_and_not_the_page_alone(
    world: World, live_seller: Seller, role: StaffRole, environment: str
) -> None:
    actor = Actor.person(await employee(world, live_seller, role))
    allowed = {StaffRole.OWNER: {"sandbox", IN_LIVE}, StaffRole.DEVELOPER: {"sandbox"}}.get(role, set())
    assert may_make_key(role, environment, ANY_USE.scopes) is (environment in allowed)
    seller_id, before = live_seller.party.party_id, await keys_of(world, live_seller)
    if environment in allowed:
        key = await access_keys.create(world.service, actor, seller_id, environment)
        assert (await keys_of(world, live_seller))[key.access_key_id].maker_id == actor.party_id
    else:
        with pytest.raises(NotTheirKeyError):
            await access_keys.create(world.service, actor, seller_id, environment)
        with pytest.raises(NotTheirKeyError):
            await access_keys.create(
                world.service, actor, (await world.seller()).party.party_id, environment, KeyTerms(scopes=1)
            )
        assert await keys_of(world, live_seller) == before


async def test_a_key_is_made_for_what_was_chosen(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    key = await make(
        browser,
        seller,
        uses="chosen",
        name="  Nightly\treport ",
        may_read="yes",
        may_notifications="yes",
        networks="127.0.0.0/8\r\n2001:db8::/32, 127.0.0.0/8",
        life="90d",
    )

    entry = (await keys_of(world, seller))[key.access_key_id]
    assert (entry.name, entry.scopes, entry.networks) == ("Nightly report", 257, ("127.0.0.0/8", "2001:db8::/32"))
    assert entry.expires_at is not None
    assert entry.expires_at - entry.created_at == timedelta(days=90)
    (row,) = await world.rows("SELECT details FROM audit_entry WHERE subject = $1", key.access_key_id)
    details = row["details"] if isinstance(row["details"], dict) else json.loads(row["details"])
    assert details == {
        "name": "Nightly report",
        "scopes": ["read", "notifications"],
        "networks": ["127.0.0.0/8", "2001:db8::/32"],
        "expires_at": entry.expires_at.isoformat(),
        "calls_per_second": None,
    }
    for path in (console(seller, "keys"), console(seller, "keys", key.access_key_id)):
        text = Page(await browser.get(path)).text
        assert [
            shown
            for shown in ("Nightly report", "Read only", "127.0.0.0/8", "Ann Developer", "Ends in")
            if shown not in text
        ] == []
    assert await told(world, key, "GetAccountBalance") == "OK"
    assert await told(world, key, "Pay") == "AuthFailure"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"uses": ""}, "Choose what the key may be used for."),
        ({"uses": "chosen"}, "Choose what the key may be used for."),
        ({"uses": "all"}, "Choose what the key may be used for."),
        ({"uses": "read", "networks": "10.1.2.3/8"}, "10.1.2.3/8 has host bits set"),
        ({"uses": "read", "networks": "our office"}, "Type networks such as 198.51.100.0/24"),
        ({"uses": "read", "networks": " ".join(f"10.{n}.0.0/16" for n in range(21))}, "at most 20 networks"),
        ({"uses": "read", "life": "0d"}, "Choose when the key ends."),
        ({"uses": "read", "name": "x" * 81}, "Type at most 80 characters."),
    ],
)
async def test_what_is_typed_wrong_makes_no_key(
    world: World, seller: Seller, typed: dict[str, str], problem: str
) -> None:
    browser, before = await at_work(world, seller, StaffRole.DEVELOPER), await keys_of(world, seller)
    answer = await browser.submit(await form_for_a_key(browser, seller), "/keys", **typed)
    assert answer.status_code == 422
    assert problem in Page(answer).text
    assert await keys_of(world, seller) == before


async def test_a_key_is_changed_and_keeps_its_secret(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    key = await make(browser, seller, uses="charges", name="Checkout", networks="127.0.0.0/8", life="30d")
    before = (await keys_of(world, seller))[key.access_key_id]
    assert await told(world, key, "Refund") == "AuthFailure"
    page = await browser.get(console(seller, "keys", key.access_key_id, "change"))
    assert 'value="Checkout"' in page.text
    assert re.search(r'value="charges" checked', page.text)

    wrong = await browser.submit(page, "/change", uses="chosen", networks="10.1.2.3/8")
    assert (wrong.status_code, (await keys_of(world, seller))[key.access_key_id]) == (422, before)
    form = Page(page).form("/change")
    ticked = {name for name in form.fields if name.startswith("may_")}
    assert ticked == {"may_read", "may_charge", "may_notifications"}
    typed = {name: value for name, value in form.fields.items() if name not in ticked}
    done = await browser.post(
        form.action, typed | {"uses": "chosen", "may_read": "yes", "may_refund": "yes", "name": "Refunds"}
    )

    assert "Read, Refund" in Page(done).text
    after = (await keys_of(world, seller))[key.access_key_id]
    assert (after.name, after.scopes, after.networks) == ("Refunds", 9, ("127.0.0.0/8",))
    assert (after.expires_at, after.maker_id) == (before.expires_at, before.maker_id)
    assert [await told(world, key, action) for action in ("Refund", "Pay")] == ["InvalidParams", "AuthFailure"]


async def test_a_developer_changes_no_key_for_real_money(world: World, live_seller: Seller) -> None:
    owner, browser = await at_work(world, live_seller), await at_work(world, live_seller, StaffRole.DEVELOPER)
    key = await make(owner, live_seller, IN_LIVE, "chosen", may_refund="yes", networks="198.51.100.0/24")
    theirs = await make(browser, live_seller, IN_LIVE, "read")
    before = await keys_of(world, live_seller)
    header = await browser.form_header()
    for one, uses, status in ((key, "read", 403), (theirs, "everything", 422)):
        path = console(live_seller, "keys", one.access_key_id, "change", environment=IN_LIVE)
        refused = await browser.http.post(path, data={"uses": uses}, headers=header)
        assert refused.status_code == status
        assert "Only owners make keys that move real money." in refused.text
    assert await keys_of(world, live_seller) == before
    shown = await browser.get(console(live_seller, "keys", key.access_key_id, "change", environment=IN_LIVE))
    assert shown.url.path == console(live_seller, "keys", key.access_key_id, environment=IN_LIVE)


async def leave(seller: Seller, boss: Browser, person_id: int, **typed: str) -> httpx.Response:
    page = await boss.get(console(seller, "staff", str(person_id)))
    return await boss.submit(page, "/remove", **typed)


async def test_keys_of_somebody_who_leaves_end_with_them(world: World, live_seller: Seller) -> None:
    boss, colleague = await at_work(world, live_seller), await employee(world, live_seller, StaffRole.DEVELOPER)
    browser = await signed_in(world, colleague)
    theirs = [await make(browser, live_seller), await make(browser, live_seller, IN_LIVE, "read", name="Report")]
    others = await make(boss, live_seller)

    asked = await leave(live_seller, boss, colleague.party_id)
    assert asked.status_code == 422
    assert "Choose what becomes of these keys." in asked.text
    assert "2 access keys that Ann Developer made" in Page(asked).text
    assert all(key.access_key_id in asked.text for key in theirs)
    assert await staff.role_of(world.service, live_seller.party.party_id, colleague.party_id) is StaffRole.DEVELOPER

    assert "Removed." in (await leave(live_seller, boss, colleague.party_id, keys="revoke")).text
    assert [await told(world, key, "GetAccountBalance") for key in theirs] == ["InvalidClientTokenId"] * 2
    assert await told(world, others, "GetAccountBalance") == "OK"
    rows = await world.rows(
        "SELECT action, subject, environment FROM audit_entry WHERE business_id = $1 ORDER BY audit_id DESC LIMIT 3",
        live_seller.party.party_id,
    )
    assert [(row["action"], row["subject"], row["environment"]) for row in reversed(rows)] == [
        ("staff.remove", colleague.email, "sandbox"),
        ("key.revoke", theirs[0].access_key_id, "sandbox"),
        ("key.revoke", theirs[1].access_key_id, "live"),
    ]


async def test_keys_may_outlast_their_maker(world: World, seller: Seller) -> None:
    boss, colleague = await at_work(world, seller), await employee(world, seller, StaffRole.DEVELOPER)
    key = await make(await signed_in(world, colleague), seller)
    assert "Removed." in (await leave(seller, boss, colleague.party_id, keys="keep")).text
    assert await told(world, key, "GetAccountBalance") == "OK"
    assert "Ann Developer" in Page(await boss.get(console(seller, "keys"))).text


async def test_whoever_made_no_key_leaves_without_a_question(world: World, seller: Seller) -> None:
    boss, colleague = await at_work(world, seller), await employee(world, seller, StaffRole.DEVELOPER)
    key = await make(await signed_in(world, colleague), seller)
    await access_keys.revoke(world.service, Actor.command("root"), seller.party.party_id, key.access_key_id)
    assert "Removed." in (await leave(seller, boss, colleague.party_id)).text


async def test_tools_of_the_sandbox_take_keys_that_fit(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.DEVELOPER)
    reader = await make(browser, seller, uses="read", networks="198.51.100.0/24")
    buttons = await browser.get(f"{console(seller, 'tools', 'buttons')}?kind=SetupPrepaid")
    assert reader.access_key_id not in buttons.text
    assert seller.key.access_key_id in buttons.text
    refused = await browser.submit(buttons, "/buttons", key=reader.access_key_id)
    assert refused.status_code == 422

    explorer = f"{console(seller, 'tools', 'requests')}?action=GetAccountBalance"
    answer = await browser.submit(
        await browser.get(explorer), "/requests", action="GetAccountBalance", key=reader.access_key_id, do="send"
    )
    assert "The access key is not for calls from 127.0.0.1." in Page(answer).text
