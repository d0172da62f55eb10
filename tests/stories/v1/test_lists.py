"""Lists in pages, their filters; the account and its keys."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import httpx
from tests.stories.conftest import OpenShop
from tests.stories.v1.conftest import Program, as_problem
from tests.support.schemas import CHECKED
from tests.support.shop import usd

from tallystick.services.api.fair_shares import FairShares
from tallystick.services.api.read_budget import MOST_OF_A_FLOW, READS_AT_A_TIME
from tallystick.services.events import authorizations
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.manual_operations import context_with_book
from tallystick.wiring import asgi_app

if TYPE_CHECKING:
    from tallystick.db.connections import Pool


async def test_pages_follow_each_other_newest_first(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    made = [
        (await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": f"0.{number}"}))["id"]
        for number in range(1, 6)
    ]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    pages = 0
    while True:
        page = await program.get("/v1/charges", limit="2", **cursor)
        assert page["object"] == "list"
        seen += [one["id"] for one in page["data"]]
        pages += 1
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == sorted(made, reverse=True)
    assert pages == 3


async def test_of_one_key_only_so_many_lists_wait(program: Program) -> None:
    shop = program.shop
    service = replace(shop.service, calls=FairShares(alone=100_000, together=16, least=4))
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(asgi_app(service)), **CHECKED) as client,
        AsyncExitStack() as stack,
    ):
        asking = replace(program, shop=replace(shop, client=client))
        for number in range(READS_AT_A_TIME):
            await stack.enter_async_context(service.reads.turn("somebody", number))
        lists = [asyncio.create_task(asking.get("/v1/charges")) for _ in range(MOST_OF_A_FLOW)]
        async with asyncio.timeout(60):
            while service.reads.waiting < MOST_OF_A_FLOW:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.01)
        refused = await asking.send("GET", "/v1/transactions")
        await stack.aclose()
        assert [page["data"] for page in await asyncio.gather(*lists)] == [[]] * MOST_OF_A_FLOW
    problem = as_problem(refused)
    assert (problem["status"], problem["code"]) == (429, "too_many_requests")
    assert 1 <= problem["retry_after"] == int(refused.headers["retry-after"]) <= 30


async def test_filters_leave_out_the_rest(program: Program) -> None:
    shop = program.shop
    one, other = await shop.books.funded_buyer("10.00"), await shop.books.postpaid_buyer()
    charge = await program.post("/v1/charges", {"authorization": one.instrument, "amount": "1.00"})
    tab = await program.post("/v1/charges", {"authorization": other.instrument, "amount": "1.00"})
    await program.post(f"/v1/charges/{charge['id']}/refund", {})
    of_one = await program.get("/v1/transactions", authorization=one.instrument)
    assert sorted(found["object"] for found in of_one["data"]) == ["charge", "refund", "top_up"]
    assert (await program.get("/v1/transactions", type="refund"))["data"] == (await program.get("/v1/refunds"))["data"]
    assert {found["id"] for found in (await program.get("/v1/charges"))["data"]} == {charge["id"], tab["id"]}
    assert (await program.get("/v1/charges", status="failed"))["data"] == []
    assert len((await program.get("/v1/charges", status="succeeded"))["data"]) == 2
    assert (await program.get("/v1/charges", created_before=charge["created_at"]))["data"] == []
    assert len((await program.get("/v1/charges", created_after=charge["created_at"]))["data"]) == 2
    token = await shop.books.sender_token()
    await shop.books.deposit(token, "5.00")
    direct = await program.post("/v1/charges", {"authorization": token.spending, "amount": "2.00"})
    of_token = await program.get("/v1/charges", authorization=token.spending)
    assert [found["id"] for found in of_token["data"]] == [direct["id"]]


async def test_a_list_shows_what_a_single_one_shows(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    charge = await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "1.00", "note": "n"})
    assert (await program.get("/v1/charges"))["data"] == [charge]


async def test_nothing_of_others_is_listed(program: Program, open_shop: OpenShop) -> None:
    other = await open_shop()
    buyer = await other.books.funded_buyer("10.00")
    await other.pay(buyer, "1.00")
    for path in ("/v1/transactions", "/v1/charges"):
        assert await program.get(path) == {"object": "list", "data": [], "next_cursor": None}
        found = await program.get(path, authorization=buyer.instrument)
        assert found["data"] == []


async def test_what_a_filter_takes_is_checked(program: Program) -> None:
    for query, code, field in (
        ({"limit": "0"}, "invalid_request", "limit"),
        ({"limit": "101"}, "invalid_request", "limit"),
        ({"limit": "many"}, "invalid_request", "limit"),
        ({"cursor": "nonsense"}, "invalid_request", "cursor"),
        ({"status": "Success"}, "invalid_request", "status"),
        ({"created_after": "yesterday"}, "invalid_request", "created_after"),
        ({"authorization": "x"}, "invalid_request", "authorization"),
        ({"autorization": "x"}, "unknown_field", "autorization"),
    ):
        problem = as_problem(await program.send("GET", "/v1/charges", params=query))
        assert (problem["status"], problem["code"], problem["field"]) == (400, code, field)
    assert "Did you mean authorization?" in problem["detail"]
    twice = as_problem(await program.send("GET", "/v1/charges?limit=1&limit=2"))
    assert (twice["status"], twice["field"]) == (400, "limit")


async def test_the_account_tells_cash_liability_and_debt(program: Program) -> None:
    shop = program.shop
    prepaid, tab = await shop.books.funded_buyer("10.00"), await shop.books.postpaid_buyer()
    await program.post("/v1/charges", {"authorization": prepaid.instrument, "amount": "4.00"})
    await program.post("/v1/charges", {"authorization": tab.instrument, "amount": "3.00"})
    account = await program.get("/v1/account")
    assert (account["object"], account["environment"], account["currency"]) == ("account", "sandbox", "USD")
    assert usd(account["cash"]["balance"]) == await shop.cash()
    assert account["prepaid_liability"] == {"balance": "6.000000", "pending": "0.000000"}
    assert account["debt"] == {"balance": "3.000000", "pending": "0.000000"}


async def test_keys_are_listed_without_their_secrets(program: Program) -> None:
    answer = await program.send("GET", "/v1/keys")
    keys = {key["id"]: key for key in answer.json()["data"]}
    own = keys[program.shop.key.access_key_id]
    assert (own["object"], own["usable"], own["revoked_at"]) == ("key", True, None)
    assert "charge" in own["scopes"]
    assert program.shop.key.secret not in answer.text
    assert program.secret not in answer.text


async def test_amounts_bound_a_list_on_both_sides(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    amounts = ("0.999999", "1.000000", "2.000000", "2.000001")
    made = {
        amount: (await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": amount}))["id"]
        for amount in amounts
    }
    for bounds, wanted in (
        ({"amount_min": "1.00", "amount_max": "2.00"}, amounts[1:3]),
        ({"amount_min": "2"}, amounts[2:]),
        ({"amount_max": "0.999999"}, amounts[:1]),
        ({"amount_min": "3.00", "amount_max": "2.00"}, ()),
    ):
        found = await program.get("/v1/charges", authorization=buyer.instrument, **bounds)
        assert [one["id"] for one in found["data"]] == [made[amount] for amount in reversed(wanted)]
    problem = as_problem(await program.send("GET", "/v1/charges", params={"amount_min": "-1"}))
    assert (problem["code"], problem["field"]) == ("invalid_request", "amount_min")


async def test_expand_puts_objects_in_the_place_of_their_ids(program: Program) -> None:
    shop = program.shop
    balance, tab = await shop.books.funded_buyer("10.00"), await shop.books.postpaid_buyer()
    token = await shop.books.sender_token()
    await shop.books.deposit(token, "5.00")
    held: list[str] = [balance.instrument, tab.instrument, token.spending]
    charges = [await program.post("/v1/charges", {"authorization": one, "amount": "1.00"}) for one in held]
    whole = {one: await program.get(f"/v1/authorizations/{one}") for one in held}

    page = await program.get("/v1/charges", expand="authorization")
    one = await program.get(f"/v1/charges/{charges[0]['id']}", expand="authorization")

    assert {found["id"]: found["authorization"] for found in page["data"]} == {
        charge["id"]: whole[held] for charge, held in zip(charges, held, strict=True)
    }
    assert one == {**charges[0], "authorization": whole[balance.instrument]}
    refund = await program.post("/v1/refunds", {"transaction": charges[0]["id"]})
    both = await program.get(f"/v1/refunds/{refund['id']}", expand="authorization,refunded_transaction")
    known = await program.get(f"/v1/charges/{charges[0]['id']}")
    assert both["refunded_transaction"] == known, "one level: what is in it are ids"
    assert both["authorization"] == await program.get(f"/v1/authorizations/{balance.instrument}")
    (listed,) = (await program.get("/v1/refunds", expand="refunded_transaction"))["data"]
    assert listed == {**refund, "refunded_transaction": known}
    of_all = (await program.get("/v1/transactions", expand="refunded_transaction"))["data"]
    assert [found["refunded_transaction"] for found in of_all if found["object"] == "charge"] == [None] * 3


async def test_many_authorizations_are_found_by_as_many_queries_as_one(program: Program) -> None:
    shop, seen = program.shop, list[str]()
    held: list[str] = [(await shop.books.funded_buyer("10.00")).instrument for _ in range(3)]
    held += [(await shop.books.postpaid_buyer()).instrument, (await shop.books.sender_token()).spending]
    books = await context_with_book(shop.service, Actor.command("test"), shop.books.party_id, shop.books.book_id)
    assert books is not None
    async with shop.service.pool.acquire() as connection:
        alone = replace(books, service=replace(shop.service, pool=cast("Pool", connection)))
        assert len(await authorizations.describe_all(alone, held)) == len(held)
        counts = []
        for wanted in ([held[0], held[-1]], held):
            seen.clear()
            with connection.query_logger(lambda query: seen.append(query.query)):
                assert (await authorizations.describe_all(alone, wanted)).keys() == set(wanted)
                await asyncio.sleep(0)  # loggers are called by the loop
            counts.append(len(seen))
    assert counts == [3, 3]


async def test_what_cannot_be_expanded_is_refused_with_what_was_meant(program: Program) -> None:
    for path, typed, meant in (
        ("/v1/charges", "authorisation", "Did you mean authorization?"),
        ("/v1/refunds", "authorization,refunded_transactions", "Did you mean refunded_transaction?"),
        ("/v1/charges", "buyer", "one of authorization"),
        ("/v1/refunds", "authorization,", "is empty"),
    ):
        problem = as_problem(await program.send("GET", path, params={"expand": typed}))
        assert (problem["status"], problem["field"].startswith("expand")) == (400, True)
        assert meant in problem["detail"]
    problem = as_problem(await program.send("GET", "/v1/payouts", params={"expand": "authorization"}))
    assert problem["code"] == "unknown_field"
