"""The operator's pages over HTTP: who gets in, what they show, what they do."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.stories.pages.admin.office import change, funded, text_at
from tests.stories.pages.business import paying_customer
from tests.stories.pages.deeds.operator import lost_order
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import operator, person, signed_in, typed_code
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World
from tests.support.fake_rail import FakeRail

from tallystick.domain.commands import Method
from tallystick.processors.rail import RailAnswer, RailOrder
from tallystick.processors.rails import Rails
from tallystick.services.identity import mail
from tallystick.services.identity.email_templates import Letter
from tallystick.services.operations.running_proof import ContinuousProver
from tallystick.services.process.heartbeat import EVERY, Heartbeat
from tallystick.services.process.meter import Meter
from tallystick.settings import ENVIRONMENT, Origin
from tallystick.store.accounts import staff
from tallystick.store.accounts.parties import Party
from tallystick.store.records import heartbeats, outbox
from tallystick.worker import Worker

PAGES = (
    "/admin",
    "/admin/accounts",
    "/admin/accounts?before=x&kind=x&status=x",
    "/admin/rails",
    "/admin/rails?only=unknown&after=x",
    "/admin/notifications",
    "/admin/notifications?state=waiting&before=x~y",
    "/admin/verification",
    "/admin/verification?before=x",
    "/admin/audit",
    "/admin/audit?action=x&before=99999999999999999999",
    "/admin/mail",
    "/admin/settings",
    "/admin/styleguide",
)


class BrokenRail(FakeRail):
    """A rail that nobody hears of."""

    async def perform(self, order: RailOrder) -> RailAnswer:
        raise TimeoutError(f"no answer within 10 seconds to {order.operation.value}")


# who gets in


@pytest.mark.parametrize("path", PAGES)
async def test_the_pages_are_the_operators_alone(world: World, admin: Browser, stranger: Browser, path: str) -> None:
    nobody = world.browser()

    assert (await nobody.http.get(path)).headers["location"].startswith("/console/sign-in?next=/admin")
    assert (await stranger.get(path)).status_code == 404
    shown = await admin.get(path)
    assert shown.status_code == 200
    assert len(shown.content) < 100_000


async def test_signing_in_leads_to_the_page_that_was_asked_for(world: World, someone: Party) -> None:
    browser = world.browser()

    asked = await browser.submit(await browser.get("/admin/rails"), "/sign-in", email=someone.email, password=PASSWORD)
    page = await typed_code(world, browser, asked, someone)

    assert page.url.path == "/admin/rails"


async def test_who_is_no_operator_any_more_finds_nothing(world: World) -> None:
    another = await operator(world)
    browser = await signed_in(world, another)
    assert (await browser.get("/admin")).status_code == 200

    await staff.remove_operator(world.pool, another.party_id)

    assert (await browser.get("/admin")).status_code == 404


# accounts


async def test_accounts_are_found_by_number_address_and_part_of_a_name(world: World, admin: Browser) -> None:
    name = f"Fiddle {secrets.token_hex(4)}"
    seller = await world.seller(name)
    for text in (str(seller.party.party_id), seller.party.email.upper(), name[2:].lower(), seller.party.email[:8]):
        assert name in await text_at(admin, f"/admin/accounts?text={text}"), text

    assert name not in await text_at(admin, f"/admin/accounts?text={name[3:]}&kind=personal")
    assert "No account fits" in await text_at(admin, f"/admin/accounts?text={secrets.token_hex(9)}")
    assert (await admin.get(f"/admin/accounts/{2**70}")).status_code == 404


async def test_older_accounts_are_on_further_pages(world: World, admin: Browser) -> None:
    mark = secrets.token_hex(4)
    sellers = [await world.seller(f"Shop {mark} {number}") for number in range(27)]

    first = await admin.get(f"/admin/accounts?text={mark}")
    older = next(link for link in Page(first).links if "before=" in link)
    second = await admin.get(older)

    assert sellers[-1].party.name in first.text
    assert sellers[0].party.name not in first.text
    assert sellers[0].party.name in second.text


async def test_a_suspended_seller_takes_part_in_nothing(world: World, seller: Seller, admin: Browser) -> None:
    token = (await funded(world, seller))["prepaidSenderTokenID"]
    await world.rail_answers()
    assert await seller.told(token, "1.00") == "Success"

    assert "Say why" in await change(admin, seller.party, "suspend")
    said = await change(admin, seller.party, "suspend", "Chargebacks: three in a week")

    assert "The account is suspended." in said
    assert "Chargebacks: three in a week" in said
    assert await seller.told(token, "1.00") == "InvalidAccountState_Caller"
    assert "active again" in await change(admin, seller.party, "reactivate")
    assert await seller.told(token, "1.00") == "Success"


async def test_operators_do_not_suspend_themselves(admin: Browser, someone: Party) -> None:
    assert "your own account" in await change(admin, someone, "suspend", "By mistake")
    assert (await admin.get("/admin")).status_code == 200


async def test_suspending_signs_out_everywhere(world: World, admin: Browser) -> None:
    buyer = await person(world)
    browser = await signed_in(world, buyer, "/account/sign-in")
    assert (await browser.get("/account")).url.path == "/account"

    await change(admin, buyer, "suspend", "Reported as stolen")

    assert (await browser.get("/account")).url.path == "/account/sign-in"


@pytest.mark.parametrize(
    ("name", "back", "column"),
    [("verify", "unverify", "verified_at"), ("verify-email", None, "email_verified_at"), ("hold", "release", "denied")],
)
async def test_what_is_known_of_an_account_can_be_said_and_taken_back(
    world: World, admin: Browser, name: str, back: str | None, column: str
) -> None:
    buyer = await person(world)

    async def now() -> bool:
        (row,) = await world.rows(f"SELECT {column} AS it FROM party WHERE party_id = $1", buyer.party_id)  # noqa: S608
        return bool(row["it"])

    await change(admin, buyer, name, "They showed a letter of their bank")
    assert await now()
    page = await admin.get(f"/admin/accounts/{buyer.party_id}")
    assert name not in [form.fields.get("change") for form in Page(page).forms]  # nothing to do a second time
    if back is not None:
        await change(admin, buyer, back)
        assert not await now()


async def test_a_form_that_was_left_open_changes_nothing_twice(world: World, admin: Browser) -> None:
    buyer = await person(world)
    page = await admin.get(f"/admin/accounts/{buyer.party_id}")
    form = next(form for form in Page(page).forms if form.fields.get("change") == "suspend")

    for _ in range(2):
        await admin.post(form.action, form.fields | {"reason": "Twice"})

    deeds = await world.rows("SELECT 1 FROM audit_entry WHERE subject = $1", buyer.email)
    assert len(deeds) == 1


# rails


async def test_an_unknown_result_shows_and_can_be_asked_for_again(world: World, seller: Seller, admin: Browser) -> None:
    await funded(world, seller, "23.00")
    await Worker(world.service, Rails((BrokenRail(),))).ask_rails()

    page = await admin.get("/admin/rails?only=unknown")
    assert "23.00" in Page(page).text
    assert "no answer within 10 seconds to charge" in Page(page).text

    world.clock.ahead -= timedelta(seconds=1)  # not due yet
    assert "asked again now" in Page(await admin.submit(page, "/ask-again")).text
    world.clock.ahead += timedelta(seconds=1)
    await world.rail_answers()

    assert "No result is unknown" in await text_at(admin, "/admin/rails?only=unknown")
    assert "Had a rail asked again" in await text_at(admin, "/admin/audit?action=rail.ask_again")


async def test_an_order_that_was_lost_is_ended_with_a_reason(world: World, seller: Seller, admin: Browser) -> None:
    lost = await lost_order(Scene(world, seller, seller.party, admin))
    listed = await admin.get("/admin/rails?only=unknown")
    place = f"/admin/rails/end?transaction={lost}&operation=charge"
    assert place in Page(listed).links

    page = await admin.get(place)
    assert "The payment fails, and nothing was taken." in Page(page).text
    unsaid = await admin.submit(page, "/rails/end", reason=" ")
    assert (unsaid.status_code, "Say why" in Page(unsaid).text) == (422, True)
    ended = await admin.submit(unsaid, "/rails/end", reason="Their support has looked for it")
    assert "The order has ended." in Page(ended).text
    assert (await admin.get(place)).status_code == 404
    of_it = await text_at(admin, f"/admin/transactions/{lost}")
    assert "never received the order" in of_it
    said = await text_at(admin, "/admin/audit?action=rail.end_order")
    assert lost in said
    assert "Their support has looked for it" in said


async def test_an_order_that_may_still_be_sent_is_not_ended(world: World, seller: Seller, admin: Browser) -> None:
    payment = await (await paying_customer(world, seller, Method.CC)).pay("3")
    page = await admin.get(f"/admin/rails/end?transaction={payment}&operation=charge")
    refused = await admin.submit(page, "/rails/end", reason="Too slow")
    assert (refused.status_code, "Nothing was changed: it may still be sent" in Page(refused).text) == (409, True)
    await world.rail_answers()
    assert (await admin.get(f"/admin/rails/end?transaction={payment}&operation=void")).status_code == 404


async def test_a_made_up_transaction_is_not_asked_for(admin: Browser) -> None:
    page = await admin.get("/admin/styleguide")
    token = Page(page).form("/sign-out").fields
    for path, fields in (
        ("/admin/rails/ask-again", {"transaction": "x"}),
        ("/admin/rails/end", {"transaction": "x", "operation": "charge", "reason": "so"}),
        ("/admin/notifications/replay", {"event": "x", "book": "y"}),
        ("/admin/notifications/replay", {}),
        ("/admin/accounts/1/standing", {"change": "x"}),
    ):
        assert (await admin.post(path, token | fields)).status_code == 404, path


# notifications


@pytest.mark.parametrize("whose", ["event", "seller", "everything"])
async def test_what_was_given_up_can_be_sent_again(world: World, seller: Seller, admin: Browser, whose: str) -> None:
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, "https://shop.example/told", world.clock())
    await funded(world, seller)
    await world.pool.execute("DELETE FROM outbox WHERE book_id <> $1 AND state = 'dead'", seller.book_id)
    await world.pool.execute(
        "UPDATE outbox SET state = 'dead', due_at = NULL, last_error = 'answered 500' WHERE book_id = $1",
        seller.book_id,
    )

    page = await admin.get("/admin/notifications")
    assert "https://shop.example/told" in page.text
    assert "answered 500" in page.text
    form = next(form for form in Page(page).forms if whose in form.fields)
    assert "sent again" in Page(await admin.post(form.action, form.fields)).text

    assert "Nothing was given up" in await text_at(admin, "/admin/notifications")
    assert await world.rows("SELECT 1 FROM outbox WHERE book_id = $1 AND state = 'waiting'", seller.book_id)
    await world.rail_answers()


# the other pages


async def test_the_audit_log_is_filtered_by_who_for_whom_and_what(
    seller: Seller, someone: Party, admin: Browser
) -> None:
    await change(admin, seller.party, "verify")

    for query in (f"who={someone.email}", f"seller={seller.party.party_id}", f"subject={seller.party.email}"):
        assert f"Verified an account: {seller.party.email}" in await text_at(admin, f"/admin/audit?{query}"), query
    assert "Nothing fits" in await text_at(admin, f"/admin/audit?who={someone.email}&action=branding.change")
    assert "There is no account" in await text_at(admin, "/admin/audit?who=nobody@nowhere.example")


async def test_letters_can_be_read_only_while_they_stay_here(world: World, someone: Party, admin: Browser) -> None:
    await mail.post(
        world.service, "ann@buyer.example", Letter("123456 is your code", "Open https://pay.example/reset/secret")
    )

    listed = await admin.get("/admin/mail")
    assert "123456 is your code" in listed.text
    letter = next(link for link in Page(listed).links if link.startswith("/admin/mail/"))
    assert "https://pay.example/reset/secret" in (await admin.get(letter)).text

    leaving = world.configured(smtp_url="smtp://127.0.0.1:2525", mail_from="pay@pay.example")
    elsewhere = await signed_in(world, someone, browser=world.browser(leaving))
    for path in ("/admin/mail", letter):
        shown = (await elsewhere.get(path)).text
        assert "is your code" in shown
        assert "123456" not in shown
        assert "secret" not in shown


async def test_settings_tell_their_source_and_no_secret(world: World, someone: Party) -> None:
    url, file = "postgresql://me:pass-word@db.example:5432/tally?sslpassword=hidden", "/etc/tallystick/tallystick.toml"
    service = world.configured(
        database_url=url,
        metrics_token="t" * 20,
        keep_requests_days=7,
        origins={
            "database_url": Origin(ENVIRONMENT, "database_url", url),
            "keep_requests_days": Origin(file, "keep_requests_days", 7),
        },
    )
    browser = await signed_in(world, someone, browser=world.browser(service))

    shown = (await text_at(browser, "/admin/settings")).replace("_ ", "_")  # names may be broken there

    assert "TALLYSTICK_DATABASE_URL postgresql://…@db.example:5432/tally?… Environment" in shown
    assert "TALLYSTICK_RAIL_DELAY_MS 1000 Default How long the simulated rail leaves a payment Pending." in shown
    assert "TALLYSTICK_MASTER_KEY set, not shown Command line" in shown
    assert "TALLYSTICK_KEEP_REQUESTS_DAYS 7 File" in shown
    assert f"or its name in small letters in {file}" in shown
    for secret in ("pass-word", "hidden", "t" * 20, "made-up master key"):
        assert secret not in shown


async def test_health_says_what_is_unexplained_and_when_that_was_found(world: World, admin: Browser) -> None:
    await ContinuousProver(world.service).go_on()
    shown = await text_at(admin, "/admin")
    assert "Unexplained" in shown
    assert "as of" in shown


async def test_health_adds_up_the_pulses_of_all_processes(world: World, admin: Browser) -> None:
    await heartbeats.forget(world.pool, world.clock() + timedelta(days=366))  # other tests' clocks were ahead
    assert "No process has told" in await text_at(admin, "/admin")
    services = [replace(world.service, meter=Meter()) for _ in range(2)]
    hearts = [Heartbeat(service, kind) for service, kind in zip(services, ("API", "Worker"), strict=True)]
    for _ in range(299):
        services[0].meter.answered("Pay", "ok", 0.0)
    services[1].meter.answered("Pay", "InsufficientBalance", 0.0)
    services[1].meter.worked("rails", 7)

    world.clock.ahead += EVERY
    for heart in hearts:
        await heart.beat()
        await heart.beat()  # at the same moment: nothing to tell
    world.clock.ahead += EVERY
    for heart in hearts:
        await heart.beat()
    shown = await text_at(admin, "/admin")

    assert "a second; 300 in five minutes" in shown
    assert "InsufficientBalance 1" in shown
    assert "rails 7" in shown
    assert "silent" not in shown

    world.clock.ahead += timedelta(minutes=2)
    assert "silent" in await text_at(admin, "/admin")


async def test_health_warns_of_work_that_nobody_does(world: World, seller: Seller, admin: Browser) -> None:
    await funded(world, seller)

    world.clock.ahead += timedelta(minutes=10)
    assert "The rail simulated: work is overdue" in await text_at(admin, "/admin")

    await world.rail_answers()
    assert "The rail simulated: work is overdue" not in await text_at(admin, "/admin")
