"""The prepared requests are real ones: the service's own checks accept each, and no two are the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import parse_qsl

import msgspec

from tallystick.bench.load import requests
from tallystick.bench.load.references import references_of
from tallystick.bench.load.requests import BATCH_LINES, RequestSigner
from tallystick.bench.target.sellers import BenchmarkSeller
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.messages.message_signatures import content_digest, read_signature, verifies
from tallystick.domain.messages.signing import hmac_signature, string_to_sign_v2
from tallystick.domain.scopes import EVERYTHING
from tallystick.store.keys.access_keys import AccessKey

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SIGNER = RequestSigner("http://127.0.0.1:8400", lambda: NOW)


def seller(name: str) -> BenchmarkSeller:
    key = AccessKey(
        access_key_id=f"AK{name}",
        party_id=PartyId(1),
        environment="sandbox",
        secret=f"secret of {name}",
        created_at=NOW,
        expires_at=None,
        party_status="active",
        book_id=BookId(7),
        parts=(BookId(7),),
        clock_offset=timedelta(0),
        scopes=EVERYTHING,
        networks=(),
        calls_per_second=None,
    )
    balances = [(InstrumentId(f"P{name}{number}"), TokenId(f"S{name}{number}")) for number in range(3)]
    bearer = f"tsk_test_{name}"
    return BenchmarkSeller(key, BookId(7), bearer, balances, [TokenId(f"D{name}")], [TransactionId(f"T{name}")])


def parameters(request: bytes) -> dict[str, str]:
    line, _, rest = request.decode("ascii").partition("\r\n")
    verb, target, protocol = line.split(" ")
    assert (verb, protocol, rest) == ("GET", "HTTP/1.1", "Host: 127.0.0.1:8400\r\n\r\n")
    return dict(parse_qsl(target.removeprefix("/?"), strict_parsing=True))


def check_signed(params: dict[str, str], one: BenchmarkSeller) -> None:
    text = string_to_sign_v2("GET", "127.0.0.1:8400", "/", params, "Signature")
    assert params["Signature"] == hmac_signature(text, one.key.secret, "HmacSHA256")


def test_each_charge_in_json_is_a_whole_request_with_a_key_of_its_own() -> None:
    one, keys = seller("1"), set()
    for number, request in enumerate(islice(requests.json_charges(SIGNER, one), 4)):
        head, _, body = request.decode("ascii").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = dict(line.split(": ") for line in lines)
        assert (first, headers["Host"]) == ("POST /v1/charges HTTP/1.1", "127.0.0.1:8400")
        assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer tsk_test_1", "application/json")
        assert int(headers["Content-Length"]) == len(body)
        assert json.loads(body) == {"authorization": one.balances[number % 3][0], "amount": "0.010000"}
        keys.add(headers["Idempotency-Key"])
    assert len(keys) == 4


def test_each_payment_is_signed_and_has_a_reference_of_its_own() -> None:
    one = seller("1")
    made = [parameters(request) for request in islice(requests.pays(SIGNER, one, [t for _, t in one.balances]), 7)]

    for params in made:
        check_signed(params, one)
    assert [params["SenderTokenId"] for params in made] == ["S10", "S11", "S12", "S10", "S11", "S12", "S10"]
    assert len({params["CallerReference"] for params in made}) == 7
    assert {params["TransactionAmount.Value"] for params in made} == {"0.010000"}


def test_spread_payments_take_turns_among_sellers_however_many_balances_each_has() -> None:
    many, few = seller("1"), seller("2")
    many = replace(many, balances=many.balances * 4)
    made = [
        parameters(request) for request in islice(requests.spread_pays(SIGNER, [many, few]), 6 * len(many.balances))
    ]

    assert [params["AWSAccessKeyId"] for params in made] == ["AK1", "AK2"] * (3 * len(many.balances))
    check_signed(made[1], few)


def test_the_mix_has_its_shares_and_is_the_same_in_every_run() -> None:
    one = seller("1")

    def actions() -> list[str]:
        return [parameters(request)["Action"] for request in islice(requests.mixed(SIGNER, one), 2_000)]

    made = actions()
    assert made == actions()
    shares = {action: made.count(action) / 20 for action in set(made)}
    assert shares.keys() == {"Pay", "GetPrepaidBalance", "GetTransactionStatus", "Refund"}
    assert 77 < shares["Pay"] < 83
    assert 8 < shares["GetPrepaidBalance"] < 12


def test_what_the_books_must_have_of_a_mix() -> None:
    writing = [references_of(request) for request in islice(requests.mixed(SIGNER, seller("1")), 2_000)]
    assert all(len(references) <= 1 for references in writing)
    assert 0.82 < sum(map(len, writing)) / len(writing) < 0.88, "payments and refunds"


def test_lists_are_signed_and_as_long_as_they_may_be() -> None:
    one = seller("1")
    params = parameters(next(requests.activity_lists(SIGNER, one)))
    check_signed(params, one)
    assert (params["Action"], params["MaxBatchSize"]) == ("GetAccountActivity", "200")
    assert params["StartDate"] == "2027-02-28T12:00:00Z"


def test_a_batch_is_signed_as_a_whole() -> None:
    sellers = [seller("1"), seller("2")]
    first, second = islice(requests.batches(SIGNER, sellers), 2)
    head, _, body = first.partition(b"\r\n\r\n")
    line, *lines = head.decode("ascii").split("\r\n")
    headers = dict(one.split(": ", 1) for one in lines)

    assert line == "POST /v1/payments/batch HTTP/1.1"
    assert headers["content-digest"] == content_digest(body)
    assert int(headers["content-length"]) == len(body)
    signature = read_signature(headers["signature-input"], headers["signature"])
    values = {
        "@method": "POST",
        "@authority": headers["host"],
        "@path": "/v1/payments/batch",
        "content-digest": headers["content-digest"],
    }
    assert verifies(signature, values, sellers[0].key.secret)
    references = {msgspec.json.decode(one)["caller_reference"] for one in body.splitlines()}
    assert len(references) == BATCH_LINES
    assert set(references_of(first)) == references
    assert b'keyid="AK2"' in second
