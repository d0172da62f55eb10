"""What the two interfaces are asked for, and what is made of their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from tests.support.paths import ROOT

from tallystick.client.fps import Client, Credentials
from tallystick.domain.ids import BookId, PartyId
from tallystick.torture.faces.face import Face, RequestNames, UndecidedError
from tallystick.torture.faces.json import PROBLEMS, JsonFace
from tallystick.torture.faces.query import QueryFace
from tallystick.torture.model.money import UNIT
from tallystick.torture.model.operations import Answer, OperationKind, Outcome, PlannedOperation, TokenSlot
from tallystick.torture.model.state import Terms
from tallystick.torture.stage import TortureBuyer, TortureSeller

URL = "http://service.example"
SELLER = TortureSeller(0, PartyId(7), BookId(7), Credentials("AK7", "secret"), "bearer-7")
BUYER = TortureBuyer(
    SELLER,
    Terms(UNIT, UNIT, UNIT, UNIT, funding_by_card=False, settlement_by_card=False),
    "balance-id",
    "tab-id",
    {slot: f"{slot}-token" for slot in TokenSlot},
)
NAMES = RequestNames(BUYER, "run", {"r1": "T1"})
PAY = PlannedOperation(OperationKind.PAY, UNIT // 4, TokenSlot.PREPAID, "r2")
CHARGE = {"object": "charge", "id": "T2", "status": "pending", "amount": "0.250000", "fee": "0.000000"}
CREATED = CHARGE | {"idempotency_key": "run-r2"}


class Scripted(httpx.AsyncBaseTransport):
    """Answers everything alike, and keeps what was asked."""

    def __init__(self, status: int, body: Mapping[str, Any] | bytes, headers: Mapping[str, str]) -> None:
        self.status, self.headers = status, headers
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(self.status, content=self.body, headers=self.headers)


async def heard(
    operation: PlannedOperation, status: int, body: Mapping[str, Any] | bytes, headers: Mapping[str, str] | None = None
) -> tuple[Answer, httpx.Request]:
    transport = Scripted(status, body, headers or {})
    async with httpx.AsyncClient(transport=transport) as http:
        answer = await JsonFace([URL], "bearer-7", http).ask(operation, NAMES, 0)
    (request,) = transport.asked
    return answer, request


async def test_json_is_asked_as_its_page_says() -> None:
    answer, request = await heard(PAY, 201, CREATED)
    assert answer == Answer(Outcome(status="Pending", values=(UNIT // 4, 0)), "T2", made=True)
    assert (request.method, str(request.url)) == ("POST", f"{URL}/v1/charges")
    assert request.headers["authorization"] == "Bearer bearer-7"
    assert request.headers["idempotency-key"] == "run-r2"
    assert json.loads(request.content) == {"amount": "0.250000", "authorization": "balance-id"}


@pytest.mark.parametrize(
    ("operation", "path", "body"),
    [
        (PlannedOperation(OperationKind.FUND, UNIT, None, "r"), "top_ups", {"authorization": "balance-id"}),
        (PlannedOperation(OperationKind.PAY, UNIT, TokenSlot.CREDIT, "r"), "charges", {"authorization": "tab-id"}),
        (PlannedOperation(OperationKind.PAY, UNIT, TokenSlot.CARD, "r"), "charges", {"authorization": "card-token"}),
        (PlannedOperation(OperationKind.SETTLE_DEBT, UNIT, None, "r"), "settlements", {"authorization": "tab-id"}),
        (PlannedOperation(OperationKind.WRITE_OFF, UNIT, None, "r"), "write_offs", {"authorization": "tab-id"}),
        (PlannedOperation(OperationKind.REFUND, UNIT, None, "r", "r1"), "refunds", {"transaction": "T1"}),
        (PlannedOperation(OperationKind.REFUND, None, None, "r", "r1"), "charges/T1/refund", {}),
        (PlannedOperation(OperationKind.CANCEL_TOKEN, token=TokenSlot.CREDIT), "authorizations/tab-id/cancel", {}),
    ],
)
async def test_each_action_has_its_path(operation: PlannedOperation, path: str, body: Mapping[str, str]) -> None:
    _, request = await heard(operation, 402, problem("InsufficientBalance"))
    assert (request.method, request.url.path) == ("POST", f"/v1/{path}")
    amount = {} if operation.amount is None else {"amount": "1.000000"}
    assert json.loads(request.content) == {**body, **amount}


def problem(name: str, **more: object) -> dict[str, object]:
    status, code = PROBLEMS[name]
    return {"status": status, "code": code, "fps_code": name, **more}


async def test_a_problem_is_a_refusal_where_status_and_codes_are_the_documented_ones() -> None:
    refused, _ = await heard(PAY, 402, problem("InsufficientBalance"))
    assert refused == Answer(Outcome(code="InsufficientBalance"))
    conflict, _ = await heard(PAY, 409, problem("DuplicateRequest", transaction="T1"))
    assert conflict == Answer(Outcome(code="DuplicateRequest"), "T1")

    for status, body in (
        (400, problem("InsufficientBalance")),
        (402, problem("InsufficientBalance", status=400)),
        (402, problem("InsufficientBalance", code="more_than_owed")),
        (402, problem("InsufficientBalance", fps_code=None)),
    ):
        wrong, _ = await heard(PAY, status, body)
        assert wrong.outcome.code not in {*PROBLEMS, None}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, problem("ServiceUnavailable")),
        (429, problem("Throttling")),
        (502, b"<html>"),
    ],
)
async def test_what_leaves_open_what_has_happened_is_no_answer(status: int, body: Mapping[str, Any] | bytes) -> None:
    with pytest.raises(UndecidedError):
        await heard(PAY, status, body)


@pytest.mark.parametrize(
    ("status", "changed", "headers"),
    [
        (201, {"idempotency_key": "run-r3"}, {}),
        (201, {"object": "refund"}, {}),
        (200, {}, {}),
        (201, {}, {"idempotent-replay": "true"}),
        (201, {"amount": "much"}, {}),
    ],
)
async def test_an_answer_of_something_else_is_wrong(
    status: int, changed: Mapping[str, str], headers: Mapping[str, str]
) -> None:
    answer, _ = await heard(PAY, status, CREATED | dict(changed), headers)
    assert answer.outcome.code not in {*PROBLEMS, None}


async def test_what_failed_unexpectedly_is_wrong_whatever_the_faults_were() -> None:
    answer, _ = await heard(PAY, 500, problem("InternalError"))
    assert answer == Answer(Outcome(code="InternalError"))


async def test_what_was_made_before_says_so() -> None:
    answer, _ = await heard(PAY, 200, CREATED, {"idempotent-replay": "true"})
    assert answer.made is False


def test_the_problems_are_those_of_the_reference() -> None:
    page = (ROOT / "docs" / "json-reference.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    documented = {
        name: (int(row[1]), row[0].strip("`"))
        for row in rows
        if len(row) == 3 and row[1].isdigit()
        for name in row[2].split(", ")
    }
    assert documented.items() >= PROBLEMS.items()


@pytest.mark.parametrize(("code", "undecided"), [("InsufficientBalance", False), ("ServiceUnavailable", True)])
async def test_the_query_api_is_heard_alike(code: str, undecided: bool) -> None:
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors></Response>".encode()
    async with httpx.AsyncClient(transport=Scripted(400, body, {})) as http:
        face: Face = QueryFace([Client(URL, SELLER.credentials, http)])
        if undecided:
            with pytest.raises(UndecidedError):
                await face.ask(PAY, NAMES, 0)
        else:
            assert await face.ask(PAY, NAMES, 0) == Answer(Outcome(code=code))
