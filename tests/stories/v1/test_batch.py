"""Many charges in one request of JSON: each for itself, with the rules and the keys of single ones."""

from __future__ import annotations

from typing import Any

from tests.stories.conftest import OpenShop
from tests.stories.v1.conftest import Program, as_object, as_problem, program_of
from tests.support.shop import usd

from tallystick.domain.commands import LimitTerms
from tallystick.domain.limits import LimitKind
from tallystick.domain.scopes import EVERYTHING, KeyScope
from tallystick.services.charges import charge_rules
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.manual_operations import context_with_book
from tallystick.web.v1.charging.batch import MOST

BATCH = "/v1/charges/batch"


async def charged(program: Program, charges: list[dict[str, str]]) -> dict[str, Any]:
    answer = await program.send("POST", BATCH, json={"charges": charges})
    assert answer.status_code == 200, answer.text
    return as_object(answer)


async def test_each_charge_is_done_or_refused_by_itself(program: Program, open_shop: OpenShop) -> None:
    books = program.shop.books
    balance, tab = await books.funded_buyer("2.00"), await books.postpaid_buyer("100.00")
    token = await books.sender_token()
    await books.deposit(token, "5.00")
    theirs = await (await open_shop()).books.funded_buyer("10.00")
    named = [balance.instrument, tab.instrument, balance.instrument, token.spending, theirs.instrument, "no id"]
    charges = [
        {"idempotency_key": f"b-{number}", "authorization": one, "amount": "1.50", "note": "night run"}
        for number, one in enumerate(named)
    ]
    charges.append({**charges[1], "idempotency_key": " "})
    done = await charged(program, charges)
    assert (done["succeeded"], done["refused"]) == (3, 4)
    results = done["results"]
    assert [one["idempotency_key"] for one in results] == [one["idempotency_key"] for one in charges]
    assert [one["problem"] and one["problem"]["code"] for one in results] == [
        None,
        None,
        "insufficient_balance",
        None,
        "authorization_not_found",
        "invalid_request",
        "invalid_request",
    ]
    above = results[2]["problem"]
    told = [above[name] for name in ("field", "limit", "available", "largest_amount")]
    assert told == ["amount", "25.000000", "0.500000", "0.500000"]
    assert await program.shop.balance(balance) == usd("0.50")
    found = await program.get(f"/v1/charges/{results[1]['id']}")
    assert (found["authorization"], found["note"], found["idempotency_key"]) == (tab.instrument, "night run", "b-1")


async def test_a_charge_and_one_of_a_batch_are_one_under_one_key(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    body = {"authorization": buyer.instrument, "amount": "1.00"}
    single = await program.post("/v1/charges", body, "job-1")
    same = {**body, "idempotency_key": "job-1", "amount": "1"}
    done = await charged(program, [same, {**same, "amount": "2.00"}, {**body, "idempotency_key": "job-2"}])
    first, other, new = done["results"]
    assert (first["id"], first["replayed"], first["status"]) == (single["id"], True, "succeeded")
    assert (other["problem"]["code"], other["problem"]["transaction"]) == ("idempotency_conflict", single["id"])
    assert not new["replayed"]
    again = await charged(program, [{**body, "idempotency_key": "job-2"}] * 2)
    assert [(one["id"], one["replayed"]) for one in again["results"]] == [(new["id"], True)] * 2
    assert await program.shop.balance(buyer) == usd("8.00")


async def test_a_batch_that_cannot_be_read_does_nothing(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    good = {"idempotency_key": "k", "authorization": buyer.instrument, "amount": "1.00"}
    for body, code, field in (
        ({"charges": [good, {**good, "amount": 1}]}, "invalid_request", "charges[1].amount"),
        ({"charges": [good, {**good, "sum": "1"}]}, "unknown_field", "charges[1].sum"),
        ({"charges": [good, {"amount": "1.00"}]}, "missing_field", "charges[1].idempotency_key"),
        ({"charges": []}, "invalid_request", "charges"),
        ({"charges": [good] * (MOST + 1)}, "invalid_request", "charges"),
        ({}, "missing_field", "charges"),
    ):
        problem = as_problem(await program.send("POST", BATCH, json=body))
        assert (problem["status"], problem["code"], problem["field"]) == (400, code, field)
    assert await program.shop.balance(buyer) == usd("10.00")


async def test_a_batch_counts_as_many_calls_and_needs_the_scope(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    charges = [
        {"idempotency_key": f"r-{number}", "authorization": buyer.instrument, "amount": "0.10"} for number in range(30)
    ]
    slow = await program_of(program.shop, calls_per_second=5)
    refused = await slow.send("POST", BATCH, json={"charges": charges})
    assert as_problem(refused)["code"] == "too_many_requests"
    reader = await program_of(program.shop, scopes=(EVERYTHING & ~KeyScope.CHARGE).value)
    assert (await reader.send("POST", BATCH, json={"charges": charges})).status_code == 403
    assert await program.shop.balance(buyer) == usd("10.00")


async def test_a_refused_line_says_what_would_pass_as_a_single_charge_does(program: Program) -> None:
    books = program.shop.books
    limits = (LimitTerms(LimitKind.AMOUNT, usd("3.00"), None),)
    balance, tab = await books.funded_buyer("2.00"), await books.postpaid_buyer("100.00", limits=limits)
    token = await books.sender_token(limits=limits)
    await books.deposit(token, "50.00")
    context = await context_with_book(program.shop.service, Actor.command("test"), books.party_id, books.book_id)
    assert context is not None
    await charge_rules.set_smallest_charge(context, 500)
    refused = [
        {"authorization": one, "amount": amount}
        for one, amount in (
            *((one, "20.00") for one in (balance.instrument, tab.instrument, token.spending)),
            (balance.instrument, "0.0004"),
            (token.spending, "0.001"),
        )
    ]
    singles = [as_problem(await program.send("POST", "/v1/charges", key="k", json=body)) for body in refused]
    done = await charged(program, [{**body, "idempotency_key": f"r-{n}"} for n, body in enumerate(refused)])
    for single, result in zip(singles, done["results"], strict=True):
        del single["request_id"]
        assert result["problem"] == single
    assert [one.get("largest_amount") for one in singles] == ["2.000000", "3.000000", "3.000000", None, None]
    assert [one.get("smallest_amount") for one in singles] == [*[None] * 3, "0.000500", None]
