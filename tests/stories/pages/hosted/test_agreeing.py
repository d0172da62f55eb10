"""Agreeing to a charge needs a recent reauthentication, and its evidence can be shown for ever after."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World
from tests.support.owner import execute_as_owner

from tallystick.services.consent import evidence
from tallystick.services.consent.parameters import ADDRESS
from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts.web_sessions import IDLE, LONGEST
from tallystick.store.records.evidence import Evidence
from tallystick.web.hosted.carried_form import kept_of, to_keep

WHILE = timedelta(minutes=15)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HOME_ADDRESS = {
    "addressName": "Ann Buyer",
    "addressLine1": "1 Main St",
    "zip": "12345",
    "city": "Springfield",
    "country": "USA",
}


async def kept(world: World, seller: Seller, authorization_id: str) -> Evidence:
    found = await evidence.of_authorization(world.service, seller.book_id, authorization_id)
    assert found is not None
    return found


async def at_confirm(
    world: World, seller: Seller, params: dict[str, str], email: str = ""
) -> tuple[Browser, httpx.Response]:
    browser = world.browser()
    browser.http.headers["user-agent"] = AGENT
    method = await browser.sign_up(await browser.get(seller.url(params)), email)
    return browser, await browser.add_card(method)


async def test_a_while_after_signing_in_the_password_is_asked_for_again(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid())
    world.clock.ahead = WHILE

    asked = await browser.submit(confirm, "/confirm")
    assert "Confirm that it is you" in Page(asked).text
    assert asked.url.path.endswith("/prove")
    wrong = await browser.submit(asked, "/prove", password="not the password of Ann")
    assert wrong.status_code == 422
    again = await browser.submit(wrong, "/prove", password=PASSWORD)

    assert again.url.path.endswith("/confirm")
    assert "ending in 4242" in Page(again).text  # what was chosen is still there
    answer = await world.answer(await browser.submit(again, "/confirm"))
    assert answer["status"] == "SC"
    proof = await kept(world, seller, answer["prepaidInstrumentID"])
    assert proof.agreed_at - proof.proved_at < timedelta(minutes=1)


async def test_how_long_a_proof_counts_is_a_setting(world: World, seller: Seller) -> None:
    browser = world.browser(world.configured(confirm_within_minutes=1))
    confirm = await browser.add_card(await browser.sign_up(await browser.get(seller.url(seller.prepaid()))))
    world.clock.ahead = timedelta(seconds=61)
    assert (await browser.get(str(confirm.url.path))).url.path.endswith("/prove")


async def test_the_page_that_proves_is_for_who_needs_it(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid())
    prove = str(confirm.url.path).replace("/confirm", "/prove")

    assert (await browser.get(prove)).url.path.endswith("/confirm")
    assert (await world.browser().get(prove)).url.path.endswith("/sign-in")


async def test_what_was_agreed_to_is_kept_word_for_word(world: World, seller: Seller) -> None:
    params = seller.prepaid(paymentReason="For <b>music</b>", collectShippingAddress="True")
    browser, address = await at_confirm(world, seller, params)
    confirm = await browser.submit(address, "/address", **HOME_ADDRESS)
    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    found = await kept(world, seller, answer["prepaidInstrumentID"])
    said = found.wording
    shown = Page(confirm).text
    for text in (said["heading"], said["closing"], said["button"], *said["promises"], *said["address"]):
        assert text in shown, text
    assert said["figure"] == "up to 25.00 USD"
    assert said["promises"][0] == (
        "Music Shop may take up to 25.00 USD from your card ending in 4242 to fill your prepaid balance."
    )
    assert (said["seller"], said["language"], said["environment"]) == ("Music Shop", "en", "sandbox")
    assert "<b>music</b>" in said["reason"]
    assert Page(confirm).form("/confirm").fields["agreed"] == found.digest.hex()
    assert (found.user_agent, found.proved_by) == (AGENT, "password")

    seen = Page(await browser.get(f"/account/authorizations/{answer['prepaidInstrumentID']}/agreed"))
    for text in (*said["promises"], said["closing"], "1 Main St", "Firefox on Linux"):
        assert text in seen.text, text
    stranger, _ = await at_confirm(world, seller, seller.prepaid())
    theirs = await stranger.get(f"/account/authorizations/{answer['prepaidInstrumentID']}/agreed")
    assert theirs.status_code == 404


async def test_the_seller_can_show_it_and_no_other_seller_can(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid())
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    made = answer["prepaidInstrumentID"]
    staff = await at_work(world, seller, StaffRole.VIEWER)

    instrument = Page(await staff.get(console(seller, "instruments", made)))
    shown = await staff.get(next(link for link in instrument.links if link.endswith(f"/agreed/{made}")))

    found = await kept(world, seller, made)
    for text in (*found.wording["promises"], found.digest.hex(), "Firefox on Linux"):
        assert text in Page(shown).text, text
    other = await world.seller()
    elsewhere = await at_work(world, other)
    assert (await elsewhere.get(console(other, "agreed", made))).status_code == 404
    assert (await staff.get(console(seller, "agreed", "no-id"))).status_code == 404


@pytest.mark.parametrize(
    ("pipeline", "name"),
    [
        ("SetupPostpaid", "creditInstrumentID"),
        ("SingleUse", "tokenID"),
        ("MultiUse", "tokenID"),
        ("Recurring", "tokenID"),
    ],
)
async def test_every_kind_of_authorization_has_its_evidence(
    world: World, seller: Seller, pipeline: str, name: str
) -> None:
    browser, confirm = await at_confirm(world, seller, seller.request(pipeline))
    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert (await kept(world, seller, answer[name])).wording["promises"]


async def test_a_recipient_agrees_to_two_authorizations(world: World, seller: Seller) -> None:
    band, browser = await world.seller("The Band", signs_in=True), world.browser()
    page = await browser.sign_in(await browser.get(seller.url(seller.request("Recipient"))), band.party.email)
    answer = await world.answer(await browser.submit(page, "/confirm"))

    both = [await kept(world, seller, answer[name]) for name in ("tokenID", "refundTokenID")]
    assert both[0].wording == both[1].wording


async def test_an_edited_authorization_has_evidence_of_its_own_and_an_exchanged_one_that_of_before(
    world: World, seller: Seller
) -> None:
    browser, confirm = await at_confirm(world, seller, seller.request("MultiUse"))
    first = (await world.answer(await browser.submit(confirm, "/confirm")))["tokenID"]
    page = await browser.add_bank_account(await browser.get(seller.url(seller.request("EditToken", tokenId=first))))
    second = (await world.answer(await browser.submit(page, "/confirm")))["tokenID"]
    assert (await kept(world, seller, second)).authorization_id == second

    await execute_as_owner(world.pool, "DELETE FROM authorization_evidence WHERE authorization_id = $1", second)
    assert (await kept(world, seller, second)).authorization_id == first


async def test_words_that_changed_since_are_shown_before_anything_is_agreed_to(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid())
    await world.pool.execute("UPDATE party SET name = 'Another Name' WHERE party_id = $1", seller.party.party_id)

    again = await browser.submit(confirm, "/confirm")

    assert again.status_code == 409
    assert "Another Name may take up to 25.00 USD" in Page(again).text
    assert (await world.rows("SELECT 1 FROM instrument WHERE book_id = $1", seller.book_id)) == []
    answer = await world.answer(await browser.submit(again, "/confirm"))
    assert "Another Name" in (await kept(world, seller, answer["prepaidInstrumentID"])).wording["promises"][0]


async def test_a_double_click_agrees_once_and_keeps_it_once(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid())
    clicks = await asyncio.gather(*(browser.submit(confirm, "/confirm") for _ in range(4)))

    answers = [await world.answer(click) for click in clicks]
    assert len({answer["prepaidInstrumentID"] for answer in answers}) == 1
    rows = await world.rows("SELECT authorization_id FROM authorization_evidence WHERE book_id = $1", seller.book_id)
    assert [row["authorization_id"] for row in rows] == [answers[0]["prepaidInstrumentID"]]


async def test_a_double_click_on_other_steps_changes_nothing_either(world: World, seller: Seller) -> None:
    browser = world.browser()
    params = seller.prepaid(collectShippingAddress="True")
    method = await browser.sign_up(await browser.get(seller.url(params)))
    pages = await asyncio.gather(*(browser.submit(method, "/account/test-money", amount="40") for _ in range(2)))
    chosen = await asyncio.gather(*(browser.submit(pages[0], "/method") for _ in range(2)))
    asked = await asyncio.gather(*(browser.submit(chosen[0], "/address", **HOME_ADDRESS) for _ in range(2)))

    answer = await world.answer(await browser.submit(asked[1], "/confirm"))
    assert (answer["status"], answer["city"]) == ("SA", "Springfield")


async def test_going_back_after_confirming_leads_to_the_same_answer(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid())
    method = str(confirm.url.path).replace("/confirm", "/method")
    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    for page in (await browser.get(str(confirm.url.path)), await browser.get(method)):
        assert (await world.answer(page))["prepaidInstrumentID"] == answer["prepaidInstrumentID"]
    again = await world.answer(await browser.submit(confirm, "/confirm"))
    assert again["prepaidInstrumentID"] == answer["prepaidInstrumentID"]


async def test_going_back_before_confirming_changes_the_choice(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid(paymentMethod="CC,ACH"))
    method = await browser.get(str(confirm.url.path).replace("/confirm", "/method"))
    changed = await browser.add_bank_account(method)

    assert (await browser.submit(confirm, "/confirm")).status_code == 409  # the page from before the change
    assert (await world.answer(await browser.submit(changed, "/confirm")))["status"] == "SB"


async def test_an_address_typed_into_an_ended_session_is_still_there(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@buyer.example"
    browser, address = await at_confirm(world, seller, seller.prepaid(collectShippingAddress="True"), email)
    world.clock.ahead = IDLE

    late = await browser.submit(address, "/address", **HOME_ADDRESS, phoneNumber="<b>1")
    assert "You are no longer signed in" in Page(late).text
    wrong = await browser.submit(late, "/sign-in", email=email, password="not the password of Ann")
    again = await browser.submit(wrong, "/sign-in", email=email, password=PASSWORD)

    typed = Page(again).form("/address").fields
    assert {name: typed[name] for name in HOME_ADDRESS} == HOME_ADDRESS
    assert typed["phoneNumber"] == "<b>1"
    confirm = await browser.submit(again, "/address")
    assert "ending in 4242" in Page(confirm).text
    assert (await world.answer(await browser.submit(confirm, "/confirm")))["city"] == "Springfield"


async def test_a_choice_made_in_an_ended_session_is_still_made(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@buyer.example"
    browser = world.browser()
    method = await browser.sign_up(await browser.get(seller.url(seller.prepaid(paymentMethod="CC,ABT"))), email)
    method = await browser.submit(method, "/account/test-money", amount="40")
    await browser.add_card(method)
    method = await browser.get(str(method.url.path))
    assert Page(method).form("/method").fields["key"] != "balance"
    world.clock.ahead = IDLE

    late = await browser.submit(method, "/method", key="balance")
    again = await browser.submit(late, "/sign-in", email=email, password=PASSWORD)

    assert Page(again).form("/method").fields["key"] == "balance"


@pytest.mark.parametrize("step", ["confirm", "address", "card"])
async def test_signing_in_again_leads_back_to_the_step(world: World, seller: Seller, step: str) -> None:
    email = f"{secrets.token_hex(6)}@buyer.example"
    browser, address = await at_confirm(world, seller, seller.prepaid(collectShippingAddress="True"), email)
    await browser.submit(address, "/address", **HOME_ADDRESS)
    path = str(address.url.path).replace("/address", f"/{step}")
    world.clock.ahead = IDLE

    asked = await browser.get(path)
    assert asked.url.path.endswith("/sign-in")
    assert (await browser.submit(asked, "/sign-in", email=email, password=PASSWORD)).url.path == path


async def test_a_card_number_is_never_carried_through_signing_in(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@buyer.example"
    browser = world.browser()
    method = await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email)
    path = str(method.url.path).replace("/method", "/card")
    card = await browser.get(path)
    world.clock.ahead = IDLE

    late = await browser.submit(card, "/card", number="4242 4242 4242 4242", expiry="10/2031")

    assert "4242" not in late.text
    assert (await browser.submit(late, "/sign-in", email=email, password=PASSWORD)).url.path == path


async def test_what_one_person_typed_is_not_another_ones_choice(world: World, seller: Seller) -> None:
    browser, address = await at_confirm(world, seller, seller.prepaid(collectShippingAddress="True"))
    other = f"{secrets.token_hex(6)}@buyer.example"
    await at_confirm(world, seller, seller.prepaid(), other)
    world.clock.ahead = IDLE

    late = await browser.submit(address, "/address", **HOME_ADDRESS)
    again = await browser.submit(late, "/sign-in", email=other, password=PASSWORD)
    on = await browser.submit(again, "/address")

    assert on.url.path.endswith("/method")  # they have to choose for themselves


async def test_sessions_end_when_idle_and_at_last(world: World, seller: Seller) -> None:
    browser, _ = await at_confirm(world, seller, seller.prepaid())
    for hours in range(1, 12):
        world.clock.ahead = timedelta(hours=hours)
        assert (await browser.get("/account/security")).url.path == "/account/security", hours
    world.clock.ahead = LONGEST
    assert (await browser.get("/account/security")).url.path == "/account/sign-in"


def test_only_what_may_stand_in_a_page_is_carried() -> None:
    typed = dict.fromkeys(ADDRESS, "x") | {"number": "4242", "password": "p", "_csrf_token": "t"}
    carried = to_keep("address", typed)
    assert carried == {f"kept.{name}": "x" for name in ADDRESS}
    assert kept_of({"step": "address", "kept.number": "1", **carried}) == dict.fromkeys(ADDRESS, "x")
    assert to_keep("card", typed) == kept_of({"step": "card", **carried}) == {}
