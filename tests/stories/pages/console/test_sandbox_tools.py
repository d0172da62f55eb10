"""A developer in the sandbox: the test clock, faults on order, buttons that are signed, requests that are sent."""

from __future__ import annotations

import html
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.money import parse_amount
from tallystick.services.api.registry import ACTIONS
from tallystick.services.consent.parameters import PIPELINES
from tallystick.services.seller.staff import StaffRole
from tallystick.store.keys import access_keys
from tallystick.store.records import sandbox_clocks
from tallystick.web.console.developer.request_explorer import indented

TOOLS = ("requests", "buttons", "faults", "clock")


@pytest.fixture
async def developer(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.DEVELOPER)


def tool(seller: Seller, *parts: str, **environment: str) -> str:
    return console(seller, "tools", *parts, **environment)


async def audited(world: World, seller: Seller) -> list[str]:
    rows = await world.rows(
        "SELECT action FROM audit_entry WHERE business_id = $1 ORDER BY audit_id", seller.party.party_id
    )
    return [row["action"] for row in rows]


async def prepaid(world: World, seller: Seller) -> dict[str, str]:
    """What a buyer's consent to a prepaid balance, by card, came to."""
    browser = world.browser()
    at_confirm = await browser.at_confirm(seller.url(seller.prepaid()))
    return await world.answer(await browser.submit(at_confirm, "/confirm"))


def filled(page: Page, ending: str, **typed: str) -> dict[str, str]:
    return page.form(ending).fields | typed


@pytest.mark.parametrize("name", TOOLS)
async def test_where_money_is_real_there_are_no_such_tools(seller: Seller, developer: Browser, name: str) -> None:
    assert (await developer.get(tool(seller, name))).status_code == 200
    assert (await developer.get(tool(seller, name, environment="live"))).status_code == 404
    csrf = Page(await developer.get(tool(seller, "clock"))).forms[0].fields["_csrf_token"]
    posted = await developer.post(tool(seller, name, environment="live"), {"_csrf_token": csrf})
    assert posted.status_code == 404


# the test clock


async def test_the_clock_is_moved_after_a_look_at_what_would_end(
    world: World, seller: Seller, developer: Browser
) -> None:
    given = await prepaid(world, seller)
    expiry = str(int((world.clock() + timedelta(days=20)).timestamp()))
    browser = world.browser()
    ends = seller.url(seller.prepaid(validityExpiry=expiry))
    await world.answer(await browser.submit(await browser.at_confirm(ends), "/confirm"))

    preview = await developer.get(f"{tool(seller, 'clock')}?count=40&unit=Day")
    assert "There is no way back." in Page(preview).text
    assert "Balances and tabs that end 1" in Page(preview).text
    assert await sandbox_clocks.offset(world.pool, seller.book_id) == timedelta(0), "a look moves nothing"
    form = Page(preview).form("/clock")
    moved = await developer.post(form.action, form.fields)

    assert "The clock was moved." in Page(moved).text
    assert "1 month ahead" in Page(moved).text or "40 days ahead" in Page(moved).text
    assert await sandbox_clocks.offset(world.pool, seller.book_id) == timedelta(days=40)
    again = await developer.post(form.action, form.fields)
    assert again.status_code == 409
    assert await sandbox_clocks.offset(world.pool, seller.book_id) == timedelta(days=40), "two clicks move it once"
    assert given["status"] == "SC"
    assert await audited(world, seller) == ["clock.forward"]


