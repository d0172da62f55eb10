"""Authorizations in JSON: a program asks, a buyer agrees on the hosted pages, and the id is the one that was told."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.stories.conftest import OpenShop
from tests.stories.v1.causes.good_requests import played
from tests.stories.v1.conftest import Program, as_problem, program_of
from tests.support.shop import Shop

from tallystick.client.hosted_pages import Buyer, WalkRefusedError, authorize

PREPAID = {"kind": "prepaid", "limit": "25.00", "description": "API credits", "return_url": "https://shop.example/back"}
TAB = {**PREPAID, "kind": "postpaid", "total_limit": "60.00"}


def somebody() -> Buyer:
    return Buyer(f"{secrets.token_hex(8)}@buyer.example", "correct horse battery", "Ada")


async def agree(program: Program, url: str, buyer: Buyer | None = None) -> dict[str, list[str]]:
    """A buyer agrees on the pages, paying by card; the parameters of the way back."""
    back = await authorize(url, buyer or somebody(), "CC", connect_to=program.shop.url)
    return parse_qs(urlsplit(back).query)


async def test_a_balance_that_a_buyer_agreed_to_has_the_id_that_was_told(program: Program) -> None:
    asked = await program.post("/v1/authorizations", PREPAID, "wallet-1")
    assert (asked["object"], asked["kind"], asked["status"]) == ("authorization", "prepaid", "pending")
    assert (asked["limit"], asked["available"], asked["idempotency_key"]) == ("25.000000", None, "wallet-1")
    assert await program.get(f"/v1/authorizations/{asked['id']}") == asked
    charge = {"authorization": asked["id"], "amount": "1.00"}
    await program.problem("/v1/charges", charge, 404, "authorization_not_found")

    back = await agree(program, asked["url"])
    assert back["prepaidInstrumentID"] == [asked["id"]]
    active = await program.get(f"/v1/authorizations/{asked['id']}")
    assert (active["status"], active["url"], active["balance"]) == ("active", None, "0.000000")
    top_up = await program.post("/v1/top_ups", {"authorization": asked["id"], "amount": "10.00"})
    assert (await program.get(f"/v1/authorizations/{asked['id']}"))["pending"] == "10.000000"
    await program.shop.rail_answers()
    assert (await program.get(f"/v1/top_ups/{top_up['id']}"))["status"] == "succeeded"
    await program.post("/v1/charges", {"authorization": asked["id"], "amount": "0.25"}, "job-17")
    found = await program.get(f"/v1/authorizations/{asked['id']}")
    assert (found["balance"], found["available"]) == ("9.750000", "9.750000")


async def test_a_buyer_of_the_command_line_pays_with_a_test_number_that_declines(program: Program) -> None:
    asked, buyer = await program.post("/v1/authorizations", PREPAID), somebody()
    nobodys = authorize(asked["url"], buyer, "CC", connect_to=program.shop.url, number="4111 1111 1111 1111")
    with pytest.raises(WalkRefusedError, match="test number"):
        await nobodys
    await agree(program, asked["url"], buyer)
    again = await program.post("/v1/authorizations", PREPAID)
    back = await authorize(again["url"], buyer, "CC", connect_to=program.shop.url, number="4000 0000 0000 9995")
    assert parse_qs(urlsplit(back).query)["status"] == ["SC"]

    outcomes = []
    for authorization in (asked, again):
        top_up = await program.post("/v1/top_ups", {"authorization": authorization["id"], "amount": "10.00"})
        await program.shop.rail_answers()
        outcomes.append((await program.get(f"/v1/top_ups/{top_up['id']}"))["status"])
    assert outcomes == ["succeeded", "failed"], "the second card was chosen, though there was one already"


async def test_a_tab_is_agreed_to_and_charged(program: Program) -> None:
    asked = await program.post("/v1/authorizations", {**TAB, "expires_at": "2031-01-01T00:00:00Z"})
    assert (asked["total_limit"], asked["expires_at"]) == ("60.000000", "2031-01-01T00:00:00.000000Z")
    back = await agree(program, asked["url"])
    assert back["creditInstrumentID"] == [asked["id"]]
    await program.post("/v1/charges", {"authorization": asked["id"], "amount": "20.00"})
    found = await program.get(f"/v1/authorizations/{asked['id']}")
    assert (found["owed"], found["available"], found["balance"]) == ("20.000000", "5.000000", None)
    assert found["expires_at"] == asked["expires_at"]


async def test_the_same_request_is_the_same_authorization(program: Program) -> None:
    asked = await program.post("/v1/authorizations", PREPAID, "once")
    again = await program.send("POST", "/v1/authorizations", key="once", json=PREPAID)
    assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")
    assert again.json() == asked
    other = {**PREPAID, "limit": "26.00"}
    await program.problem("/v1/authorizations", other, 409, "idempotency_conflict", "once")
    await agree(program, asked["url"])
    later = await program.send("POST", "/v1/authorizations", key="once", json=PREPAID)
    assert (later.json()["id"], later.json()["status"]) == (asked["id"], "active")


async def test_only_the_first_who_agrees_gets_the_authorization(program: Program) -> None:
    asked = await program.post("/v1/authorizations", PREPAID)
    first = await agree(program, asked["url"])
    second = await agree(program, asked["url"])
    assert first["status"] == ["SC"]
    assert second["status"] == ["CE"]
    assert (await program.get(f"/v1/authorizations/{asked['id']}"))["status"] == "active"


async def test_a_reference_of_the_query_api_is_taken_here_too(program: Program) -> None:
    asked = await program.post("/v1/authorizations", PREPAID, "token-name")
    await agree(program, asked["url"])
    found = await program.shop.done("GetTokenByCaller", {"CallerReference": "token-name"})
    assert found.value("Token/CallerReference") == "token-name"


async def test_what_the_pages_would_refuse_is_refused_at_once(program: Program) -> None:
    for change, code, field in (
        ({"kind": "gift"}, "invalid_request", "kind"),
        ({"kind": "payment"}, "missing_field", "use"),
        ({"use": "single"}, "invalid_request", "use"),
        ({"return_url": "no address"}, "invalid_request", "return_url"),
        ({"return_url": "ftp://shop.example/"}, "invalid_request", "return_url"),
        ({"limit": "0"}, "invalid_request", "limit"),
        ({"total_limit": "9.00"}, "invalid_request", "total_limit"),
        ({"kind": "postpaid"}, "missing_field", "total_limit"),
        ({"expires_at": "tomorrow"}, "invalid_request", "expires_at"),
    ):
        problem = await program.problem("/v1/authorizations", {**PREPAID, **change}, 400, code)
        assert problem["field"] == field
    past = await program.problem(
        "/v1/authorizations", {**PREPAID, "expires_at": "2001-01-01T00:00:00Z"}, 400, "invalid_request"
    )
    assert "validityExpiry" in past["detail"]


async def test_authorizations_are_chosen_by_what_became_of_them_by_buyer_and_by_time(program: Program) -> None:
    shop = program.shop
    coming, over, ended, running = [
        await program.post("/v1/authorizations", {**PREPAID, **more})
        for more in (
            {"starts_at": moment_in(shop, days=60)},
            {},
            {"expires_at": moment_in(shop, days=20)},
            {"expires_at": moment_in(shop, days=300)},
        )
    ]
    buyer = await played(program, coming["id"])
    await played(program, over["id"], buyer)
    for asked in (ended, running):
        await played(program, asked["id"])
    await program.send("POST", f"/v1/authorizations/{over['id']}/cancel", json={})
    assert (await program.send("POST", "/v1/sandbox/clock", json={"by": "1 Month"})).status_code == 200
    last = await program.post("/v1/authorizations", TAB)
    other = await played(program, last["id"])

    async def chosen(**query: str) -> list[str]:
        return [one["id"] for one in (await program.get("/v1/authorizations", **query))["data"]]

    whole = await chosen()
    statuses = {an_id: (await program.get(f"/v1/authorizations/{an_id}"))["status"] for an_id in whole}
    assert len(whole) == 5
    assert set(statuses.values()) == {"not_yet_active", "active", "expired", "cancelled"}
    for status in set(statuses.values()):
        assert await chosen(status=status) == [an_id for an_id in whole if statuses[an_id] == status]
    assert await chosen(status="active", kind="postpaid") == [last["id"]]
    of_buyer = [an_id for an_id in whole if an_id in {coming["id"], over["id"]}]
    assert await chosen(buyer=buyer.upper()) == of_buyer
    assert await chosen(buyer=buyer, status="cancelled") == [over["id"]]
    assert await chosen(buyer=buyer, kind="postpaid") == await chosen(buyer="nobody@example.org") == []
    assert await chosen(buyer=other) == [last["id"]]
    made = (await program.get(f"/v1/authorizations/{last['id']}"))["created_at"]
    assert await chosen(created_after=made) == [last["id"]]
    assert await chosen(created_before=made) == whole[1:]
    assert await chosen(created_before=made, status="active") == [running["id"]]
    for query in ({"status": "used"}, {"status": "pending"}, {"created_after": "today"}, {"buyer": "a" * 255}):
        problem = as_problem(await program.send("GET", "/v1/authorizations", params=query))
        assert [problem["field"]] == [*query]


async def test_a_cancelled_authorization_is_charged_no_more(program: Program) -> None:
    shop = program.shop
    prepaid, tab = await shop.books.funded_buyer("10.00"), await shop.books.postpaid_buyer()
    await shop.books.deposit(tab, "20.00")
    await program.post("/v1/charges", {"authorization": tab.instrument, "amount": "3.00"})
    for buyer in (prepaid, tab):
        for _ in range(2):
            answer = await program.send("POST", f"/v1/authorizations/{buyer.instrument}/cancel")
            assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
            assert answer.json()["available"] == "0.000000"
        charge = {"authorization": buyer.instrument, "amount": "1.00"}
        await program.problem("/v1/charges", charge, 422, "authorization_not_active")
    top_up = {"authorization": prepaid.instrument, "amount": "1.00"}
    await program.problem("/v1/top_ups", top_up, 422, "authorization_not_active")
    settled = await program.post("/v1/settlements", {"authorization": tab.instrument, "amount": "3.00"})
    assert settled["status"] == "succeeded"
    token = await shop.books.sender_token()
    answer = await program.send("POST", f"/v1/authorizations/{token.spending}/cancel")
    assert (answer.json()["kind"], answer.json()["status"]) == ("payment", "cancelled")


async def test_who_cancels_at_the_same_time_hears_the_same(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    path = f"/v1/authorizations/{buyer.instrument}/cancel"
    answers = await asyncio.gather(*(program.send("POST", path) for _ in range(6)))
    assert [(answer.status_code, answer.json().get("status")) for answer in answers] == [(200, "cancelled")] * 6


async def test_an_authorization_that_has_not_changed_is_not_sent_again(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    path = f"/v1/authorizations/{buyer.instrument}"
    first = await program.send("GET", path)
    tag = first.headers["etag"]
    same = await program.send("GET", path, headers={"if-none-match": f'"other", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    for known in (f"W/{tag}", "*"):  # as behind a proxy that compresses; and of whoever has any
        assert (await program.send("GET", path, headers={"if-none-match": known})).status_code == 304
    assert (await program.send("GET", path, headers={"if-none-match": 'W/"other"'})).status_code == 200
    await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "1.00"})
    changed = await program.send("GET", path, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_authorizations_are_listed_page_by_page(program: Program) -> None:
    books = program.shop.books
    made = []
    for _ in range(3):
        made.append((await books.prepaid_buyer()).instrument)
        program.shop.clock.forward(seconds=1)
    tab = (await books.postpaid_buyer()).instrument
    await program.post("/v1/authorizations", PREPAID)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await program.get("/v1/authorizations", limit="2", **cursor)
        seen += [one["id"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [tab, *reversed(made)]
    of_kind = await program.get("/v1/authorizations", kind="postpaid")
    assert [one["id"] for one in of_kind["data"]] == [tab]
    assert of_kind["data"][0] == await program.get(f"/v1/authorizations/{tab}")
    wrong = as_problem(await program.send("GET", "/v1/authorizations", params={"cursor": "x"}))
    assert (wrong["status"], wrong["field"]) == (400, "cursor")


async def test_those_of_other_sellers_are_not_found(program: Program, open_shop: OpenShop) -> None:
    other = await open_shop()
    theirs = await program_of(other)
    asked = await theirs.post("/v1/authorizations", PREPAID)
    buyer = await other.books.funded_buyer("10.00")
    token = await other.books.sender_token()
    for an_id in (asked["id"], buyer.instrument, token.spending):
        answer = await program.send("GET", f"/v1/authorizations/{an_id}")
        assert as_problem(answer)["code"] == "authorization_not_found"
        answer = await program.send("POST", f"/v1/authorizations/{an_id}/cancel")
        assert as_problem(answer)["code"] == "authorization_not_found"


async def test_a_clock_of_the_sandbox_goes_forward(program: Program) -> None:
    before: dict[str, Any] = await program.get("/v1/sandbox/clock")
    answer = await program.send("POST", "/v1/sandbox/clock", json={"by": "3 Days"})
    assert answer.status_code == 200
    assert answer.json()["ahead_seconds"] == before["ahead_seconds"] + 3 * 24 * 3600
    problem = as_problem(await program.send("POST", "/v1/sandbox/clock", json={"by": "soon"}))
    assert (problem["status"], problem["field"]) == (400, "by")
    problem = as_problem(await program.send("POST", "/v1/sandbox/clock", json={"by": "9999 Years"}))
    assert (problem["status"], problem["code"]) == (422, "clock_too_far_ahead")
    noted = await program.shop.service.pool.fetchval(
        "SELECT details FROM audit_entry WHERE business_id = $1 AND action = 'clock.forward'",
        program.shop.key.party_id,
    )
    assert f"key {program.shop.key.access_key_id}" in str(noted)


async def test_what_expired_by_the_clock_is_charged_no_more(program: Program) -> None:
    shop: Shop = program.shop
    asked = await program.post("/v1/authorizations", {**TAB, "expires_at": moment_in(shop, days=30)})
    await agree(program, asked["url"])
    await program.send("POST", "/v1/sandbox/clock", json={"by": "2 Months"})
    found = await program.get(f"/v1/authorizations/{asked['id']}")
    assert (found["status"], found["available"]) == ("expired", "0.000000")
    charge = {"authorization": asked["id"], "amount": "1.00"}
    problem = await program.problem("/v1/charges", charge, 422, "authorization_expired")
    assert problem["fps_code"] == "InstrumentExpired"


def moment_in(shop: Shop, *, days: int) -> str:
    return f"{shop.clock() + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
