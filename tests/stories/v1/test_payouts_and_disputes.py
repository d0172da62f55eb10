"""Payouts that programs ask for, and the disputes that they read, with their evidence."""

from __future__ import annotations

import asyncio

from tests.stories.conftest import OpenShop
from tests.stories.v1.causes.good_requests import bank_account
from tests.stories.v1.conftest import Program, as_problem, program_of
from tests.support.shop import Shop

from tallystick.domain.commands import Method
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.domain.scopes import EVERYTHING, KeyScope
from tallystick.services.disputes import sandbox
from tallystick.services.operations.audit import Actor

UNITS = 1_000_000


async def with_cash(program: Program, amount: str = "50.00") -> None:
    buyer = await program.shop.books.sender_token()
    await program.shop.books.deposit(buyer, amount)
    await program.post("/v1/charges", {"authorization": buyer.spending, "amount": amount})


async def cash(program: Program) -> int:
    return await program.shop.books.total("cash")


async def disputed(program: Program, status: DisputeStatus = DisputeStatus.OPENED) -> str:
    token = await program.shop.books.sender_token(Method.CC)
    charge = await program.post("/v1/charges", {"authorization": token.spending, "amount": "5.00"})
    await program.shop.rail_answers()
    actor, told = Actor.command("tests"), TransactionId(charge["id"])
    moved = await sandbox.move(program.shop.service, actor, told, DisputeStatus.OPENED)
    if status is not DisputeStatus.OPENED:
        await sandbox.move(program.shop.service, actor, told, status)
    return moved.transaction_id


async def test_cash_is_paid_out_once_for_each_key(program: Program) -> None:
    await with_cash(program)
    await bank_account(program)
    before = await cash(program)

    made = await program.post("/v1/payouts", {"amount": "20.00", "note": "November"}, key="november")
    again = await program.send("POST", "/v1/payouts", key="november", json={"amount": "20.00", "note": "November"})

    assert (made["object"], made["amount"], made["status"]) == ("payout", "20.000000", "pending")
    assert (made["note"], made["idempotency_key"]) == ("November", "november")
    assert again.status_code == 200
    assert again.headers["idempotent-replay"] == "true"
    assert again.json() == made
    assert before - await cash(program) == 20 * UNITS
    other = await program.problem("/v1/payouts", {"amount": "21.00"}, 409, "idempotency_conflict", key="november")
    assert other["transaction"] == made["id"]
    assert (await program.get("/v1/payouts"))["data"] == [made]
    assert await program.get(f"/v1/payouts/{made['id']}") == made


async def test_the_same_request_ten_times_at_once_pays_once(program: Program) -> None:
    await with_cash(program)
    await bank_account(program)
    before = await cash(program)
    sent = [program.send("POST", "/v1/payouts", key="rivals", json={"amount": "7.00"}) for _ in range(10)]
    answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert before - await cash(program) == 7 * UNITS


async def test_without_an_amount_it_is_all_in_whole_cents(program: Program) -> None:
    await with_cash(program, "50.00")
    await bank_account(program)
    before = await cash(program)
    made = await program.post("/v1/payouts", {})
    assert made["amount"] == f"{before // 10_000 / 100:.2f}0000"
    assert await cash(program) == before % 10_000


async def test_too_much_tells_how_much_would_pass_and_spends_no_key(program: Program) -> None:
    await with_cash(program)
    await bank_account(program)
    problem = await program.problem("/v1/payouts", {"amount": "900.00"}, 402, "insufficient_balance", key="k")
    assert problem["field"] == "amount"
    made = await program.post("/v1/payouts", {"amount": problem["largest_amount"]}, key="k")
    assert made["amount"] == problem["largest_amount"]


async def test_nowhere_to_go_spends_no_key(program: Program) -> None:
    await with_cash(program)
    await program.problem("/v1/payouts", {"amount": "1.00"}, 422, "payout_not_ready", key="k")
    await bank_account(program)
    await program.post("/v1/payouts", {"amount": "1.00"}, key="k")


async def test_a_key_of_before_pays_nothing_out_and_the_log_names_the_key_that_does(shop: Shop) -> None:
    old = await program_of(shop, scopes=(EVERYTHING & ~KeyScope.PAY_OUT).value)
    await old.problem("/v1/payouts", {"amount": "1.00"}, 403, "key_not_for_this")
    narrow = await program_of(shop, scopes=(KeyScope.PAY_OUT | KeyScope.CHARGE).value)
    await with_cash(narrow)
    await bank_account(narrow)
    made = await narrow.post("/v1/payouts", {"amount": "1.00"})
    row = await shop.service.pool.fetchrow(
        "SELECT actor_id, details FROM audit_entry WHERE action = 'money.payout' AND subject = $1", made["id"]
    )
    assert row is not None
    assert row["actor_id"] is None
    assert row["details"]["machine_user"] == f"key {narrow.shop.key.access_key_id}"


async def test_disputes_are_read_with_their_evidence(program: Program) -> None:
    first = await disputed(program)
    second = await disputed(program, DisputeStatus.LOST)

    found = await program.get(f"/v1/disputes/{first}")
    assert (found["object"], found["id"], found["status"]) == ("dispute", first, "opened")
    assert (found["amount"], found["has_evidence"], found["closed_at"]) == ("5.000000", True, None)
    charge = await program.get(f"/v1/charges/{found['charge']}")
    assert charge["authorization"] == found["authorization"]

    assert [one["id"] for one in (await program.get("/v1/disputes"))["data"]] == [second, first]
    page = await program.get("/v1/disputes", limit="1")
    assert page["next_cursor"] == second
    rest = await program.get("/v1/disputes", limit="1", cursor=page["next_cursor"])
    assert ([one["id"] for one in rest["data"]], rest["next_cursor"]) == ([first], None)
    lost = await program.get("/v1/disputes", status="lost")
    assert [one["id"] for one in lost["data"]] == [second]
    assert lost["data"][0]["closed_at"] is not None

    pdf = await program.send("GET", f"/v1/disputes/{first}/evidence")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["cache-control"] == "no-store"
    assert len(pdf.content) > 1_000


async def test_disputes_of_others_are_not_there(program: Program, open_shop: OpenShop) -> None:
    dispute = await disputed(program)
    stranger = await program_of(await open_shop())
    for path in (f"/v1/disputes/{dispute}", f"/v1/disputes/{dispute}/evidence"):
        refused = as_problem(await stranger.send("GET", path))
        assert (refused["status"], refused["code"]) == (404, "transaction_not_found")
    assert (await stranger.get("/v1/disputes"))["data"] == []
