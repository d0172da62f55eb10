"""How calls arrive and answers leave: the ways, the signature, time, versions, and the bytes of the envelopes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
from tests.support.shop import UUID, Answer, Shop, Way, amount, canonical, encoded, signature, usd

WAYS: list[Way] = ["GET", "POST", "POST with a query string"]


def code(response: httpx.Response) -> str | None:
    return Answer(response.status_code, response.text).code


async def answer(shop: Shop, params: Mapping[str, str], way: Way = "POST") -> httpx.Response:
    """The answer to parameters that are signed here, whatever they are."""
    return await shop.send(way, shop.signed(way.partition(" ")[0], {"Action": "GetAccountBalance", **params}))


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_of_calling_works_for_reading_and_for_money(shop: Shop, way: Way) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    pay = shop.pay_parameters(buyer, "1.00") | {"CallerDescription": "Blåbærgrød & +more ~*'()!"}

    paid = await shop.call("Pay", pay, way)
    read = await shop.call("GetTransaction", {"TransactionId": paid.value("TransactionId")}, way)

    assert read.value("CallerDescription") == "Blåbærgrød & +more ~*'()!"
    assert await shop.balance(buyer) == usd("9.00")


@pytest.mark.parametrize("way", WAYS)
async def test_a_blank_may_be_a_plus_sign(shop: Shop, way: Way) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    pay = {"Action": "Pay", **shop.pay_parameters(buyer, "1.00"), "CallerDescription": "one song + one more"}
    verb = way.partition(" ")[0]
    wire = canonical(shop.signed(verb, pay)).replace("%20", "+")
    url = httpx.URL(f"{shop.url}/") if way == "POST" else httpx.URL(f"{shop.url}/?{wire}")
    form = {"content-type": "application/x-www-form-urlencoded"}

    response = await shop.client.request(
        verb, url, content=wire if way == "POST" else None, headers=form if way == "POST" else {}
    )

    assert code(response) is None


async def test_the_order_on_the_wire_is_free(shop: Shop) -> None:
    signed = shop.signed("GET", {"Action": "GetAccountBalance"})
    shuffled = {name: signed[name] for name in sorted(signed, key=lambda name: name[::-1])}
    wire = "&".join(f"{name}={encoded(value)}" for name, value in shuffled.items())

    assert code(await shop.client.get(f"{shop.url}/?{wire}")) is None


async def test_a_success_is_enveloped_byte_for_byte(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")

    response = await answer(shop, {"Action": "GetPrepaidBalance", "PrepaidInstrumentId": buyer.instrument})

    request_id = UUID.search(response.text)
    assert request_id is not None
    assert response.content.decode() == (
        '<?xml version="1.0"?>\n<GetPrepaidBalanceResponse xmlns="http://fps.amazonaws.com/doc/2010-08-28/">'
        "<GetPrepaidBalanceResult><PrepaidBalance><AvailableBalance><CurrencyCode>USD</CurrencyCode>"
        "<Value>10.000000</Value></AvailableBalance><PendingInBalance><CurrencyCode>USD</CurrencyCode>"
        "<Value>0.000000</Value></PendingInBalance></PrepaidBalance></GetPrepaidBalanceResult>"
        f"<ResponseMetadata><RequestId>{request_id[0]}:0</RequestId></ResponseMetadata></GetPrepaidBalanceResponse>"
    )
    assert response.headers["content-type"].startswith("text/xml")


async def test_cancelling_answers_without_a_result_element(shop: Shop) -> None:
    buyer = await shop.books.prepaid_buyer()

    response = await answer(shop, {"Action": "CancelToken", "TokenId": buyer.spending})

    assert re.fullmatch(
        r'<\?xml version="1\.0"\?>\n<CancelTokenResponse xmlns="http://fps\.amazonaws\.com/doc/2010-08-28/">'
        rf"<ResponseMetadata><RequestId>{UUID.pattern}:0</RequestId></ResponseMetadata></CancelTokenResponse>",
        response.text,
    )


async def test_an_error_is_one_line_after_the_declaration(shop: Shop) -> None:
    response = await answer(shop, {"Action": "GetTransaction", "TransactionId": "<nothing> & more\nlines"})

    assert response.status_code == 400
    assert re.fullmatch(
        r'<\?xml version="1\.0"\?>\n<Response><Errors><Error><Code>InvalidParams</Code><Message>"transactionId" '
        r"must be a valid transaction ID: &lt;nothing&gt; &amp; more lines</Message></Error></Errors>"
        rf"<RequestID>{UUID.pattern}</RequestID></Response>",
        response.text,
    )


@pytest.mark.parametrize(
    ("version", "served"),
    [
        ("2008-09-17", "2008-09-17"),
        ("2010-08-28", "2010-08-28"),
        ("2010-08-29", "2010-08-28"),
        ("2011-09-19", "2010-08-28"),
        ("2011-09-20", "2011-09-20"),
        ("2013-01-01", "2011-09-20"),
        ("2007-01-07", None),
        ("2009-01-09", None),
        ("2011-02-30", None),
        ("2011-9-2", None),
        ("latest", None),
    ],
)
async def test_versions(shop: Shop, version: str, served: str | None) -> None:
    response = await answer(shop, {"Version": version})

    if served is None:
        assert (response.status_code, code(response)) == (400, "NoSuchVersion")
    else:
        assert f'xmlns="http://fps.amazonaws.com/doc/{served}/"' in response.text


@pytest.mark.parametrize(
    ("params", "status", "expected"),
    [
        ({"SignatureMethod": "HmacSHA1"}, 200, None),
        ({"Signature": "AAAA"}, 403, "SignatureDoesNotMatch"),
        ({"Signature": "ünicode"}, 403, "InvalidSignature"),
        ({"Signature": "A"}, 403, "InvalidSignature"),
        ({"Signature": ""}, 403, "MissingAuthenticationToken"),
        ({"AWSAccessKeyId": ""}, 403, "MissingClientTokenId"),
        ({"AWSAccessKeyId": "AK0000000000000000ZZ"}, 403, "InvalidClientTokenId"),
        ({"AWSAccessKeyId": "AK\0"}, 403, "InvalidClientTokenId"),
        ({"SignatureVersion": "1"}, 400, "InvalidParameterValue"),
        ({"SignatureVersion": "0"}, 400, "InvalidParameterValue"),
        ({"SignatureVersion": ""}, 400, "MissingParameter"),
        ({"SignatureMethod": "HmacMD5", "Signature": "AAAA"}, 400, "InvalidParameterValue"),
        ({"SignatureMethod": "", "Signature": "AAAA"}, 400, "MissingParameter"),
        ({"Action": ""}, 400, "MissingParameter"),
        ({"Action": "getaccountbalance"}, 400, "InvalidAction"),
        ({"Action": "GetResults"}, 400, "InvalidAction"),
        ({"Action": "GetSubscriptionDetails", "Version": "2008-09-17"}, 400, "InvalidAction"),
        ({"Timestamp": ""}, 400, "MissingParameter"),
        ({"Version": ""}, 400, "MissingParameter"),
        ({"Timestamp": "yesterday"}, 400, "InvalidParameterValue"),
    ],
)
async def test_common_parameters(shop: Shop, params: dict[str, str], status: int, expected: str | None) -> None:
    response = await answer(shop, params)

    assert (response.status_code, code(response)) == (status, expected)


async def test_what_was_signed_is_what_counts(shop: Shop) -> None:
    signed = shop.signed("POST", {"Action": "GetAccountBalance"})
    other_verb = await shop.send("GET", signed)
    other_action = await shop.send("POST", signed | {"Action": "GetTokens"})
    other_secret = signed | {"Signature": signature("POST", shop.host, "/", signed, "not the secret")}

    assert code(other_verb) == "SignatureDoesNotMatch"
    assert code(other_action) == "SignatureDoesNotMatch"
    assert code(await shop.send("POST", other_secret)) == "SignatureDoesNotMatch"
    assert shop.key.secret not in other_verb.text


async def test_a_signature_survives_wrapping_and_lost_plus_signs(shop: Shop) -> None:
    for number in range(8):
        signed = shop.signed("POST", {"Action": "GetAccountBalance", "Timestamp": stamp(shop, seconds=number)})
        damaged = signed["Signature"].replace("+", " ")
        assert code(await shop.send("POST", signed | {"Signature": damaged[:20] + "\n" + damaged[20:]})) is None


def stamp(shop: Shop, **ago: int) -> str:
    return (shop.clock() - timedelta(**ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def raw(shop: Shop, request: str) -> str:
    """Send text to the service as it stands and read the whole answer."""
    url = httpx.URL(shop.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request.encode())
    text = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    await writer.wait_closed()
    return text


@pytest.mark.parametrize(
    ("header", "signed_over"), [("full", "full"), ("full", "bare"), ("bare", "bare"), ("X", "full")]
)
async def test_the_host_is_signed_with_or_without_its_port(shop: Shop, header: str, signed_over: str) -> None:
    hosts = {"full": shop.host, "bare": shop.host.partition(":")[0], "X": "behind.a.proxy.example"}
    query = canonical(shop.signed("GET", {"Action": "GetAccountBalance"}, host=hosts[signed_over]))

    text = await raw(shop, f"GET /?{query} HTTP/1.1\r\nHost: {hosts[header]}\r\nConnection: close\r\n\r\n")

    assert text.startswith("HTTP/1.1 200 OK\r\n"), text


async def test_another_host_is_not_ours(shop: Shop) -> None:
    query = canonical(shop.signed("GET", {"Action": "GetAccountBalance"}, host="pay.example"))

    assert code(await shop.client.get(f"{shop.url}/?{query}")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.533Z", "%Y-%m-%dT%H:%M:%S+00:00"])
async def test_forms_of_the_timestamp(shop: Shop, form: str) -> None:
    assert code(await answer(shop, {"Timestamp": shop.clock().strftime(form)})) is None


async def test_timestamps_in_other_zones(shop: Shop) -> None:
    pacific = (shop.clock() - timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M:%S.000-07:00")

    assert code(await answer(shop, {"Timestamp": pacific})) is None


async def test_requests_expire_after_fifteen_minutes_both_ways(shop: Shop) -> None:
    assert code(await answer(shop, {"Timestamp": stamp(shop, seconds=900)})) is None
    assert code(await answer(shop, {"Timestamp": stamp(shop, seconds=-900)})) is None
    late = await answer(shop, {"Timestamp": stamp(shop, seconds=901)})
    assert code(late) == code(await answer(shop, {"Timestamp": stamp(shop, seconds=-901)})) == "RequestExpired"
    assert stamp(shop, seconds=901) in late.text


async def test_parameters_that_the_version_does_not_have(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    pay = shop.pay_parameters(buyer, "1.00")
    newer = {"OverrideIPNURL": "http://shop.example/ipn"}
    before = await shop.snapshot()

    for params, namespace, name in [
        ({"callerReference": "x"}, "2010-08-28", "callerReference"),
        ({"TransactionAmount.Amount": "1.00"}, "2010-08-28", "TransactionAmount.Amount"),
        ({"TemporaryDeclinePolicy": "x", "Version": "2008-09-17"}, "2008-09-17", "TemporaryDeclinePolicy"),
        ({**newer, "Version": "2008-09-17"}, "2008-09-17", "OverrideIPNURL"),
    ]:
        refused = await shop.call("Pay", pay | params)
        assert (refused.status, refused.code) == (400, "InvalidRequest")
        assert f'"http://fps.amazonaws.com/doc/{namespace}/:{name}"' in refused.message
    assert await shop.snapshot() == before
    assert (await shop.call("Pay", pay | newer)).code is None


async def test_requests_that_cannot_be_decoded(shop: Shop) -> None:
    query = canonical(shop.signed("GET", {"Action": "GetAccountBalance"}))
    form = {"content-type": "application/x-www-form-urlencoded"}
    url = f"{shop.url}/"

    twice = await shop.client.get(f"{url}?{query}&Action=GetTokens")
    same_in_body = await shop.client.post(f"{url}?{query}", content=query, headers=form)
    latin = await shop.client.get(f"{url}?{query}&CallerDescription=%E5")
    json = await shop.client.post(url, json={"Action": "GetAccountBalance"})

    assert [code(response) for response in (twice, same_in_body, latin, json)] == ["MalformedQueryString"] * 4
    assert code(await shop.client.get(url)) == "MissingParameter"
    assert code(await shop.client.get(f"{url}?Action")) == "MissingParameter"
    assert code(await shop.client.get(f"{url}?%00=%00&&=&Action=Pay")) == "MissingClientTokenId"


@pytest.mark.parametrize("size", [65_537, 100_000, 1_000_000])
@pytest.mark.parametrize("announced", [True, False])
async def test_bodies_that_are_too_large_are_answered_before_the_connection_closes(
    shop: Shop, size: int, announced: bool
) -> None:
    """Also to a client that first sends all it has and then listens, and to the next call of the same client."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 1024):
            yield b"a" * min(1024, size - start)

    form = {"content-type": "application/x-www-form-urlencoded"}
    for _ in range(3):
        content = b"a" * size if announced else chunks()
        response = await shop.client.post(f"{shop.url}/", content=content, headers=form)
        assert (response.status_code, code(response)) == (413, "InvalidRequest")
        assert response.headers["connection"] == "close"
    assert (await shop.call("GetAccountBalance", {})).code is None


