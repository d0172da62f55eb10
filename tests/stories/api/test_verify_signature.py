"""VerifySignature: what this service signed verifies, what anybody changed does not."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.stories.api.causes.provoking import in_process
from tests.support.shop import Answer, Shop

from tallystick.domain.messages import signing
from tallystick.domain.messages.signed_messages import MessageSigner, sign_message
from tallystick.services.consent.outbound import sign_return_url
from tallystick.store.keys import signing_keys

ENDPOINT = "http://shop.example:8080/fps/return"
ANSWER = {"status": "SA", "prepaidInstrumentID": "P0", "note": "ä +~*", "expiry": ""}


async def returned(shop: Shop, return_url: str = f"{ENDPOINT}?cart=7&note2=a+b") -> str:
    """The query string with which a buyer comes back."""
    url = await sign_return_url(shop.service, return_url, ANSWER, "request-1")
    assert url.startswith(return_url)
    return urlsplit(url).query


async def status(shop: Shop, query: str, endpoint: str = ENDPOINT) -> str:
    answer = await shop.done("VerifySignature", {"UrlEndPoint": endpoint, "HttpParameters": query})
    return answer.value("VerificationStatus")


async def test_a_return_url_verifies_as_it_was_received(shop: Shop) -> None:
    query = await returned(shop)
    params = dict(parse_qsl(query, keep_blank_values=True))

    assert params["cart"] == "7"
    assert params["note2"] == "a b"
    assert params.items() >= ANSWER.items()
    assert "\n" not in params["signature"]
    assert params["certificateUrl"].startswith(f"{shop.url}/certs/")
    assert params["certificateUrl"].endswith("/PKICert.pem?requestId=request-1")
    assert await status(shop, query) == "Success"
    assert await status(shop, urlencode(params)) == "Success"  # another order of encoding, the same message


async def test_the_certificate_is_served_where_the_message_says(shop: Shop) -> None:
    params = dict(parse_qsl(await returned(shop), keep_blank_values=True))

    response = await shop.client.get(params["certificateUrl"])

    assert response.status_code == 200
    key = signing.public_key(response.text)
    received = {name: value for name, value in params.items() if name != "signature"}
    text = signing.string_to_sign_outbound("GET", ENDPOINT, received)
    assert signing.rsa_verifies(text, params["signature"], key)
    assert key.key_size == 2048


async def test_anything_changed_fails(shop: Shop) -> None:
    query = await returned(shop)

    assert await status(shop, query.replace("status=SA", "status=SB")) == "Failure"
    assert await status(shop, query.replace("cart=7", "cart=8")) == "Failure"
    assert await status(shop, query + "&added=1") == "Failure"
    assert await status(shop, "status=SB&" + query) == "Failure"
    assert await status(shop, query.replace("cart=7&", "")) == "Failure"
    assert await status(shop, query.replace("RSA-SHA1", "RSA-SHA256")) == "Failure"
    assert await status(shop, query.replace("signatureVersion=2", "signatureVersion=3")) == "Failure"
    assert await status(shop, query.partition("&signature=")[0]) == "Failure"
    assert await status(shop, query, "http://shop.example:8080/fps/return/") == "Failure"
    assert await status(shop, query, "http://shop.example/fps/return") == "Failure"
    assert await status(shop, query + "&broken=%ff") == "Failure"


async def test_a_certificate_from_elsewhere_is_never_trusted(shop: Shop) -> None:
    """Somebody signs with a key of their own and names their own certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ours = dict(parse_qsl(await returned(shop), keep_blank_values=True))["certificateUrl"]
    name = ours.split("/")[-2]
    for certificate_url in (
        "https://evil.example/certs/270301/PKICert.pem",
        f"https://evil.example/?{ours}",
        f"{shop.url}@evil.example/certs/{name}/PKICert.pem",
        f"{shop.url}/certs/../certs/{name}/PKICert.pem",
        f"{shop.url}/certs/{name}/PKICert.pem#",
        f"{shop.url}/certs/000000/PKICert.pem",
        f"{shop.url}/certs/{name}/../{name}/PKICert.pem",
        ours,
    ):
        params = {
            **ANSWER,
            "signatureVersion": "2",
            "signatureMethod": "RSA-SHA1",
            "certificateUrl": certificate_url,
        }
        text = signing.string_to_sign_outbound("GET", ENDPOINT, params)
        forged = urlencode({**params, "signature": signing.rsa_signature(text, key)})
        assert await status(shop, forged) == "Failure", certificate_url