@pytest.mark.parametrize(
    ("count", "unit"),
    [("", "Day"), (" ", "Day"), ("0", "Day"), ("-1", "Day"), ("1.5", "Day"), ("7", "Eon"), ("101", "Year")],
)
async def test_lengths_that_the_clock_cannot_be_moved_by(
    world: World, seller: Seller, developer: Browser, count: str, unit: str
) -> None:
    path = tool(seller, "clock")
    looked = await developer.get(f"{path}?count={count}&unit={unit}")
    assert looked.status_code == 422
    assert ("Type a whole number from 1 to 99999." in Page(looked).text) != (count == "101")
    csrf = {"_csrf_token": Page(looked).forms[0].fields["_csrf_token"]}
    moved = await developer.post(path, csrf | {"count": count, "unit": unit, "seen": "0"})
    assert moved.status_code == 422
    assert await sandbox_clocks.offset(world.pool, seller.book_id) == timedelta(0)


# faults on order


async def fund(seller: Seller, given: dict[str, str]) -> str:
    funding = {
        "SenderTokenId": given["fundingTokenID"],
        "PrepaidInstrumentId": given["prepaidInstrumentID"],
        "CallerReference": secrets.token_hex(6),
        "FundingAmount.Value": "10.00",
        "FundingAmount.CurrencyCode": "USD",
    }
    return (await seller.api.call("FundPrepaid", funding)).text("TransactionId")


async def status_of(seller: Seller, transaction_id: str) -> tuple[str, str]:
    answer = await seller.api.call("GetTransactionStatus", {"TransactionId": transaction_id})
    return answer.text("TransactionStatus"), answer.text("StatusCode")


async def test_the_next_funding_fails_as_ordered(world: World, seller: Seller, developer: Browser) -> None:
    given = await prepaid(world, seller)
    page = await developer.get(tool(seller, "faults"))
    assert "No fault waits" in Page(page).text
    page = await developer.submit(page, "/faults", operation="charge", outcome="TemporaryDecline")
    assert "The fault is ordered." in Page(page).text

    first, second = await fund(seller, given), await fund(seller, given)
    await world.rail_answers()

    results = {await status_of(seller, one) for one in (first, second)}
    assert results == {("Failure", "TemporaryDecline"), ("Success", "Success")}
    assert "Met lately" in (await developer.get(tool(seller, "faults"))).text
    assert await audited(world, seller) == ["fault.order"]


@pytest.mark.parametrize(
    ("outcome", "result"), [("pay", ("Success", "Success")), ("TransactionDenied", ("Failure", "TransactionDenied"))]
)
async def test_what_is_held_stays_pending_until_it_is_let_go(
    world: World, seller: Seller, developer: Browser, outcome: str, result: tuple[str, str]
) -> None:
    given = await prepaid(world, seller)
    await developer.submit(await developer.get(tool(seller, "faults")), "/faults", operation="charge", outcome="hold")
    funding = await fund(seller, given)
    await world.rail_answers()
    assert (await status_of(seller, funding))[0] == "Pending"

    page = await developer.get(tool(seller, "faults"))
    assert funding in Page(page).text
    page = await developer.submit(page, "/release", outcome=outcome)
    assert "It was let go" in Page(page).text
    world.clock.ahead += timedelta(seconds=5)
    await world.rail_answers()

    assert await status_of(seller, funding) == result
    assert await audited(world, seller) == ["fault.order", "fault.release"]


async def test_a_fault_that_waits_is_taken_back(world: World, seller: Seller, developer: Browser) -> None:
    order = await developer.get(tool(seller, "faults"))
    page = await developer.submit(order, "/faults", operation="refund", outcome="TransactionDenied")
    removal = Page(page).form("/remove")
    page = await developer.post(removal.action, removal.fields)

    assert "The fault was taken back." in Page(page).text
    assert (await developer.post(removal.action, removal.fields)).status_code == 404
    assert await audited(world, seller) == ["fault.order", "fault.remove"]


@pytest.mark.parametrize("typed", [{"operation": "capture"}, {"outcome": "Success"}])
async def test_faults_that_cannot_be_ordered(seller: Seller, developer: Browser, typed: dict[str, str]) -> None:
    form = {"operation": "charge", "outcome": "hold"} | typed
    refused = await developer.submit(await developer.get(tool(seller, "faults")), "/faults", **form)
    assert refused.status_code == 422
    assert "There is a problem" in Page(refused).text