async def test_a_body_that_never_ends_is_not_read_for_ever(shop: Shop) -> None:
    async def without_end() -> AsyncIterator[bytes]:
        while True:
            yield b"a" * 65_536

    form = {"content-type": "application/x-www-form-urlencoded"}
    with suppress(httpx.TransportError):  # hung up on while it was sending, it may miss the answer
        response = await shop.client.post(f"{shop.url}/", content=without_end(), headers=form)
        assert response.status_code == 413
    assert (await shop.call("GetAccountBalance", {})).code is None


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused_in_the_protocols_form(shop: Shop, method: str) -> None:
    response = await shop.client.request(method, f"{shop.url}/")

    assert (response.status_code, code(response)) == (405, "InvalidRequest")
    assert response.headers["allow"] == "GET, POST"


async def test_one_fault_is_reported_and_always_the_first(shop: Shop) -> None:
    """The documented order: a request with every fault is repaired one by one."""
    good = {"Action": "GetAccountActivity", "StartDate": stamp(shop, hours=1)}
    faults = [
        ("InvalidAction", {"Action": "Nothing"}),
        ("MissingClientTokenId", {"AWSAccessKeyId": ""}),
        ("MissingAuthenticationToken", {"Signature": ""}),
        ("InvalidParameterValue", {"SignatureVersion": "1"}),
        ("InvalidClientTokenId", {"AWSAccessKeyId": "AK0000000000000000ZZ"}),
        ("SignatureDoesNotMatch", {"Signature": "AAAA"}),
        ("RequestExpired", {"Timestamp": "2001-01-01T00:00:00Z"}),
        ("NoSuchVersion", {"Version": "2001-01-01"}),
        ("InvalidRequest", {"Unknown": "parameter"}),
        ("InvalidParams", {"MaxBatchSize": "1"}),
        ("InvalidDateRange", {"EndDate": "2001-01-01T00:00:00Z"}),
    ]
    for number, (expected, _) in enumerate(faults):
        params = dict(good)
        for _, fault in reversed(faults[number:]):
            params |= fault
        response = await shop.send("POST", shop.signed("POST", params))
        assert code(response) == expected