async def test_a_notification_verifies_too(shop: Shop) -> None:
    async with shop.service.pool.acquire() as connection:
        key = await signing_keys.ensure_current(connection, shop.service.vault, shop.clock())
    params = {
        "notificationType": "TransactionStatus",
        "signatureVersion": "2",
        "signatureMethod": "RSA-SHA1",
        "certificateUrl": f"{shop.url}/certs/{key.name}/PKICert.pem?requestId=x",
    }
    text = signing.string_to_sign_outbound("POST", ENDPOINT, params)
    wrapped = signing.rsa_signature(text, key.private_key)
    wrapped = "\n".join(wrapped[start : start + 76] for start in range(0, len(wrapped), 76))

    assert await status(shop, urlencode({**params, "signature": wrapped})) == "Success"


async def test_a_return_url_never_passes_for_a_notification(shop: Shop) -> None:
    """A seller chooses the return URL, so it could write another seller's notification there and have us sign it."""
    forged = await returned(shop, f"{ENDPOINT}?notificationType=TransactionStatus&transactionStatus=SUCCESS")

    assert await status(shop, forged) == "Failure"


async def test_a_notification_never_passes_for_a_return_url(shop: Shop) -> None:
    """What comes back by a browser is never signed as POST."""
    async with shop.service.pool.acquire() as connection:
        key = await signing_keys.ensure_current(connection, shop.service.vault, shop.clock())
    signer = MessageSigner(shop.url, key.name, key.private_key)
    posted = sign_message(signer, "POST", ENDPOINT, ANSWER, "request-1")

    assert await status(shop, urlencode(posted.params)) == "Failure"


async def test_what_a_replaced_key_signed_still_verifies(shop: Shop) -> None:
    """Both certificates are served and known: a message may be on its way while the key is replaced."""
    before = await returned(shop)
    async with shop.service.pool.acquire() as connection:
        await signing_keys.rotate(connection, shop.service.vault, shop.clock())
    after = await returned(shop)

    names = [dict(parse_qsl(query))["certificateUrl"] for query in (before, after)]
    assert names[0] != names[1]
    assert [(await shop.client.get(name)).status_code for name in names] == [200, 200]
    assert [await status(shop, query) for query in (before, after)] == ["Success", "Success"]
    swapped = after.replace(names[1].split("/")[-2], names[0].split("/")[-2])
    assert await status(shop, swapped) == "Failure"


async def test_messages_of_the_oldest_kind_verify_for_their_owner_only(shop: Shop) -> None:
    """Where a setting says so."""
    params = {"status": "SA", "tokenID": "x y"}
    text = signing.string_to_sign_v1(params, "signature")
    own = signing.hmac_signature(text, shop.key.secret, "HmacSHA1")
    other = signing.hmac_signature(text, "somebody else's", "HmacSHA1")
    settings = replace(shop.service.settings, allow_signature_v1=True)
    allowing = in_process(replace(shop, service=replace(shop.service, settings=settings)))

    assert await status(allowing, urlencode({**params, "signature": own})) == "Success"
    assert await status(allowing, urlencode({**params, "signature": other})) == "Failure"
    refused = await shop.call(
        "VerifySignature", {"UrlEndPoint": ENDPOINT, "HttpParameters": urlencode({**params, "signature": own})}
    )
    assert (refused.status, refused.code) == (400, "InvalidParams")
    assert refused.message == "certificateUrl is missing in 'HttpParameters'."


async def test_a_link_that_was_cut_differently_is_no_message(shop: Shop) -> None:
    """The oldest kind signs names and values run together, as a link's string to sign is when cut elsewhere."""
    link = {"callerKey": shop.key.access_key_id, "signatureMethod": "HmacSHA1", "addressName": "statusSCtokenIDU1"}
    text = signing.string_to_sign_v2("GET", "127.0.0.1", "/cobranded-ui/actions/start", link, "signature")
    before, _, after = text.partition("statusSCtokenIDU1")
    signature = signing.hmac_signature(text, shop.key.secret, "HmacSHA1")
    cut = {before: "", "status": "SC", "tokenID": f"U1{after}"}
    assert signing.string_to_sign_v1(cut, "signature") == text

    asked = {"UrlEndPoint": ENDPOINT, "HttpParameters": urlencode({**cut, "signature": signature})}
    assert (await shop.call("VerifySignature", asked)).code == "InvalidParams"