# the button maker


@pytest.mark.parametrize("kind", [name for name in PIPELINES if name not in {"EditToken", "Recipient"}])
async def test_a_button_as_it_is_offered_leads_a_buyer_all_the_way(
    world: World, seller: Seller, developer: Browser, kind: str
) -> None:
    page = await developer.get(f"{tool(seller, 'buttons')}?kind={kind}")
    made = await developer.submit(page, "/buttons", shape="link", key=seller.key.access_key_id)
    assert made.status_code == 200, Page(made).text
    url = next(link for link in Page(made).links if "signature=" in link)
    assert f'<a href="{html.escape(url)}">' in html.unescape(made.text), "the HTML to copy is the link to try"

    buyer = world.browser()
    back = await buyer.submit(await buyer.at_confirm(url), "/confirm")
    assert (await world.answer(back))["status"] == "SC"
    shown = await buyer.get(back.headers["location"])

    assert "The signature is genuine" in Page(shown).text
    assert "agreed, paying by card" in Page(shown).text
    forged = await buyer.get(back.headers["location"].replace("status=SC", "status=SA"))
    assert forged.status_code == 404
    assert seller.key.secret not in made.text
    assert await audited(world, seller) == ["button.make"]


async def test_a_simple_pay_button_is_a_form(world: World, seller: Seller, developer: Browser) -> None:
    page = await developer.get(f"{tool(seller, 'buttons')}?kind=SimplePay")
    made = await developer.submit(page, "/buttons", key=seller.key.access_key_id, amount="USD 12.50")
    form = Page(made).form("/pba/paypipeline")
    assert f'<form method="post" action="{form.action}">' in html.unescape(made.text)
    assert "https:" in made.headers["content-security-policy"], "the browser may follow it back to the seller"

    buyer = world.browser()
    at_confirm = await buyer.add_card(await buyer.sign_up(await buyer.post(urlsplit(form.action).path, form.fields)))
    assert (await world.answer(await buyer.submit(at_confirm, "/confirm")))["transactionAmount"] == "USD 12.50"
    await world.rail_answers()


async def test_what_the_hosted_pages_would_send_back_is_told_beside_its_field(
    seller: Seller, developer: Browser
) -> None:
    page = await developer.get(f"{tool(seller, 'buttons')}?kind=SetupPostpaid")
    wrong = {"creditLimit": "much", "returnURL": "ftp://shop.example/", "usageLimitPeriod1": "soon", "key": "x"}
    refused = await developer.submit(page, "/buttons", **wrong)

    assert refused.status_code == 422
    assert "There are 4 problems" in Page(refused).text
    assert "Type an amount from 0.01, such as 25.00." in Page(refused).text
    assert Page(refused).form("/buttons").fields["creditLimit"] == "much"
    assert "signature=" not in refused.text


# the request explorer


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize("method", ["HmacSHA1", "HmacSHA256"])
async def test_a_payment_is_signed_sent_and_answered(
    world: World, seller: Seller, developer: Browser, verb: str, method: str
) -> None:
    browser = world.browser()
    at_confirm = await browser.at_confirm(seller.url(seller.postpaid()))
    given = await world.answer(await browser.submit(at_confirm, "/confirm"))
    page = await developer.get(f"{tool(seller, 'requests')}?action=Pay")
    assert given["creditSenderTokenID"] in page.text, "the latest tokens are offered"
    typed = {
        "SenderTokenId": given["creditSenderTokenID"],
        "TransactionAmount.Value": "2.50",
        "key": seller.key.access_key_id,
        "verb": verb,
        "method": method,
    }
    reference = Page(page).form("/requests").fields["CallerReference"]

    signed = await developer.submit(page, "/requests", **typed, do="sign")
    assert f"{verb} {world.host} / AWSAccessKeyId=" in Page(signed).text
    assert await world.rows("SELECT 1 FROM transaction WHERE book_id = $1", seller.book_id) == []
    sent = await developer.submit(page, "/requests", **typed, do="send")
    again = await developer.submit(page, "/requests", **typed, do="send")

    assert "200 OK" in Page(sent).text
    assert "<TransactionStatus>Success</TransactionStatus>" in Page(sent).text
    rows = await world.rows(
        "SELECT caller_reference, amount_micros FROM transaction WHERE book_id = $1", seller.book_id
    )
    assert rows == [{"caller_reference": reference, "amount_micros": parse_amount("2.50")}], "a second click pays once"
    assert "200 OK" in Page(again).text
    assert all(seller.key.secret not in response.text for response in (page, signed, sent))
    assert await audited(world, seller) == ["request.send", "request.send"]


