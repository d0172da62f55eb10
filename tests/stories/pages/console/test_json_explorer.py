"""The request explorer for JSON: what is filled in is shown for curl and both clients, sent, and answered."""

from __future__ import annotations

import html
import json
import re
import shlex
from typing import Any

import httpx
import pytest
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.money import parse_amount
from tallystick.domain.scopes import KeyScope
from tallystick.services.seller.staff import StaffRole
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import KeyTerms
from tallystick.web.console.developer.json_call import JsonCall, value_of
from tallystick.web.v1.table import ENDPOINTS
from tallystick_client import Tallystick

SERVICE = "https://pay.example"
UNDER_NAMES = {one.name: one for one in ENDPOINTS}


@pytest.fixture
async def developer(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.DEVELOPER)


def place(seller: Seller) -> str:
    return console(seller, "tools", "requests")


def code_of(response: httpx.Response) -> list[str]:
    """What is shown as code, in order."""
    return [html.unescape(one) for one in re.findall(r'<pre class="code">(.*?)</pre>', response.text, re.DOTALL)]


async def test_a_charge_is_sent_once_and_shown_for_both_clients(
    world: World, seller: Seller, developer: Browser
) -> None:
    browser = world.browser()
    given = await world.answer(
        await browser.submit(await browser.at_confirm(seller.url(seller.postpaid())), "/confirm")
    )
    tab = given["creditInstrumentID"]
    page = await developer.get(f"{place(seller)}?endpoint=charges.create")
    assert tab in page.text, "the latest authorizations are offered"
    key = Page(page).form("/requests").fields["idempotency_key"]
    typed = {"json.authorization": tab, "json.amount": "2.50", "key": seller.key.access_key_id}

    shown = await developer.submit(page, "/requests", **typed, do="show")
    assert await world.rows("SELECT 1 FROM transaction WHERE book_id = $1", seller.book_id) == []
    curl, python, typescript = code_of(shown)
    assert f"-H 'Idempotency-Key: {key}'" in curl
    assert python.startswith("ts.charges.create(")
    assert typescript.startswith('await ts.post(\n    "/v1/charges",')
    first = await developer.submit(page, "/requests", **typed, do="send")
    again = await developer.submit(page, "/requests", **typed, do="send")

    assert "201 Created" in Page(first).text
    assert "200 OK" in Page(again).text, "a second click pays once"
    assert json.loads(code_of(first)[0]) == json.loads(code_of(again)[0])
    rows = await world.rows(
        "SELECT caller_reference, amount_micros FROM transaction WHERE book_id = $1", seller.book_id
    )
    assert rows == [{"caller_reference": key, "amount_micros": parse_amount("2.50")}]
    told = await world.rows("SELECT action, subject FROM audit_entry WHERE business_id = $1", seller.party.party_id)
    assert told == [{"action": "request.send", "subject": "POST /v1/charges"}] * 2


async def test_every_endpoint_can_be_explored(seller: Seller, developer: Browser) -> None:
    listed = Page(await developer.get(place(seller)))
    assert {link.partition("endpoint=")[2] for link in listed.links} >= set(UNDER_NAMES)
    for name, endpoint in UNDER_NAMES.items():
        page = await developer.get(f"{place(seller)}?endpoint={name}")
        sent = await developer.submit(page, "/requests", key=seller.key.access_key_id, do="send")
        assert sent.status_code == 200, name
        assert endpoint.path.partition("{")[0] in code_of(sent)[1], name
        assert "internal_error" not in sent.text


async def test_a_problem_is_shown_as_it_came(seller: Seller, developer: Browser) -> None:
    page = await developer.get(f"{place(seller)}?endpoint=charges.get")
    sent = await developer.submit(page, "/requests", id="nonsense", key=seller.key.access_key_id, do="send")
    assert "400 Bad Request" in Page(sent).text
    assert json.loads(code_of(sent)[0])["code"] == "invalid_request"
    assert "/docs/errors#problems-of-the-json-interface" in Page(sent).links


async def test_what_no_header_can_have_is_for_the_answer_to_tell(seller: Seller, developer: Browser) -> None:
    page = await developer.get(f"{place(seller)}?endpoint=charges.create")
    typed = {"json.authorization": "P0", "json.amount": "1.00", "idempotency_key": "Käse", "do": "send"}
    sent = await developer.submit(page, "/requests", key=seller.key.access_key_id, **typed)
    assert sent.status_code == 200
    assert "printable ASCII" in json.loads(code_of(sent)[0])["detail"]


