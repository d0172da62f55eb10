"""Charges, top-ups, settlements, write-offs and refunds in JSON, over HTTP; the books balance after each story."""

from __future__ import annotations

import asyncio

import pytest
from tests.stories.api.test_marketplace import marketplace_payment
from tests.stories.conftest import OpenShop
from tests.stories.v1.conftest import Program, as_problem, program_of
from tests.support.shop import usd

from tallystick.domain.commands import LimitTerms, Method
from tallystick.domain.limits import LimitKind
from tallystick.services.charges import charge_rules
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.manual_operations import context_with_book


async def test_a_balance_is_topped_up_and_charged(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.prepaid_buyer("25.00")
    await shop.books.deposit(buyer, "50.00")
    top_up = await program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": "10.00"})
    assert (top_up["object"], top_up["status"], top_up["amount"]) == ("top_up", "succeeded", "10.000000")
    charge = await program.post(
        "/v1/charges", {"authorization": buyer.instrument, "amount": "0.025", "description": "1,000 tokens"}, "job-17"
    )
    assert charge["object"] == "charge"
    assert charge["status"] == "succeeded"
    assert (charge["amount"], charge["currency"]) == ("0.025000", "USD")
    assert charge["authorization"] == buyer.instrument
    assert (charge["description"], charge["note"], charge["idempotency_key"]) == ("1,000 tokens", None, "job-17")
    assert charge["created_at"].endswith("Z")
    assert await shop.balance(buyer) == usd("9.975")
    assert await program.get(f"/v1/charges/{charge['id']}") == charge
    assert await program.get(f"/v1/transactions/{charge['id']}") == charge


async def test_money_by_card_is_pending_until_the_rail_answers(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.prepaid_buyer("25.00", Method.CC)
    top_up = await program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": "10.00"})
    assert (top_up["status"], top_up["completed_at"]) == ("pending", None)
    await shop.rail_answers()
    found = await program.get(f"/v1/top_ups/{top_up['id']}")
    assert (found["status"], found["payment_method"]) == ("succeeded", "card")
    assert found["completed_at"] is not None


async def test_a_tab_is_charged_settled_and_written_off(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.postpaid_buyer("100.00")
    await shop.books.deposit(buyer, "50.00")
    await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "30.00"})
    settled = await program.post("/v1/settlements", {"authorization": buyer.instrument, "amount": "20.00"})
    assert (settled["object"], settled["status"]) == ("settlement", "succeeded")
    forgiven = await program.post("/v1/write_offs", {"authorization": buyer.instrument, "amount": "4.00", "note": "ok"})
    assert (forgiven["object"], forgiven["note"]) == ("write_off", "ok")
    assert await shop.debt(buyer) == usd("6.00")
    problem = await program.problem(
        "/v1/settlements", {"authorization": buyer.instrument, "amount": "7.00"}, 422, "more_than_owed"
    )
    assert (problem["largest_amount"], problem["fps_code"]) == ("6.000000", "SettleAmountGreaterThanDebt")
    problem = await program.problem(
        "/v1/write_offs", {"authorization": buyer.instrument, "amount": "7.00"}, 422, "more_than_owed"
    )
    assert problem["largest_amount"] == "6.000000"


async def test_a_charge_is_refunded_in_part_and_then_the_rest(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("10.00")
    charge = await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "4.00"})
    part = await program.post(f"/v1/charges/{charge['id']}/refund", {"amount": "1.50", "note": "broken"})
    assert (part["object"], part["refunded_transaction"], part["amount"]) == ("refund", charge["id"], "1.500000")
    problem = await program.problem(
        f"/v1/charges/{charge['id']}/refund", {"amount": "2.51"}, 422, "more_than_left_to_refund"
    )
    assert problem["largest_amount"] == "2.500000"
    rest = await program.post("/v1/refunds", {"transaction": charge["id"]})
    assert rest["amount"] == "2.500000"
    assert await shop.balance(buyer) == usd("10.00")
    problem = await program.problem("/v1/refunds", {"transaction": charge["id"]}, 422, "more_than_left_to_refund")
    assert problem["largest_amount"] == "0.000000"


async def test_a_token_without_an_instrument_is_charged(program: Program) -> None:
    buyer = await program.shop.books.sender_token()
    await program.shop.books.deposit(buyer, "5.00")
    charge = await program.post("/v1/charges", {"authorization": buyer.spending, "amount": "2.00"})
    assert (charge["authorization"], charge["payment_method"]) == (buyer.spending, "account_balance")


