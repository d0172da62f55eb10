"""What refusals tell a developer who is nearly right: the string that was expected, the name that was meant."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from tests.support.shop import Answer, Shop

from tallystick.client.batch import BATCH_PATH, signed_batch
from tallystick.client.fps import Credentials
from tallystick.store.keys import access_keys
from tallystick.store.ledger import create_book

EXPECTED = "The string to sign was expected to be: "


async def refused(shop: Shop, params: dict[str, str]) -> Answer:
    response = await shop.send("POST", params)
    return Answer(response.status_code, response.text)


def hmac_of(text: str, secret: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha256)).decode()


async def test_the_sandbox_tells_the_string_that_it_signed_and_whoever_signs_that_is_let_in(shop: Shop) -> None:
    params = shop.signed("POST", {"Action": "GetTokens", "CallerReference": "a b+c&d=ü~*", "Signature": "AAAA"})

    answer = await refused(shop, params)
    told = answer.message.partition(EXPECTED)[2].replace(r"\n", "\n")

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert told.startswith(f"POST\n{shop.host}\n/\nAWSAccessKeyId={shop.key.access_key_id}&Action=GetTokens&")
    assert "CallerReference=a%20b%2Bc%26d%3D%C3%BC~%2A" in told
    right = params | {"Signature": hmac_of(told, shop.key.secret)}
    assert (await refused(shop, right)).code is None


async def test_neither_the_secret_nor_a_signature_is_in_what_is_told(shop: Shop) -> None:
    params = shop.signed("POST", {"Action": "GetTokens"})
    right = params["Signature"]

    answer = await refused(shop, params | {"Signature": "AAAA"})

    assert EXPECTED in answer.text
    assert shop.key.secret not in answer.text
    assert right not in answer.message
    assert "AAAA" not in answer.message


async def test_a_live_key_hears_nothing_of_the_string(shop: Shop) -> None:
    service = shop.service
    live = shop.with_key(await access_keys.create(service.pool, service.vault, shop.key.party_id, "live", shop.clock()))
    async with service.pool.acquire() as connection:
        await create_book.create_seller_book(connection, shop.key.party_id, "live", shop.clock())

    answer = await refused(live, live.signed("POST", {"Action": "GetTokens", "Signature": "AAAA"}))

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert "Check the secret key and the string to sign." in answer.message
    assert EXPECTED not in answer.message
    assert "GetTokens" not in answer.message


async def test_a_batch_is_told_in_the_same_way_what_was_expected(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("1.00")
    line = {"caller_reference": shop.reference(), "sender_token_id": buyer.spending, "amount": "0.10"}
    stranger = Credentials(shop.key.access_key_id, "not the secret")
    headers, body = signed_batch(shop.url, stranger, [line], shop.clock())

    refusal = await shop.client.post(f"{shop.url}{BATCH_PATH}", content=body, headers=headers)
    told = refusal.json()["detail"].partition(EXPECTED)[2].replace(r"\n", "\n")

    assert (refusal.status_code, refusal.json()["code"]) == (403, "SignatureDoesNotMatch")
    assert told.startswith(f'"@method": POST\n"@authority": {shop.host}\n"@path": {BATCH_PATH}\n')
    assert shop.key.secret not in refusal.text
    mended = {**headers, "signature": f"sig=:{hmac_of(told, shop.key.secret)}:"}
    answer = await shop.client.post(f"{shop.url}{BATCH_PATH}", content=body, headers=mended)
    assert answer.json()["status"] == "Success", answer.text


async def test_what_is_told_of_a_long_request_has_an_end(shop: Shop) -> None:
    long = "ü" * 9_000
    answer = await refused(shop, shop.signed("POST", {"Action": "GetTokens", "Note": long, "Signature": "AAAA"}))

    assert answer.code == "SignatureDoesNotMatch"
    assert answer.message.endswith("…")
    assert len(answer.message) < 10_000


@pytest.mark.parametrize(
    ("params", "code", "hint"),
    [
        ({"Action": "getTokens"}, "InvalidAction", "Did you mean GetTokens?"),
        ({"Action": "GetAcountBalance"}, "InvalidAction", "Did you mean GetAccountBalance?"),
        ({"Action": "Withdraw"}, "InvalidAction", "There is no action Withdraw."),
        ({"Action": "GetTokens", "callerreference": "r-1"}, "InvalidRequest", "Did you mean CallerReference?"),
        ({"Action": "GetTokens", "CallerRef": "r-1"}, "InvalidRequest", "Did you mean CallerReference?"),
        ({"Action": "GetTokens", "Colour": "red"}, "InvalidRequest", ':Colour".'),
        (
            {"Action": "GetTokens", "CallerReference": "r-1", "callerReference": "r-1"},
            "InvalidRequest",
            ':callerReference".',
        ),
        ({"Action": "GetAccountActivity", "StartDat": "2027-01-01T00:00:00Z"}, "InvalidRequest", "mean StartDate?"),
        ({"Action": "GetAccountActivity", "Roles.1": "Sender"}, "InvalidRequest", "Did you mean Role.1?"),
        ({"Action": "", "action": "GetTokens"}, "MissingParameter", "It has action: names are to be spelt exactly so."),
        ({"Action": "GetTokens", "Version": "", "version": "2010-08-28"}, "MissingParameter", "It has version:"),
        ({"Action": "GetTokens", "Version": ""}, "MissingParameter", "must contain the parameter Version."),
    ],
)
async def test_misspelt_names_are_recognized(shop: Shop, params: dict[str, str], code: str, hint: str) -> None:
    answer = await refused(shop, shop.signed("POST", params))

    assert (answer.status, answer.code) == (400, code)
    assert hint in answer.message
    if "ean " not in hint and "It has" not in hint:
        assert answer.message.endswith(hint)