async def test_a_key_may_do_no_more_than_elsewhere(world: World, seller: Seller, developer: Browser) -> None:
    reader = await access_keys.create(
        *(world.pool, world.service.vault, seller.party.party_id, "sandbox", world.clock()),
        terms=KeyTerms(scopes=KeyScope.READ),
    )
    live = await access_keys.create(world.pool, world.service.vault, seller.party.party_id, "live", world.clock())
    page = await developer.get(f"{place(seller)}?endpoint=payouts.create")
    typed = {"json.amount": "1.00", "do": "send"}
    refused = await developer.submit(page, "/requests", key=reader.access_key_id, **typed)
    assert json.loads(code_of(refused)[0])["code"] == "key_not_for_this"
    for key_id in (live.access_key_id, (await world.seller("Neighbour")).key.access_key_id, "nonsense"):
        not_ours = await developer.submit(page, "/requests", key=key_id, **typed)
        assert not_ours.status_code == 422
        assert "Choose one of the sandbox's keys." in Page(not_ours).text
        assert code_of(not_ours) == []


def given_for(name: str) -> JsonCall:
    """A call of an endpoint with every field, as its examples have them."""
    endpoint = UNDER_NAMES[name]
    fields = {one.name: value_of(one, typed(one.example)) for one in endpoint.inputs}
    return JsonCall(endpoint, "01KB7WZ3TC" if endpoint.subject else "", fields, 'it\'s "job" 17')


def typed(example: Any) -> str:  # noqa: ANN401 - any value that JSON has
    return example if isinstance(example, str) else json.dumps(example)


@pytest.mark.parametrize("name", sorted(UNDER_NAMES))
def test_the_python_line_asks_for_the_same_as_the_one_for_curl(name: str) -> None:
    """It is run, with a client whose requests go nowhere."""
    call = given_for(name)
    asked: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("nobody is there")

    with httpx.Client(transport=httpx.MockTransport(note)) as http:
        ts = Tallystick("tsk_test_x", SERVICE, http=http, sleep=lambda _: None)
        line = f"list({call.python()})" if call.endpoint.is_list else call.python()
        with pytest.raises(Exception, match="nobody is there"):
            exec(line, {"ts": ts})  # noqa: S102 - what we have just made

    request = asked[0]
    words = shlex.split(call.curl(SERVICE).replace("\\\n", " "))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
    assert (request.method, str(request.url)) == (method, str(httpx.URL(words[1])))
    assert request.headers.get("idempotency-key") == headers.get("Idempotency-Key")
    sent = json.loads(request.content) if request.content else {}
    assert sent == (json.loads(words[words.index("-d") + 1]) if "-d" in words else {})


def test_the_typescript_line_names_path_id_body_and_key() -> None:
    assert given_for("account.get").typescript() == 'await ts.get("/v1/account")'
    expanded = 'await ts.get("/v1/charges/{id}", "01KB7WZ3TC", { expand: ["authorization"] })'
    assert given_for("charges.get").typescript() == expanded
    assert given_for("payouts.get").typescript() == 'await ts.get("/v1/payouts/{id}", "01KB7WZ3TC")'
    assert given_for("disputes.evidence").typescript().startswith('await ts.file("/v1/disputes/{id}/evidence", ')
    assert given_for("sandbox.clock").typescript() == 'await ts.get("/v1/sandbox/clock")'
    assert given_for("webhook_endpoints.deliveries").typescript().endswith('    "01KB7WZ3TC",\n)')
    refund = JsonCall(UNDER_NAMES["charges.refund"], "01", {"amount": "0.25"}, "back-1")
    assert refund.typescript() == (
        'await ts.post(\n    "/v1/charges/{id}/refund",\n    { amount: "0.25" },\n'
        '    { id: "01", idempotencyKey: "back-1" },\n)'
    )
    charges = JsonCall(UNDER_NAMES["charges.list"], "", {"limit": 5}, "")
    assert charges.typescript() == 'ts.list("/v1/charges", { limit: 5 })'
