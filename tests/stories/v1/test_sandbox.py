"""A sandbox in JSON: a buyer who is played, kinds of payments, faults on order. Nothing but HTTP from key to charge."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from typing import Any

import pytest
from tests.stories.conftest import OpenShop
from tests.stories.v1.conftest import Program, as_object, as_problem, program_of

from tallystick.domain.environments import LIVE, SANDBOX
from tallystick.domain.scopes import EVERYTHING, KeyScope
from tallystick.services.charges import charge_rules
from tallystick.services.identity import account_opening
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.manual_operations import context_with_book

PREPAID = {"kind": "prepaid", "limit": "25.00", "return_url": "https://shop.example/back"}
PAYMENT = {"kind": "payment", "return_url": "https://shop.example/back"}


def address() -> str:
    return f"{secrets.token_hex(8)}@example.org"


async def agree(program: Program, authorization: dict[str, Any], **more: str) -> dict[str, Any]:
    """As a buyer who is played; the authorization as it is then."""
    body = {"authorization": authorization["id"], "buyer": address(), **more}
    answer = await program.send("POST", "/v1/sandbox/authorize", json=body)
    assert answer.status_code == 200, answer.text
    return as_object(answer)


async def test_ten_lines_from_an_authorization_to_what_is_left(program: Program) -> None:
    asked = {**PREPAID, "currency": "USD", "description": "API credits"}
    authorization = await program.post("/v1/authorizations", asked)
    assert authorization["url"].startswith("http")
    agreed = await agree(program, authorization, method="card")
    assert (agreed["id"], agreed["status"], agreed["payment_method"]) == (authorization["id"], "active", "card")
    top_up = await program.post("/v1/top_ups", {"authorization": authorization["id"], "amount": "10.00"})
    assert top_up["status"] == "pending"
    await program.shop.rail_answers()
    assert (await program.get(f"/v1/top_ups/{top_up['id']}"))["status"] == "succeeded"
    body = {"authorization": authorization["id"], "amount": "0.0025", "description": "1,000 tokens"}
    shop, sold = program.shop, program.shop.books
    books = await context_with_book(shop.service, Actor.command("test"), sold.party_id, sold.book_id)
    assert books is not None
    await charge_rules.set_smallest_charge(books, charge_rules.usual_smallest_charge(shop.service, SANDBOX))
    await program.post("/v1/charges", body, "job-17")
    assert (await program.get(f"/v1/authorizations/{authorization['id']}"))["available"] == "9.997500"


async def test_new_sandboxes_take_a_millionth_and_live_books_a_cent_unless_the_operator_said(program: Program) -> None:
    service = program.shop.service
    said = dataclasses.replace(service, settings=dataclasses.replace(service.settings, smallest_charge=500))
    for opening, sandbox, live in ((service, 1, 10_000), (said, 500, 500)):
        seller = await account_opening.open_business(opening, Actor.command("test"), "Shop", address(), None)
        book_id = await first_book_of(service, seller.party_id, SANDBOX)
        assert book_id is not None
        books = await context_with_book(service, Actor.command("test"), seller.party_id, book_id)
        assert books is not None
        assert (await charge_rules.find(books)).smallest_charge_micros == sandbox
        assert charge_rules.usual_smallest_charge(opening, LIVE) == live


async def test_what_was_agreed_to_has_begun_in_the_answer_however_long_that_took(program: Program) -> None:
    authorization = await program.post("/v1/authorizations", PREPAID)
    agreeing = asyncio.create_task(agree(program, authorization))
    while not agreeing.done():
        program.shop.clock.forward(seconds=1)
        await asyncio.sleep(0.01)
    assert (await agreeing)["status"] == "active"


async def test_who_is_played_agrees_once_and_hears_the_same_again(program: Program) -> None:
    authorization, buyer = await program.post("/v1/authorizations", PREPAID), address()
    first = await agree(program, authorization, buyer=buyer)
    assert await agree(program, authorization, buyer=buyer.upper()) == first
    other = {"authorization": authorization["id"], "buyer": address()}
    answer = await program.send("POST", "/v1/sandbox/authorize", json=other)
    assert (as_problem(answer)["status"], as_problem(answer)["code"]) == (409, "agreed_by_another")
    again = await agree(program, await program.post("/v1/authorizations", PREPAID), buyer=buyer)
    assert again["id"] != first["id"]
    cards = await program.shop.service.pool.fetchval(
        "SELECT count(*) FROM payment_method JOIN party USING (party_id) WHERE email = $1", buyer
    )
    assert cards == 1, "the card of the first time is there for the second"


@pytest.mark.parametrize(("method", "number"), [("bank_account", None), ("account_balance", None), ("card", "9995")])
async def test_who_is_played_pays_in_each_way(program: Program, method: str, number: str | None) -> None:
    authorization = await program.post("/v1/authorizations", PREPAID)
    more = {} if number is None else {"number": f"4000 0000 0000 {number}"}
    agreed = await agree(program, authorization, method=method, **more)
    assert agreed["payment_method"] == method
    if number is not None:
        top_up = await program.post("/v1/top_ups", {"authorization": agreed["id"], "amount": "10.00"})
        await program.shop.rail_answers()
        assert (await program.get(f"/v1/top_ups/{top_up['id']}"))["status"] == "failed"


async def test_what_is_agreed_to_is_kept_as_it_would_have_been_seen(program: Program) -> None:
    agreed = await agree(program, await program.post("/v1/authorizations", PREPAID))
    kept = await program.shop.service.pool.fetchrow(
        "SELECT wording, proved_by FROM authorization_evidence WHERE book_id = $1 AND authorization_id = $2",
        program.shop.books.book_id,
        agreed["id"],
    )
    assert kept is not None
    assert (kept["wording"]["figure"], kept["proved_by"]) == ("up to 25.00 USD", "password")


async def test_nobody_real_is_played(program: Program, open_shop: OpenShop) -> None:
    authorization = await program.post("/v1/authorizations", PREPAID)
    for buyer in ("ada@gmail.com", "ada@example.org.com", "ada@notexample.org", "example.org", "@example.org", "ada"):
        body = {"authorization": authorization["id"], "buyer": buyer}
        problem = as_problem(await program.send("POST", "/v1/sandbox/authorize", json=body))
        assert (problem["status"], problem["field"]) == (400, "buyer"), buyer
    for change, field in (
        ({"method": "account_balance", "number": "4242 4242 4242 4242"}, "number"),
        ({"number": "4111 1111 1111 1111"}, "number"),
        ({"authorization": "no id"}, "authorization"),
    ):
        body = {"authorization": authorization["id"], "buyer": address(), **change}
        problem = as_problem(await program.send("POST", "/v1/sandbox/authorize", json=body))
        assert (problem["status"], problem["field"]) == (400, field)
    theirs = await program_of(await open_shop())
    body = {"authorization": authorization["id"], "buyer": address()}
    answer = await theirs.send("POST", "/v1/sandbox/authorize", json=body)
    assert as_problem(answer)["code"] == "authorization_not_found"
    assert (await program.get(f"/v1/authorizations/{authorization['id']}"))["status"] == "pending"
    rights = (EVERYTHING & ~KeyScope.HOSTED_LINKS).value
    answer = await (await program_of(program.shop, scopes=rights)).send("POST", "/v1/sandbox/authorize", json=body)
    assert answer.status_code == 403


async def test_who_is_suspended_agrees_to_nothing(program: Program) -> None:
    buyer = address()
    await agree(program, await program.post("/v1/authorizations", PREPAID), buyer=buyer)
    await program.shop.service.pool.execute("UPDATE party SET status = 'suspended' WHERE email = $1", buyer)
    body = {"authorization": (await program.post("/v1/authorizations", PREPAID))["id"], "buyer": buyer}
    problem = as_problem(await program.send("POST", "/v1/sandbox/authorize", json=body))
    assert (problem["status"], problem["code"]) == (422, "buyer_cannot_agree")
    assert "suspended" in problem["detail"]


async def test_several_payments_within_limits(program: Program) -> None:
    asked = {
        **PAYMENT,
        "use": "multiple",
        "total_limit": "100.00",
        "amount": "40.00",
        "amount_rule": "maximum",
        "limits": [{"amount": "50.00", "period": "1 Month"}, {"charges": 3, "period": "1 Day"}],
        "payment_methods": ["account_balance", "card"],
    }
    authorization = await program.post("/v1/authorizations", asked)
    assert (authorization["kind"], authorization["use"], authorization["status"]) == ("payment", "multiple", "pending")
    assert (authorization["total_limit"], authorization["amount"]) == ("100.000000", "40.000000")
    month, day = authorization["limits"]
    assert (month["amount"], month["left_amount"], month["period"]) == ("50.000000", "50.000000", "1 Month")
    assert (day["charges"], day["left_charges"], day["amount"]) == (3, 3, None)
    refused = await program.send(
        "POST",
        "/v1/sandbox/authorize",
        json={"authorization": authorization["id"], "buyer": address(), "method": "bank_account"},
    )
    assert as_problem(refused)["code"] == "buyer_cannot_agree"

    agreed = await agree(program, authorization, method="card")
    assert (agreed["id"], agreed["status"], agreed["available"]) == (authorization["id"], "active", "40.000000")
    await program.post("/v1/charges", {"authorization": agreed["id"], "amount": "30.00"})
    found = await program.get(f"/v1/authorizations/{agreed['id']}")
    month, day = found["limits"]
    assert (month["left_amount"], day["left_charges"], found["available"]) == ("20.000000", 2, "20.000000")
    assert month["renews_at"] > found["created_at"]
    over = {"authorization": agreed["id"], "amount": "21.00"}
    await program.problem("/v1/charges", over, 402, "authorization_limit_exceeded")
    await program.shop.rail_answers()
    assert found["starts_at"] is not None


async def test_a_single_and_a_recurring_payment(program: Program) -> None:
    single = await program.post("/v1/authorizations", {**PAYMENT, "use": "single", "amount": "9.99"})
    single = await agree(program, single, method="card")
    assert (single["use"], single["available"], single["amount_rule"]) == ("single", "9.990000", "exact")
    await program.post("/v1/charges", {"authorization": single["id"], "amount": "9.99"})
    found = await program.get(f"/v1/authorizations/{single['id']}")
    assert (found["status"], found["available"]) == ("used", "0.000000")

    asked = {**PAYMENT, "use": "recurring", "amount": "5.00", "period": "1 Month"}
    recurring = await agree(program, await program.post("/v1/authorizations", asked))
    await program.post("/v1/charges", {"authorization": recurring["id"], "amount": "5.00"})
    found = await program.get(f"/v1/authorizations/{recurring['id']}")
    assert (found["status"], found["available"], found["limits"][0]["left_charges"]) == ("active", "0.000000", 0)
    await program.problem(
        "/v1/charges", {"authorization": recurring["id"], "amount": "5.00"}, 402, "authorization_limit_exceeded"
    )
    reserved = await program.post(
        "/v1/authorizations", {**PAYMENT, "use": "single", "amount": "9.99", "for_reservation": True}
    )
    assert (await agree(program, reserved))["for_reservation"] is True


async def test_terms_that_contradict_each_other_are_refused(program: Program) -> None:
    for terms, code, field in (
        ({"use": "single"}, "missing_field", "amount"),
        ({"use": "single", "amount": "1.00", "expires_at": "2031-01-01T00:00:00Z"}, "invalid_request", "expires_at"),
        ({"use": "multiple", "amount": "1.00"}, "missing_field", "total_limit"),
        ({"use": "multiple", "total_limit": "9.00", "amount_rule": "exact"}, "missing_field", "amount"),
        ({"use": "recurring", "amount": "1.00"}, "missing_field", "period"),
        ({"use": "recurring", "amount": "1.00", "period": "often"}, "invalid_request", "period"),
        ({"use": "recurring", "amount": "1.00", "period": "1 Day", "limit": "2.00"}, "invalid_request", "limit"),
        ({"use": "multiple", "total_limit": "9.00", "limits": [{}]}, "invalid_request", "limits[0]"),
        ({"use": "multiple", "total_limit": "9.00", "limits": []}, "invalid_request", "limits"),
        ({"use": "multiple", "total_limit": "9.00", "limits": [1]}, "invalid_request", "limits[0]"),
        (
            {"use": "multiple", "total_limit": "9.00", "limits": [{"amount": 1.5}]},
            "invalid_request",
            "limits[0].amount",
        ),
        ({"use": "multiple", "total_limit": "9.00", "limits": [{"x": "1"}]}, "unknown_field", "limits[0].x"),
        ({"use": "single", "amount": "1.00", "for_reservation": "yes"}, "invalid_request", "for_reservation"),
        ({"use": "single", "amount": "1.00", "payment_methods": ["cash"]}, "invalid_request", "payment_methods[0]"),
    ):
        problem = await program.problem("/v1/authorizations", {**PAYMENT, **terms}, 400, code)
        assert problem["field"] == field, terms


async def test_the_same_amounts_written_otherwise_are_the_same_request(program: Program) -> None:
    asked = {**PREPAID, "kind": "postpaid", "total_limit": "60.0", "limits": [{"amount": "5", "period": "1 Month"}]}
    first = await program.post("/v1/authorizations", asked, "tab-of-ada")
    same = {**asked, "limit": "25", "total_limit": "60.000000", "limits": [{"amount": "5.00", "period": "1 Month"}]}
    again = await program.send("POST", "/v1/authorizations", key="tab-of-ada", json=same)
    assert (again.status_code, again.json()) == (200, first)
    other = {**same, "limits": [{"amount": "5.01", "period": "1 Month"}]}
    await program.problem("/v1/authorizations", other, 409, "idempotency_conflict", "tab-of-ada")


async def test_a_fault_that_is_ordered_meets_the_next_top_up(program: Program) -> None:
    authorization = await agree(program, await program.post("/v1/authorizations", PREPAID))
    denied = as_object(
        await program.send("POST", "/v1/sandbox/faults", json={"operation": "charge", "outcome": "denied"})
    )
    assert (denied["status"], denied["outcome"]) == ("waiting", "denied")
    body = {"authorization": authorization["id"], "amount": "10.00"}
    top_up = await program.post("/v1/top_ups", body)
    await program.shop.rail_answers()
    failed = await program.get(f"/v1/top_ups/{top_up['id']}")
    assert (failed["status"], failed["status_code"]) == ("failed", "TransactionDenied")
    (met,) = (await program.get("/v1/sandbox/faults"))["data"]
    assert (met["status"], met["transaction"]) == ("met", top_up["id"])


async def test_a_fault_holds_a_top_up_until_it_is_released(program: Program) -> None:
    authorization = await agree(program, await program.post("/v1/authorizations", PREPAID))
    hold = as_object(await program.send("POST", "/v1/sandbox/faults", json={"operation": "charge", "outcome": "hold"}))
    top_up = await program.post("/v1/top_ups", {"authorization": authorization["id"], "amount": "10.00"})
    await program.shop.rail_answers()
    assert (await program.get(f"/v1/top_ups/{top_up['id']}"))["status"] == "pending"
    (held,) = (await program.get("/v1/sandbox/faults"))["data"]
    assert (held["status"], held["outcome"]) == ("holding", "hold")
    path = f"/v1/sandbox/faults/{hold['id']}"
    taken = await program.send("DELETE", path)
    assert as_problem(taken)["code"] == "fault_met_already"
    released = as_object(await program.send("POST", f"{path}/release", json={}))
    assert released["status"] == "met"
    assert released["released_at"] is not None
    waiting = as_object(
        await program.send("POST", "/v1/sandbox/faults", json={"operation": "refund", "outcome": "hold"})
    )
    removed = await program.send("DELETE", f"/v1/sandbox/faults/{waiting['id']}")
    assert removed.status_code == 200
    gone = as_problem(await program.send("DELETE", f"/v1/sandbox/faults/{waiting['id']}"))
    assert gone["code"] == "not_found"
    noted = await program.shop.service.pool.fetch(
        "SELECT action FROM audit_entry WHERE business_id = $1 AND action LIKE 'fault.%' ORDER BY audit_id",
        program.shop.key.party_id,
    )
    assert [row["action"] for row in noted] == ["fault.order", "fault.release", "fault.order", "fault.remove"]
    await program.shop.rail_answers()  # asked again, and then as slow as usual
    await program.shop.rail_answers()
    assert (await program.get(f"/v1/authorizations/{authorization['id']}"))["balance"] == "10.000000"
