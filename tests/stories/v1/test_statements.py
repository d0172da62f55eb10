"""Statements of balances and tabs: which months there are, and what one says."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from tests.stories.conftest import OpenShop
from tests.stories.v1.causes.good_requests import asked_for, played
from tests.stories.v1.conftest import Program, as_problem

from tallystick.services.buyer.months import Month
from tallystick.services.operations.audit import Actor
from tallystick.services.reports import statements as reports
from tallystick.services.seller.manual_operations import context_with_book
from tallystick.web.v1.consent.statements import statement_object


async def month_of(program: Program) -> Month:
    """The present one of the books."""
    return Month.parse((await program.get("/v1/sandbox/clock"))["now"][:7]) or Month(2000, 1)


async def a_month_later(program: Program) -> None:
    answer = await program.send("POST", "/v1/sandbox/clock", json={"by": "1 Month"})
    assert answer.status_code == 200, answer.text


async def statements(program: Program, limit: int = 25, **query: str) -> list[tuple[str, str]]:
    """Authorization and month of each, page by page."""
    found: list[tuple[str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await program.get("/v1/statements", limit=str(limit), **query, **cursor)
        assert len(page["data"]) <= limit
        found += [(one["authorization"], one["month"]) for one in page["data"]]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def statement(program: Program, authorization: str, month: Month, **query: str) -> dict[str, Any]:
    return await program.get(f"/v1/statements/stm_{authorization}_{month.text}", **query)


async def test_a_tab_begins_a_month_with_what_it_ended_the_one_before(program: Program) -> None:
    tab = await program.shop.books.postpaid_buyer("100.00")
    body = {"authorization": tab.instrument, "description": "A song"}
    first = await month_of(program)
    charges = [await program.post("/v1/charges", {**body, "amount": amount}) for amount in ("5.00", "3.00")]
    await program.post(f"/v1/charges/{charges[0]['id']}/refund", {"amount": "1.00"})
    await a_month_later(program)
    second = await month_of(program)
    await program.post("/v1/charges", {**body, "amount": "2.00"})
    await program.shop.books.deposit(tab, "10.00")
    await program.post("/v1/settlements", {"authorization": tab.instrument, "amount": "4.00"})

    old = await statement(program, tab.instrument, first, expand="lines")
    new = await statement(program, tab.instrument, second)

    assert (old["object"], old["kind"], old["status"], old["month"]) == ("statement", "postpaid", "final", first.text)
    assert (old["opening"], old["closing"], old["due"]) == ("0.000000", "7.000000", "3.000000")
    assert old["totals"] == [
        {"type": "charge", "count": 2, "change": "8.000000"},
        {"type": "refund", "count": 1, "change": "-1.000000"},
    ]
    assert [(line["transaction"], line["description"], line["balance"]) for line in old["lines"][:2]] == [
        (charges[0]["id"], "A song", "5.000000"),
        (charges[1]["id"], "A song", "8.000000"),
    ]
    assert (old["lines"][2]["type"], old["lines"][2]["change"]) == ("refund", "-1.000000")
    assert old["lines_by_day"] is False
    assert (new["status"], new["opening"], new["closing"]) == ("open", "7.000000", "5.000000")
    assert new["due"] == "5.000000", "what came in is for the month before: 3 of it and 2 of this one"
    assert (new["lines"], new["lines_by_day"], new["complete"]) == (None, None, True)
    assert {one["type"]: one["change"] for one in new["totals"]} == {"charge": "2.000000", "settlement": "-4.000000"}
    assert old["ends_at"] == new["starts_at"] == f"{second.text}-01T00:00:00.000000Z"


async def test_a_balance_owes_nothing(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "0.25"})
    found = await statement(program, buyer.instrument, await month_of(program))
    assert (found["kind"], found["opening"], found["closing"], found["due"]) == (
        "prepaid",
        "0.000000",
        "9.750000",
        None,
    )
    assert {one["type"]: one["change"] for one in found["totals"]} == {"top_up": "10.000000", "charge": "-0.250000"}


async def agreed(program: Program, kind: str) -> str:
    """A balance or tab that a buyer who is played has just agreed to, by the clock of the books."""
    wanted = str((await asked_for(program, kind))["id"])
    await played(program, wanted)
    return wanted


async def test_the_latest_months_are_listed_first(program: Program, open_shop: OpenShop) -> None:
    one, over = await agreed(program, "prepaid"), await agreed(program, "prepaid")
    first = await month_of(program)
    assert (await program.send("POST", f"/v1/authorizations/{over}/cancel", json={})).status_code == 200
    await a_month_later(program)
    tab = await agreed(program, "postpaid")
    await a_month_later(program)
    second, third = first.next, first.next.next
    there = {one: (first, third), over: (first, first), tab: (second, third)}
    newest = [found["id"] for found in (await program.get("/v1/authorizations"))["data"]]
    expected = [
        (name, month.text)
        for month in (third, second, first)
        for name in newest
        if there[name][0] <= month <= there[name][1]
    ]
    assert len(expected) == 6

    for limit in (1, 2, 3, 4, 25):
        assert await statements(program, limit) == expected, limit
    assert await statements(program, authorization=one) == [pair for pair in expected if pair[0] == one]
    assert await statements(program, 1, authorization=one) == [pair for pair in expected if pair[0] == one]
    assert await statements(program, month=first.text) == expected[4:]
    assert await statements(program, 1, month=second.text) == expected[2:4]
    assert await statements(program, month=second.text, authorization=tab) == [(tab, second.text)]
    assert await statements(program, month=third.next.text) == []
    assert await statements(program, month=third.next.text, authorization=tab) == []
    assert await statements(program, month=first.text, authorization=tab) == []
    listed = (await program.get("/v1/statements", authorization=tab, limit="1"))["data"][0]
    known = await program.get(f"/v1/statements/{listed['id']}")
    assert listed == {name: known[name] for name in listed} | {"object": "statement_month"}

    stranger = Program(await open_shop(), program.secret)
    theirs = (await stranger.shop.books.funded_buyer("10.00")).instrument
    assert await statements(program, authorization=theirs) == []
    assert (await program.send("GET", f"/v1/statements/stm_{theirs}_{third.text}")).status_code == 404


async def test_statements_that_there_are_not(program: Program) -> None:
    books = program.shop.books
    one, token = (await books.funded_buyer("10.00")).instrument, (await books.sender_token()).spending
    month = await month_of(program)
    for name in (
        f"stm_{one}_{month.next.text}",
        f"stm_{one}_{month.previous.text}",
        f"stm_{one}_2026-13",
        f"stm_{token}_{month.text}",
        f"stx_{one}_{month.text}",
        f"stm_{one}",
        one,
        "stm__",
    ):
        problem = as_problem(await program.send("GET", f"/v1/statements/{name}"))
        assert (problem["status"], problem["code"]) == (404, "statement_not_found"), name
    assert (await program.get("/v1/statements", authorization=token))["data"] == []
    for query, field in (
        ({"month": "2026-13"}, "month"),
        ({"month": "2026-1"}, "month"),
        ({"cursor": "stm_x_2026-11"}, "cursor"),
        ({"cursor": one}, "cursor"),
        ({"authorization": "x"}, "authorization"),
    ):
        problem = as_problem(await program.send("GET", "/v1/statements", params=query))
        assert (problem["status"], problem["code"], problem["field"]) == (400, "invalid_request", field)


async def test_a_busy_month_has_a_line_for_each_day_and_type(program: Program) -> None:
    shop, tab = program.shop, await program.shop.books.postpaid_buyer("100.00")
    paid = [await program.post("/v1/charges", {"authorization": tab.instrument, "amount": "0.01"}) for _ in range(5)]
    await program.post(f"/v1/charges/{paid[0]['id']}/refund", {})
    books = await context_with_book(shop.service, Actor.command("test"), shop.books.party_id, shop.books.book_id)
    assert books is not None
    found = await reports.find(books, tab.instrument, await month_of(program), 5, partial(asyncio.sleep, 0))
    assert found is not None
    shown = statement_object(books, found, with_lines=True)
    assert shown["lines_by_day"] is True
    assert [(line["transaction"], line["type"], line["count"], line["balance"]) for line in shown["lines"]] == [
        (None, "charge", 5, "0.050000"),
        (None, "refund", 1, "0.040000"),
    ]
    assert shown["closing"] == "0.040000"