async def test_the_same_key_moves_money_once(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("10.00")
    body = {"authorization": buyer.instrument, "amount": "1.00"}
    answers = await asyncio.gather(*(program.send("POST", "/v1/charges", key="once", json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert all(answer.headers.get("idempotent-replay") == "true" for answer in answers if answer.status_code == 200)
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await shop.balance(buyer) == usd("9.00")
    first = answers[0].json()["id"]
    problem = await program.problem("/v1/charges", {**body, "amount": "2.00"}, 409, "idempotency_conflict", "once")
    assert problem["transaction"] == first
    problem = await program.problem("/v1/refunds", {"transaction": first}, 409, "idempotency_conflict", "once")
    assert problem["transaction"] == first


async def test_both_interfaces_have_one_space_of_references(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("10.00")
    paid = await shop.pay(buyer, "1.00", "of-both")
    answer = await program.send(
        "POST", "/v1/charges", key="of-both", json={"authorization": buyer.instrument, "amount": "1.00"}
    )
    assert answer.status_code == 200
    assert answer.headers["idempotent-replay"] == "true"
    assert answer.json()["id"] == paid.value("TransactionId")
    charge = await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "2.00"}, "other-way")
    again = await shop.pay(buyer, "2.00", "other-way")
    assert again.value("TransactionId") == charge["id"]
    assert (await shop.pay(buyer, "3.00", "other-way")).code == "DuplicateRequest"
    assert await shop.balance(buyer) == usd("7.00")


async def test_a_refusal_does_not_spend_the_key(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("1.00")
    body = {"authorization": buyer.instrument, "amount": "4.00"}
    problem = await program.problem("/v1/charges", body, 402, "insufficient_balance", "patient")
    assert problem["fps_code"] == "InsufficientBalance"
    assert (problem["field"], problem["available"], problem["largest_amount"]) == ("amount", "1.000000", "1.000000")
    assert problem["limit"] == "25.000000"
    await shop.books.deposit(buyer, "5.00")
    await program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": "5.00"})
    charge = await program.post("/v1/charges", body, "patient")
    assert charge["status"] == "succeeded"
    assert await shop.balance(buyer) == usd("2.00")


async def test_a_refusal_of_the_query_api_spends_the_reference_for_both(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("1.00")
    assert (await shop.pay(buyer, "4.00", "spent")).code == "InsufficientBalance"
    await shop.books.deposit(buyer, "5.00")
    await program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": "5.00"})
    body = {"authorization": buyer.instrument, "amount": "4.00"}
    problem = await program.problem("/v1/charges", body, 402, "insufficient_balance", "spent")
    assert "this Idempotency-Key is spent" in problem["detail"]


async def test_problems_tell_the_largest_amount_that_passes(program: Program) -> None:
    shop = program.shop
    prepaid = await shop.books.funded_buyer("10.00", limit="25.00")
    await shop.books.deposit(prepaid, "50.00")
    body = {"authorization": prepaid.instrument, "amount": "20.00"}
    problem = await program.problem("/v1/top_ups", body, 402, "balance_limit_exceeded")
    assert (problem["limit"], problem["largest_amount"]) == ("25.000000", "15.000000")
    await program.post("/v1/top_ups", {**body, "amount": problem["largest_amount"]})

    tab = await shop.books.postpaid_buyer("100.00", limits=(LimitTerms(LimitKind.AMOUNT, usd("30.00"), None),))
    await program.post("/v1/charges", {"authorization": tab.instrument, "amount": "10.00"})
    body = {"authorization": tab.instrument, "amount": "25.00"}
    problem = await program.problem("/v1/charges", body, 402, "authorization_limit_exceeded")
    assert (problem["available"], problem["largest_amount"]) == ("90.000000", "20.000000")
    await program.post("/v1/charges", {**body, "amount": problem["largest_amount"]})

    short = await shop.books.postpaid_buyer("100.00", total="15.00")
    body = {"authorization": short.instrument, "amount": "16.00"}
    problem = await program.problem("/v1/charges", body, 402, "authorization_limit_exceeded")
    assert problem["largest_amount"] == "15.000000"
    few = await shop.books.postpaid_buyer("100.00", limits=(LimitTerms(LimitKind.COUNT, 1, None),))
    await program.post("/v1/charges", {"authorization": few.instrument, "amount": "1.00"})
    body = {"authorization": few.instrument, "amount": "1.00"}
    problem = await program.problem("/v1/charges", body, 402, "authorization_limit_exceeded")
    assert problem["largest_amount"] == "0.000000"


@pytest.mark.parametrize("path", ["/v1/top_ups", "/v1/settlements", "/v1/write_offs"])
async def test_each_kind_of_authorization_has_its_endpoints(program: Program, path: str) -> None:
    books = program.shop.books
    wrong = await (books.postpaid_buyer() if path == "/v1/top_ups" else books.funded_buyer())
    body = {"authorization": wrong.instrument, "amount": "1.00"}
    problem = await program.problem(path, body, 422, "authorization_not_for_this")
    assert problem["field"] == "authorization"


async def test_what_is_of_another_seller_is_not_found(program: Program, open_shop: OpenShop) -> None:
    other = await open_shop()
    buyer = await other.books.funded_buyer("10.00")
    body = {"authorization": buyer.instrument, "amount": "1.00"}
    await program.problem("/v1/charges", body, 404, "authorization_not_found")
    await program.problem("/v1/charges", {**body, "authorization": buyer.spending}, 404, "authorization_not_found")
    paid = (await other.pay(buyer, "1.00")).value("TransactionId")
    await program.problem("/v1/refunds", {"transaction": paid}, 404, "transaction_not_found")
    answer = await program.send("GET", f"/v1/charges/{paid}")
    assert (answer.status_code, answer.json()["code"]) == (404, "transaction_not_found")


async def test_who_is_paid_through_another_seller_is_told_nothing_of_that_sellers_own(
    program: Program, open_shop: OpenShop
) -> None:
    recipient = await program_of(await open_shop())
    paid, _ = await marketplace_payment(program.shop, recipient.shop)
    own, theirs = [await one.get(f"/v1/charges/{paid}") for one in (program, recipient)]
    assert own["note"] == "for our books"
    assert None not in {own["authorization"], own["idempotency_key"]}
    assert [theirs[name] for name in ("authorization", "note", "idempotency_key")] == [None] * 3
    assert theirs["description"] == own["description"] == "A record"
    for one, found in ((program, own), (recipient, theirs)):
        assert (await one.get("/v1/charges"))["data"] == [found]


async def test_a_request_with_two_keys_is_refused(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("10.00")
    names = [("authorization", f"Bearer {program.secret}"), ("idempotency-key", "one"), ("idempotency-key", "two")]
    body = {"authorization": buyer.instrument, "amount": "1.00"}
    answer = await shop.client.post(f"{shop.url}/v1/charges", headers=names, json=body)
    assert (answer.status_code, as_problem(answer)["field"]) == (400, "Idempotency-Key")
    assert await shop.balance(buyer) == usd("10.00")


async def test_a_cancelled_authorization_is_not_charged(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("10.00")
    await shop.done("CancelToken", {"TokenId": buyer.spending})
    body = {"authorization": buyer.instrument, "amount": "1.00"}
    await program.problem("/v1/charges", body, 422, "authorization_not_active")


async def test_what_was_not_spent_of_a_top_up_goes_back_to_the_card(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.prepaid_buyer("25.00", Method.CC)
    top_up = await program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": "10.00"})
    await shop.rail_answers()
    await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "2.505"})
    problem = await program.problem(
        f"/v1/top_ups/{top_up['id']}/refund", {"amount": "7.50"}, 422, "more_than_left_to_refund"
    )
    assert problem["largest_amount"] == "7.490000"
    part = await program.post(f"/v1/top_ups/{top_up['id']}/refund", {"amount": "2.00"}, "once")
    assert (part["object"], part["status"], part["payment_method"]) == ("refund", "pending", "card")
    assert (part["refunded_transaction"], part["authorization"]) == (top_up["id"], buyer.instrument)
    again = await program.send("POST", f"/v1/top_ups/{top_up['id']}/refund", key="once", json={"amount": "2.00"})
    assert (again.status_code, again.json()["id"]) == (200, part["id"])
    rest = await program.post(f"/v1/top_ups/{top_up['id']}/refund", {})
    assert rest["amount"] == "5.490000"
    await shop.rail_answers()
    assert (await program.get(f"/v1/refunds/{rest['id']}"))["status"] == "succeeded"
    assert await shop.balance(buyer) == usd("0.005")


async def test_a_problem_tells_the_smallest_amount_that_passes(program: Program) -> None:
    books = program.shop.books
    context = await context_with_book(program.shop.service, Actor.command("test"), books.party_id, books.book_id)
    assert context is not None
    await charge_rules.set_smallest_charge(context, 500)
    tab = await books.postpaid_buyer("100.00")
    body = {"authorization": tab.instrument, "amount": "0.000499"}
    problem = await program.problem("/v1/charges", body, 422, "amount_out_of_range")
    assert (problem["field"], problem["smallest_amount"]) == ("amount", "0.000500")
    await program.post("/v1/charges", {**body, "amount": problem["smallest_amount"]})
    await program.post("/v1/charges", {**body, "amount": "0.0015"})
    problem = await program.problem("/v1/write_offs", body, 422, "amount_out_of_range")
    assert problem["smallest_amount"] == "0.000500"
    written_off = await program.post("/v1/write_offs", {**body, "amount": "0.002"})
    assert written_off["amount"] == "0.002000"