async def test_text_that_xml_cannot_hold_is_refused(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    pay = shop.pay_parameters(buyer, "1.00")

    for text in ("\0", "a\x08b", "\x1b[31m", "\ufffe"):
        assert await shop.refused("Pay", pay | {"CallerDescription": text}) == "InvalidParams"
        assert await shop.refused("Pay", pay | {"CallerReference": text}) == "InvalidParams"
    kept = "tabs\tand\r\nlines, 💶 <&>"
    paid = await shop.done("Pay", pay | {"CallerDescription": kept})
    read = await shop.done("GetTransaction", {"TransactionId": paid.value("TransactionId")})
    assert read.value("CallerDescription") == kept


async def test_the_pages_are_behind_the_same_door(shop: Shop) -> None:
    assert (await shop.client.get(f"{shop.url}/healthz")).status_code == 200
    assert (await shop.client.get(f"{shop.url}/nothing-here")).status_code == 404


async def test_amounts_have_up_to_six_decimals(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    for value in (
        "0",
        "0.00",
        "-1",
        "+1",
        "1.0000001",
        "1,00",
        " 1",
        "1e2",
        "1.",
        ".5",
        "NaN",
        "99999999999999",
        "\u0661",
    ):
        pay = shop.pay_parameters(buyer, "1.00") | amount("TransactionAmount", value)
        assert await shop.refused("Pay", pay) == "InvalidParams", value
    for currency in ("EUR", "usd", ""):
        pay = shop.pay_parameters(buyer, "1.00") | {"TransactionAmount.CurrencyCode": currency}
        assert await shop.refused("Pay", pay) == "InvalidParams", currency
    assert (await shop.pay(buyer, "1.234567")).code is None
    assert await shop.balance(buyer) == 8_765_433
    assert (await shop.pay(buyer, "0.000001")).code == "AmountOutOfRange"
