"""Reservations in JSON: held on a card, captured or released later."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.stories.v1.conftest import Program, as_object, as_problem

from tallystick.domain.commands import LimitTerms, Method
from tallystick.domain.limits import LimitKind


async def held(program: Program, amount: str = "10.00") -> dict[str, Any]:
    """A reservation that the rail has said yes to."""
    token = await program.shop.books.sender_token(Method.CC)
    asked = await program.post("/v1/reservations", {"authorization": token.spending, "amount": amount}, token.spending)
    assert (asked["object"], asked["status"]) == ("reservation", "pending")
    await program.shop.rail_answers()
    found = await program.get(f"/v1/reservations/{asked['id']}")
    assert (found["status"], found["authorization"]) == ("reserved", token.spending)
    return found


async def test_part_of_what_is_held_is_captured(program: Program) -> None:
    reservation = await held(program)
    path = f"/v1/reservations/{reservation['id']}"
    over = as_problem(await program.send("POST", f"{path}/capture", json={"amount": "10.01"}))
    assert (over["status"], over["code"]) == (422, "more_than_reserved")
    assert (over["field"], over["largest_amount"], over["limit"]) == ("amount", "10.000000", "10.000000")
    captured = as_object(await program.send("POST", f"{path}/capture", json={"amount": "4.00"}))
    assert captured["id"] == reservation["id"]
    await program.shop.rail_answers()
    found = await program.get(path)
    assert (found["status"], found["amount"]) == ("succeeded", "4.000000")
    again = as_problem(await program.send("POST", f"{path}/capture", json={"amount": "4.00"}))
    assert (again["status"], again["code"]) == (409, "transaction_not_in_this_state")
    back = await program.post("/v1/refunds", {"transaction": reservation["id"], "amount": "1.00"})
    assert back["refunded_transaction"] == reservation["id"]
    await program.shop.rail_answers()


async def test_what_is_held_is_let_go(program: Program) -> None:
    reservation = await held(program)
    path = f"/v1/reservations/{reservation['id']}"
    released = as_object(await program.send("POST", f"{path}/release", json={"note": "sold out"}))
    assert released["status"] == "cancelled"
    assert as_problem(await program.send("POST", f"{path}/capture", json={}))["status"] == 409
    listed = await program.get("/v1/reservations", status="cancelled")
    assert [one["id"] for one in listed["data"]] == [reservation["id"]]


async def test_who_captures_and_releases_at_the_same_time_does_one_of_both(program: Program) -> None:
    reservation = await held(program)
    path = f"/v1/reservations/{reservation['id']}"
    verbs = ("capture", "release") * 3
    answers = await asyncio.gather(*(program.send("POST", f"{path}/{verb}") for verb in verbs))
    (done,) = {verb for verb, answer in zip(verbs, answers, strict=True) if answer.status_code == 200}
    await program.shop.rail_answers()
    status = (await program.get(path))["status"]
    assert status == {"capture": "succeeded", "release": "cancelled"}[done]


async def test_the_same_reservation_is_made_once(program: Program) -> None:
    token = await program.shop.books.sender_token(Method.CC)
    body = {"authorization": token.spending, "amount": "10.00"}
    first = await program.post("/v1/reservations", body, "hold-1")
    again = await program.send("POST", "/v1/reservations", key="hold-1", json={**body, "amount": "10"})
    assert (again.status_code, again.headers["idempotent-replay"], again.json()["id"]) == (200, "true", first["id"])
    await program.problem("/v1/reservations", {**body, "amount": "10.01"}, 409, "idempotency_conflict", "hold-1")
    await program.shop.rail_answers()


async def test_a_problem_tells_what_the_limits_of_a_token_leave(program: Program) -> None:
    limits = (LimitTerms(LimitKind.AMOUNT, 20_000_000, None),)
    token = await program.shop.books.sender_token(Method.CC, limits=limits)
    for path in ("/v1/reservations", "/v1/charges"):
        body = {"authorization": token.spending, "amount": "20.01"}
        problem = await program.problem(path, body, 402, "authorization_limit_exceeded")
        assert (problem["field"], problem["largest_amount"]) == ("amount", "20.000000")


@pytest.mark.parametrize("kind", ["prepaid", "postpaid"])
async def test_balances_and_tabs_are_not_reserved_from(program: Program, kind: str) -> None:
    books = program.shop.books
    buyer = await (books.prepaid_buyer() if kind == "prepaid" else books.postpaid_buyer())
    body = {"authorization": buyer.instrument, "amount": "1.00"}
    problem = await program.problem("/v1/reservations", body, 422, "authorization_not_for_this")
    assert problem["field"] == "authorization"