async def test_a_refusal_is_shown_as_it_came(seller: Seller, developer: Browser) -> None:
    page = await developer.get(f"{tool(seller, 'requests')}?action=GetTransaction")
    sent = await developer.submit(page, "/requests", TransactionId="nonsense", key=seller.key.access_key_id, do="send")
    assert "400 Bad Request" in Page(sent).text
    assert "<Code>InvalidParams</Code>" in Page(sent).text


async def test_every_action_can_be_explored(seller: Seller, developer: Browser) -> None:
    listed = Page(await developer.get(f"{tool(seller, 'requests')}?face=query"))
    assert {link.partition("action=")[2] for link in listed.links} >= set(ACTIONS)
    for name in ACTIONS:
        page = await developer.get(f"{tool(seller, 'requests')}?action={name}")
        sent = await developer.submit(page, "/requests", key=seller.key.access_key_id, do="send")
        assert sent.status_code == 200, name
        assert f"Action={name}" in Page(sent).text
        assert "InternalError" not in sent.text


async def test_only_keys_of_this_sandbox_sign(world: World, seller: Seller, developer: Browser) -> None:
    neighbour = await world.seller("Neighbour")
    live = await access_keys.create(world.pool, world.service.vault, seller.party.party_id, "live", world.clock())
    revoked = await access_keys.create(world.pool, world.service.vault, seller.party.party_id, "sandbox", world.clock())
    await access_keys.revoke(world.pool, revoked.access_key_id, world.clock())
    page = await developer.get(f"{tool(seller, 'requests')}?action=GetAccountBalance")
    for key_id in (neighbour.key.access_key_id, live.access_key_id, revoked.access_key_id, "nonsense"):
        refused = await developer.submit(page, "/requests", key=key_id, do="send")
        assert refused.status_code == 422
        assert "Choose one of the sandbox's keys." in Page(refused).text
        assert "Signature" not in Page(refused).forms[-1].fields
    assert await audited(world, seller) == []


async def test_without_a_key_the_tools_say_where_to_make_one(world: World, seller: Seller, developer: Browser) -> None:
    await access_keys.revoke(world.pool, seller.key.access_key_id, world.clock())
    for name, query in (("requests", "action=Pay"), ("buttons", "kind=SetupPrepaid")):
        page = Page(await developer.get(f"{tool(seller, name)}?{query}"))
        assert "No key to sign with" in page.text
        assert console(seller, "keys") in page.links


def test_indenting_adds_white_space_between_elements_only() -> None:
    xml = '<?xml version="1.0"?>\n<A xmlns="urn:a"><B><C>one &amp; two</C><D/></B><E><F></F></E></A>'
    text = indented(xml)
    assert text.splitlines() == [
        '<?xml version="1.0"?>',
        '<A xmlns="urn:a">',
        "  <B>",
        "    <C>one &amp; two</C>",
        "    <D/>",
        "  </B>",
        "  <E>",
        "    <F></F>",
        "  </E>",
        "</A>",
    ]
    assert "".join(line.strip() for line in text.splitlines()) == xml.replace("\n", "")
