"""Many payments by one signed request."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.stories.conftest import OpenShop
from tests.support.books import Buyer
from tests.support.schemas import CHECKED
from tests.support.shop import Shop

from tallystick.client.batch import BATCH_PATH, pay_all
from tallystick.client.fps import Credentials, ServiceError
from tallystick.domain.messages.message_signatures import content_digest, sign
from tallystick.domain.refusals import Refusal
from tallystick.services.api.fair_shares import FairShares
from tallystick.wiring import asgi_app


def credentials(shop: Shop) -> Credentials:
    return Credentials(shop.key.access_key_id, shop.key.secret)


def line(shop: Shop, buyer: Buyer, amount: str, reference: str | None = None, **more: str) -> dict[str, Any]:
    return {
        "caller_reference": reference or shop.reference(),
        "sender_token_id": buyer.spending,
        "amount": amount,
        **more,
    }


async def pay(shop: Shop, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    return await pay_all(shop.client, shop.url, credentials(shop), lines, shop.clock())


def codes(outcomes: list[dict[str, Any]]) -> list[str]:
    return [outcome["error"]["code"] if "error" in outcome else outcome["status"] for outcome in outcomes]


async def balance(shop: Shop, buyer: Buyer) -> str:
    answer = await shop.done("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
    return answer.value("PrepaidBalance/AvailableBalance/Value")


async def test_each_line_is_a_payment_with_an_outcome_of_its_own(shop: Shop) -> None:
    buyer, other = await shop.books.funded_buyer("10.00"), await shop.books.funded_buyer("1.00")

    outcomes = await pay(
        shop,
        line(shop, buyer, "0.05", "song-1", caller_description="Song 1"),
        line(shop, buyer, "11.00", "too-much"),
        line(shop, other, "1.00", "song-2"),
        line(shop, other, "0.01", "nothing-left"),
        line(shop, buyer, "0.05", "song-3"),
    )

    assert codes(outcomes) == ["Success", "InsufficientBalance", "Success", "InsufficientBalance", "Success"]
    assert [outcome["line"] for outcome in outcomes] == [1, 2, 3, 4, 5]
    assert [outcome["caller_reference"] for outcome in outcomes[:2]] == ["song-1", "too-much"]
    assert await balance(shop, buyer) == "9.900000"
    assert await balance(shop, other) == "0.000000"
    told = await shop.done("GetTransaction", {"TransactionId": outcomes[0]["transaction_id"]})
    assert told.value("Transaction/CallerDescription") == "Song 1"


async def test_a_batch_that_is_sent_again_moves_nothing(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    lines = [line(shop, buyer, "0.10") for _ in range(20)]
    first = await pay(shop, *lines)
    before = await shop.snapshot()

    assert await pay(shop, *lines) == first
    assert await shop.snapshot() == before
    (changed,) = await pay(shop, lines[0] | {"amount": "0.11"})
    assert changed["error"]["code"] == "DuplicateRequest"


async def test_a_line_and_a_pay_under_one_reference_are_one_payment(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    (outcome,) = await pay(shop, line(shop, buyer, "0.10", "both", sender_description="Song 7"))

    again = await shop.done(
        "Pay", shop.pay_parameters(buyer, "0.10") | {"CallerReference": "both", "SenderDescription": "Song 7"}
    )

    assert again.value("TransactionId") == outcome["transaction_id"]
    assert await balance(shop, buyer) == "9.900000"


async def test_lines_that_cannot_be_read_spoil_nothing(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    good = line(shop, buyer, "0.10")
    lines = [
        json.dumps(good).encode(),
        b"{",
        b"",
        b"[]",
        b"\xff\xfe",
        json.dumps(good | {"amount": 0.1}).encode(),
        json.dumps(good | {"unknown": "x"}).encode(),
        json.dumps(good | {"amount": "-1"}).encode(),
        json.dumps(good | {"amount": "0.0000001"}).encode(),
        json.dumps(good | {"sender_token_id": "x"}).encode(),
        json.dumps(good | {"caller_reference": ""}).encode(),
        json.dumps(good | {"caller_reference": "r" * 129}).encode(),
    ]
    outcomes = await raw(shop, b"\n".join(lines))

    assert codes(outcomes) == ["Success", *["InvalidRequest"] * 6, *["InvalidParams"] * 5]
    assert await balance(shop, buyer) == "9.900000"


async def test_a_name_given_twice_is_refused(shop: Shop) -> None:
    """Whoever checks the line before us may take the first value, where we would take the last."""
    buyer = await shop.books.funded_buyer("10.00")
    start = f'{{"caller_reference": "{shop.reference()}", "sender_token_id": "{buyer.spending}"'
    outcomes = await raw(
        shop,
        "\n".join(
            [
                f'{start}, "amount": "0.10", "amount": "9.00"}}',
                f'{start}, "amount": "0.10", "amoun\\u0074": "9.00"}}',
                f'{start}, "amount": "0.10", "notification_url": null, "notification_url": null}}',
                f'{start}, "amount": "0.10", "notification_url": null, "sender_description": "\\"a\\": "}}',
            ]
        ).encode(),
    )

    assert codes(outcomes) == [*["InvalidRequest"] * 3, "Success"]
    assert outcomes[1]["error"]["message"].endswith("`amount` more than once")
    assert await balance(shop, buyer) == "9.900000"


async def raw(shop: Shop, body: bytes) -> list[dict[str, Any]]:
    headers = signed_headers(shop, body)
    answer = await shop.client.post(f"{shop.url}{BATCH_PATH}", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(one) for one in answer.content.splitlines()]


def signed_headers(shop: Shop, body: bytes, **replaced: str) -> dict[str, str]:
    digest = content_digest(body)
    values = {"@method": "POST", "@authority": shop.host, "@path": BATCH_PATH, "content-digest": digest}
    given, signature = sign(values | replaced, shop.key.access_key_id, shop.key.secret, shop.clock())
    return {"content-digest": digest, "signature-input": given, "signature": signature}


async def test_others_tokens_are_refused_line_by_line(open_shop: OpenShop) -> None:
    shop, other = await open_shop(), await open_shop()
    mine, theirs = await shop.books.funded_buyer("10.00"), await other.books.funded_buyer("10.00")

    outcomes = await pay(shop, line(shop, theirs, "0.10"), line(shop, mine, "0.10"))

    assert codes(outcomes) == ["InvalidTokenId_Sender", "Success"]


async def test_a_thousand_lines_share_few_commits(shop: Shop) -> None:
    buyers = [await shop.books.funded_buyer("10.00") for _ in range(4)]
    statistics = shop.service.committer.statistics
    before = statistics.groups
    nobody_else = replace(shop.service, calls=FairShares(alone=100_000, together=16, least=4))

    transport = httpx.ASGITransport(asgi_app(nobody_else))
    async with httpx.AsyncClient(transport=transport, **CHECKED) as client:
        alone = replace(shop, client=client)
        batches = await asyncio.gather(
            *(pay(alone, *(line(shop, buyers[number % 4], "0.01") for number in range(1000))) for _ in range(2))
        )

    assert [codes(outcomes).count("Success") for outcomes in batches] == [1000, 1000]
    assert statistics.groups - before <= 12
    assert [await balance(shop, buyer) for buyer in buyers] == ["5.000000"] * 4


async def test_the_ceiling_holds_within_a_batch(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("1.00")

    outcomes = await pay(shop, *(line(shop, buyer, "0.03") for _ in range(50)))

    assert codes(outcomes) == ["Success"] * 33 + ["InsufficientBalance"] * 17
    assert await balance(shop, buyer) == "0.010000"


async def test_a_batch_is_refused_as_a_whole_and_then_nothing_is_done(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    body = json.dumps(line(shop, buyer, "0.10")).encode()
    good = signed_headers(shop, body)
    before = await shop.snapshot()

    async def refused(content: bytes, headers: dict[str, str]) -> tuple[int, str]:
        answer = await shop.client.post(f"{shop.url}{BATCH_PATH}", content=content, headers=headers)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["request_id"]
        assert problem["detail"]
        return answer.status_code, problem["code"]

    assert (await refused(body, {}))[1] == "MissingAuthenticationToken"
    assert (await refused(body, good | {"signature": "x"}))[1] == "InvalidSignature"
    assert (await refused(body + b" ", good))[1] == "InvalidSignature"
    assert (await refused(body, signed_headers(shop, body, **{"@path": "/v1/payments"})))[1] == "SignatureDoesNotMatch"
    assert (await refused(body, signed_headers(shop, body, **{"@authority": "other.example"})))[1] == (
        "SignatureDoesNotMatch"
    )
    unknown = {"signature-input": good["signature-input"].replace(shop.key.access_key_id, "AK0000000000000000ZZ")}
    assert (await refused(body, good | unknown))[1] == "InvalidClientTokenId"
    many = b"\n".join([body] * 1001)
    assert (await refused(many, signed_headers(shop, many)))[1] == "InvalidRequest"
    assert await refused(b" " * (1 << 20) + b" ", good) == (413, "InvalidRequest")
    shop.clock.moment += timedelta(hours=1)
    assert (await refused(body, good))[1] == "RequestExpired"
    assert await shop.snapshot() == before


async def test_a_signature_that_has_expired_is_refused(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    body = json.dumps(line(shop, buyer, "0.10")).encode()
    before, now = await shop.snapshot(), int(shop.clock().timestamp())

    for seconds, code in ((-60, "RequestExpired"), (0, "RequestExpired"), (60, None)):
        answer = await shop.client.post(
            f"{shop.url}{BATCH_PATH}", content=body, headers=expiring_headers(shop, body, now + seconds)
        )
        if code is not None:
            assert (answer.status_code, answer.json()["code"]) == (Refusal.RequestExpired.http_status, code)
            assert await shop.snapshot() == before
        else:
            assert answer.status_code == 200


def expiring_headers(shop: Shop, body: bytes, expires: int) -> dict[str, str]:
    """The same as `signed_headers`, with the parameter of RFC 9421, 2.3."""
    headers = signed_headers(shop, body)
    parameters = f"{headers['signature-input'].removeprefix('sig=')};expires={expires}"
    lines = [
        '"@method": POST',
        f'"@authority": {shop.host}',
        f'"@path": {BATCH_PATH}',
        f'"content-digest": {headers["content-digest"]}',
        f'"@signature-params": {parameters}',
    ]
    mac = base64.b64encode(hmac.digest(shop.key.secret.encode(), "\n".join(lines).encode(), "sha256")).decode()
    return headers | {"signature-input": f"sig={parameters}", "signature": f"sig=:{mac}:"}


async def test_what_was_signed_for_our_public_name_is_taken_from_a_proxy_that_uses_another(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    body = json.dumps(line(shop, buyer, "0.10")).encode()

    headers = signed_headers(shop, body) | {"host": "internal:9000"}
    answer = await shop.client.post(f"{shop.url}{BATCH_PATH}", content=body, headers=headers)

    assert answer.status_code == 200
    assert codes([json.loads(answer.content)]) == ["Success"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_batch_is_posted(shop: Shop, method: str) -> None:
    answer = await shop.client.request(method, f"{shop.url}{BATCH_PATH}")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["code"] == "InvalidRequest"


async def test_the_client_tells_why_a_batch_was_refused(shop: Shop) -> None:
    stranger = Credentials(shop.key.access_key_id, "not the secret")
    with pytest.raises(ServiceError, match="SignatureDoesNotMatch"):
        await pay_all(shop.client, shop.url, stranger, [], shop.clock())
    assert await pay(shop) == []