@pytest.mark.parametrize(
    "query",
    ["status=SA", "status=SA&signature=AAAA", "status=SA&signatureVersion=2&signature=AAAA&certificateUrl=", "a"],
)
async def test_a_message_without_a_certificate_is_no_message_of_ours(shop: Shop, query: str) -> None:
    answer = await shop.call("VerifySignature", {"UrlEndPoint": ENDPOINT, "HttpParameters": query})

    assert (answer.status, answer.code) == (400, "InvalidParams")
    assert answer.message == "certificateUrl is missing in 'HttpParameters'."


@pytest.mark.parametrize("endpoint", ["shop.example/return", "ftp://shop.example", "http://", "http:// /", "x"])
async def test_an_endpoint_must_be_a_url(shop: Shop, endpoint: str) -> None:
    answer = await shop.call("VerifySignature", {"UrlEndPoint": endpoint, "HttpParameters": "a=b"})

    assert answer.code == "InvalidParams"
    assert "is an invalid URL" in answer.message


async def test_localhost_is_an_endpoint_like_any_other(shop: Shop) -> None:
    query = await returned(shop, "http://localhost:3001/return")

    assert await status(shop, query, "http://localhost:3001/return") == "Success"


@pytest.mark.parametrize("version", ["2008-09-17", "2010-08-28", "2011-09-20"])
async def test_anybody_may_ask_without_signing(shop: Shop, version: str) -> None:
    query = await returned(shop)
    asked = {"Action": "VerifySignature", "Version": version, "UrlEndPoint": ENDPOINT, "HttpParameters": query}

    answered = await shop.send("GET", asked)
    changed = await shop.send("POST", {**asked, "HttpParameters": query.replace("status=SA", "status=SB")})

    assert (answered.status_code, changed.status_code) == (200, 200)
    assert "<VerificationStatus>Success</VerificationStatus>" in answered.text
    assert "<VerificationStatus>Failure</VerificationStatus>" in changed.text


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"Signature": "AAAA"}, 403, "MissingClientTokenId"),
        ({"AWSAccessKeyId": "AK0000000000000000ZZ"}, 403, "MissingAuthenticationToken"),
        ({"Version": ""}, 400, "MissingParameter"),
        ({"Version": "2007-01-08"}, 400, "InvalidAction"),
        ({"Action": "GetAccountBalance"}, 403, "MissingClientTokenId"),
    ],
)
async def test_nothing_else_goes_without_signing(shop: Shop, changes: dict[str, str], status: int, code: str) -> None:
    asked = {"Action": "VerifySignature", "Version": "2010-08-28", "UrlEndPoint": ENDPOINT, "HttpParameters": "a=b"}

    answer = await shop.send("POST", asked | changes)

    assert (answer.status_code, Answer(answer.status_code, answer.text).code) == (status, code)


async def test_messages_of_the_oldest_kind_are_nobodys_without_a_key(shop: Shop) -> None:
    """They are signed with a seller's secret: who does not say whose is told nothing about it."""
    params = {"status": "SA", "tokenID": "x y"}
    own = signing.hmac_signature(signing.string_to_sign_v1(params, "signature"), shop.key.secret, "HmacSHA1")
    settings = replace(shop.service.settings, allow_signature_v1=True)
    allowing = in_process(replace(shop, service=replace(shop.service, settings=settings)))
    message = urlencode({**params, "signature": own})
    asked = {"Action": "VerifySignature", "UrlEndPoint": ENDPOINT, "HttpParameters": message, "Version": "2010-08-28"}

    answer = await allowing.send("POST", asked)

    assert "<VerificationStatus>Failure</VerificationStatus>" in answer.text


async def test_own_parameters_never_shadow_the_answer(shop: Shop) -> None:
    url = await sign_return_url(shop.service, f"{ENDPOINT}?status=SC&cart=7&signature=x#top", ANSWER, "request-1")

    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert [value for name, value in pairs if name == "status"] == ["SA"]
    assert dict(pairs)["cart"] == "7"
    assert await status(shop, urlsplit(url).query) == "Success"
