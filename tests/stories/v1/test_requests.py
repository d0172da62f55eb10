"""What a request must be like: its key, its form, its headers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest
from tests.stories.v1.conftest import Program, as_problem, program_of
from tests.support.shop import Shop

from tallystick.domain.decide.outgoing import payouts
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.scopes import EVERYTHING, KeyScope, scope_name
from tallystick.domain.state import Operation
from tallystick.services.api.fair_shares import ThrottledError
from tallystick.services.api.types import ENUMERATIONS
from tallystick.services.process.meter import Meter
from tallystick.store.keys import access_keys
from tallystick.web.api.calls_under_way import BUSY, with_retry_after
from tallystick.web.api.refusing import RefusalWriter
from tallystick.web.v1 import transactions
from tallystick.web.v1.endpoint import VERSION, Endpoint
from tallystick.web.v1.problems import CODES, OWN
from tallystick.web.v1.table import ANY, ENDPOINTS

NAMES = [endpoint.name for endpoint in ENDPOINTS]
AN_ID = "0" * 35


async def ask(program: Program, endpoint: Endpoint, **more: Any) -> httpx.Response:  # noqa: ANN401 - as httpx has it
    """An endpoint with nothing in it but what must be there for its checks to begin."""
    key = "a-key" if endpoint.moves_money or endpoint.takes_key else None
    return await program.send(endpoint.method, endpoint.path.replace("{id}", AN_ID), key=key, **more)


def test_every_refusal_has_a_code_and_a_status() -> None:
    assert set(CODES) == set(Refusal)
    known = {code for _, code in CODES.values()} | set(OWN)
    for endpoint in ENDPOINTS:
        assert {*endpoint.codes, *ANY} <= known, endpoint.name


def test_every_word_of_the_books_has_one_here() -> None:
    of_sellers = {operation.value for operation in Operation} - {
        Operation.DEPOSIT.value,  # in the operator's own book, as the next
        Operation.RAIL_MOVEMENT.value,
    }
    assert set(transactions.OBJECTS) == set(ENUMERATIONS["FPSOperation"]) | of_sellers
    assert set(transactions.STATUSES) == set(ENUMERATIONS["TransactionStatus"])
    assert set(transactions.METHODS) == set(ENUMERATIONS["PaymentMethod"]) | {payouts.METHOD}


def test_a_key_needs_no_scope_for_its_own_end_alone() -> None:
    assert [endpoint.name for endpoint in ENDPOINTS if not endpoint.scopes] == ["keys.revoke"]


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.scopes], ids=lambda one: one.name)
async def test_each_endpoint_wants_its_scope_and_no_other(shop: Shop, endpoint: Endpoint) -> None:
    lacking = await program_of(shop, scopes=(EVERYTHING & ~endpoint.scopes).value)
    problem = as_problem(await ask(lacking, endpoint))
    assert (problem["status"], problem["code"], problem["fps_code"]) == (403, "key_not_for_this", "AuthFailure")
    (scope,) = [one for one in KeyScope if one & endpoint.scopes]
    assert f"it lacks the scope {scope_name(scope)}." in problem["detail"]
    enough = await program_of(shop, scopes=endpoint.scopes.value)
    assert (await ask(enough, endpoint)).status_code not in {401, 403}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=NAMES)
async def test_each_endpoint_wants_a_secret_that_is_known(program: Program, endpoint: Endpoint) -> None:
    unsigned = as_problem(await ask(program, endpoint, headers={"authorization": ""}))
    assert (unsigned["status"], unsigned["code"]) == (401, "key_missing")
    wrong = program.secret[:-1] + ("a" if program.secret[-1] != "a" else "b")
    for secret in (
        wrong,
        "tsk_test_nonsense",
        program.secret.replace("tsk_test", "tsk_live"),
        "ß",
        program.shop.key.secret,
    ):
        answer = await ask(program, endpoint, headers={"authorization": f"Bearer {secret}"})
        problem = as_problem(answer)
        assert (problem["status"], problem["code"]) == (401, "unknown_key")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=NAMES)
async def test_each_endpoint_refuses_what_it_does_not_know(program: Program, endpoint: Endpoint) -> None:
    if endpoint.has_body and endpoint.inputs:
        last = endpoint.inputs[-1].name
        misspelt = as_problem(await ask(program, endpoint, json={f"{last}s": "1.00"}))
        assert (misspelt["status"], misspelt["code"], misspelt["field"]) == (400, "unknown_field", f"{last}s")
        assert f"Did you mean {last}?" in misspelt["detail"]
        for field in endpoint.inputs:
            whole = {one.name: one.example for one in endpoint.inputs}
            number = as_problem(await ask(program, endpoint, json={**whole, field.name: 1.5}))
            assert (number["status"], number["code"]) == (400, "invalid_request"), field.name
            assert number["field"] == field.name
    query = as_problem(await ask(program, endpoint, params={"x": "1"}))
    assert (query["status"], query["code"], query["field"]) == (400, "unknown_field", "x")


@pytest.mark.parametrize(
    "endpoint", [one for one in ENDPOINTS if one.moves_money or one.takes_key], ids=lambda one: one.name
)
async def test_each_that_moves_money_wants_its_fields_and_a_key(program: Program, endpoint: Endpoint) -> None:
    path = endpoint.path.replace("{id}", AN_ID)
    whole = {one.name: one.example for one in endpoint.inputs}
    for field in endpoint.inputs:
        if field.required:
            body = {name: value for name, value in whole.items() if name != field.name}
            problem = as_problem(await program.send("POST", path, key="k", json=body))
            assert (problem["status"], problem["code"], problem["field"]) == (400, "missing_field", field.name)
    keyless = as_problem(await program.send("POST", path, json=whole))
    assert (keyless["status"], keyless["code"]) == (400, "idempotency_key_required")
    for bad in ("x" * 129, "caf\u00e9"):
        problem = as_problem(await program.send("POST", path, headers={"idempotency-key": bad}, json=whole))
        assert (problem["status"], problem["field"]) == (400, "Idempotency-Key")


async def test_a_body_must_be_one_json_object_with_each_name_once(program: Program) -> None:
    for content in (
        b"{",
        b"[]",
        b'"text"',
        b"\xff",
        b'{"amount": "1.00", "amount": "2.00"}',
        b'{"note": "\\ud800"}',
        b'{"note": "\\u0000"}',
        b'{"amount": NaN}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
    ):
        answer = await program.send(
            "POST", "/v1/charges", key="k", content=content, headers={"content-type": "application/json"}
        )
        assert as_problem(answer)["status"] == 400, content[:40]
    form = await program.send("POST", "/v1/charges", key="k", data={"amount": "1"})
    assert as_problem(form)["code"] == "unsupported_media_type"
    large = await program.send(
        "POST", "/v1/charges", key="k", content=b" " * 70_000, headers={"content-type": "application/json"}
    )
    assert as_problem(large)["code"] == "body_too_large"


@pytest.mark.parametrize("amount", ["0", "-1", "1e3", "1.0000001", " 1", "1,00", "ten", "10000000000000000"])
async def test_an_amount_is_decimal_text(program: Program, amount: str) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    body = {"authorization": buyer.instrument, "amount": amount}
    assert (await program.problem("/v1/charges", body, 400, "invalid_request"))["field"] == "amount"


async def test_what_is_not_there_is_a_problem_too(program: Program) -> None:
    for path in ("/v1/", "/v1/nothing", "/v1/charges/a/b", "/v1/charges//refund", "/v1/charges/a/refund/b", "/v1/%00"):
        assert as_problem(await program.send("GET", path))["code"] == "not_found", path
    for endpoint in ENDPOINTS:
        if endpoint.subject:
            answer = await program.send(endpoint.method, endpoint.path.replace("{id}", "%7Bid%7D"), key="k")
            assert (answer.status_code, as_problem(answer)["code"]) == (404, "not_found"), endpoint.name
    answer = await program.send("DELETE", "/v1/charges")
    assert (as_problem(answer)["status"], answer.headers["allow"]) == (405, "GET, POST")
    assert as_problem(await program.send("GET", "/v1/charges/nonsense"))["field"] == "id"


async def test_a_secret_ends_with_its_key_and_with_its_successor(program: Program) -> None:
    service, key_id = program.shop.service, program.shop.key.access_key_id
    await program.get("/v1/account")
    newer = replace(program, secret=await access_keys.make_bearer(service.pool, key_id, program.shop.clock()))
    assert (await program.send("GET", "/v1/account")).status_code == 401
    await newer.get("/v1/account")
    stored = await service.pool.fetchrow("SELECT * FROM access_key WHERE access_key_id = $1", key_id)
    assert stored is not None
    assert newer.secret not in repr(dict(stored))
    await access_keys.revoke(service.pool, key_id, program.shop.clock())
    assert (await newer.send("GET", "/v1/account")).status_code == 401
    with pytest.raises(access_keys.UnknownKeyError):
        await access_keys.make_bearer(service.pool, key_id, program.shop.clock())


async def test_a_key_is_pinned_to_the_version_of_its_first_call(program: Program) -> None:
    service, key_id = program.shop.service, program.shop.key.access_key_id
    pinned = "SELECT json_version FROM access_key WHERE access_key_id = $1"
    assert await service.pool.fetchval(pinned, key_id) is None
    answer = await program.send("GET", "/v1/account")
    assert answer.headers["tallystick-version"] == VERSION
    assert await service.pool.fetchval(pinned, key_id) == VERSION
    same = await program.send("GET", "/v1/account", headers={"tallystick-version": VERSION})
    assert same.status_code == 200
    other = await program.send("GET", "/v1/account", headers={"tallystick-version": "2020-01-01"})
    assert as_problem(other)["code"] == "unknown_version"


async def test_a_key_with_a_rate_is_told_what_is_left_and_when_to_come_again(shop: Shop) -> None:
    program = await program_of(shop, calls_per_second=1)
    answers = await asyncio.gather(*(program.send("GET", "/v1/account") for _ in range(30)))
    served = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(served) + len(refused) == 30
    assert served
    assert refused
    assert served[0].headers["ratelimit-policy"] == '"key";q=2;w=2'
    assert served[0].headers["ratelimit"].startswith('"key";r=')
    problem = as_problem(refused[0])
    assert problem["code"] == "too_many_requests"
    assert str(problem["retry_after"]) == refused[0].headers["retry-after"]


async def test_calls_are_noted_with_their_key(program: Program) -> None:
    await program.get("/v1/charges")
    await program.shop.service.key_uses.write(program.shop.service.pool)
    keys = {key["id"]: key for key in (await program.get("/v1/keys"))["data"]}
    assert keys[program.shop.key.access_key_id]["last_used_at"] is not None


def test_what_is_refused_before_anybody_looks_at_it_is_a_problem_too() -> None:
    """When to come again is told once: of a rate by both, of all else by the front, in the header alone."""
    writer = RefusalWriter(Meter())
    too_often = with_retry_after(writer.json(ThrottledError(3)), 3)
    busy = with_retry_after(writer.json(Refused(Refusal.ServiceUnavailable, BUSY)), 7)
    told = [(answer.status, msgspec.json.decode(answer.body)) for answer in (too_often, busy)]
    assert [(status, document["code"], document.get("retry_after")) for status, document in told] == [
        (429, "too_many_requests", 3),
        (503, "service_unavailable", None),
    ]
    for answer, seconds in ((too_often, b"3"), (busy, b"7")):
        assert [value for name, value in answer.headers if name == b"retry-after"] == [seconds]


async def test_who_asks_at_a_path_of_another_interface_is_told_ours(program: Program) -> None:
    answer = await program.send("POST", "/v1/payments", key="a-key", json={"amount": "1.00"})
    assert as_problem(answer)["detail"] == "There is nothing at this path. Did you mean /v1/charges?"

    nothing = as_problem(await program.send("GET", "/v1/weather"))
    assert (nothing["code"], nothing["detail"]) == ("not_found", "There is nothing at this path.")
