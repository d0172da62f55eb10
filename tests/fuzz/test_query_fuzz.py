"""Whatever is sent to the query API: an answer in the protocol's form, never a fault of ours, never half a change."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import hypothesis.strategies as st
import pytest
from hypothesis import assume, event, given
from tests.conftest import fuzz
from tests.domain.test_gatekeeper_properties import any_texts, near_texts
from tests.fuzz.conftest import FORM, Given, Target, wire

from tallystick.domain.messages import signing
from tallystick.domain.refusals import Refusal
from tallystick.services.api.fields import SERVED, V2007, V2010, Field, Need
from tallystick.services.api.registry import ACTIONS

pytestmark = pytest.mark.timeout(3600)  # the long run takes many minutes

STATUSES = {200, 400, 401, 403, 405, 413}
MOVERS = sorted(name for name, action in ACTIONS.items() if action.moves_money)
CODES = {refusal.name for refusal in Refusal}

pieces = st.sampled_from(
    [
        *(b"&", b"=", b"%", b"%zz", b"%00", b"%ff", b"%C3%A9", b"+", b";", b"\r\n", b"\0", b"\xff", b"&&", b".", b"?"),
        *(b"Action=Pay", b"Action=VerifySignature", b"Version=2008-09-17", b"Version=2010-08-28", b"Version="),
        *(b"AWSAccessKeyId=AK", b"Signature=AAAA", b"SignatureVersion=2", b"SignatureMethod=HmacSHA256"),
        *(b"Timestamp=2027-03-01T12:00:00Z", b"UrlEndPoint=http://", b"HttpParameters=%26%3D%25"),
    ]
)
any_bytes = st.binary(max_size=200) | st.lists(pieces, max_size=30).map(b"".join) | st.lists(pieces).map(b"&".join)
texts = st.text(st.characters(codec="utf-8"), max_size=80)
content_types = st.sampled_from([b"", FORM, FORM + b"; charset=utf-8", FORM + b";;=", b"text/plain", b"\xff"])
hosts = st.sampled_from(
    [b"pay.example", b"", b":", b"pay.example:443", b"[::1]:x", b"\xff", b"a:b:c", b"pay.example:99999"]
)


def check_form(given: Given) -> str | None:
    """The code, None for a success. The answer must be one of the protocol."""
    assert given.status in STATUSES
    assert given.text.startswith('<?xml version="1.0"?>\n<')
    code = given.code
    assert code is None or code in CODES
    assert (given.status == 200) == (code is None)
    return code


@fuzz(1_000)
@given(
    verb=st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    query=any_bytes,
    body=any_bytes,
    content_type=content_types,
    host=hosts,
)
async def test_any_bytes_are_answered(
    target: Target, verb: str, query: bytes, body: bytes, content_type: bytes, host: bytes
) -> None:
    answer = await target.send(verb, "/", query, body, {b"content-type": content_type, b"host": host})

    if check_form(answer) is None:  # the one action that once needed no signature
        assert "<VerifySignatureResponse " in answer.text


@fuzz(500)
@given(data=st.data(), verb=st.sampled_from(["GET", "POST"]))
async def test_a_spoilt_request_is_refused_and_changes_nothing(target: Target, data: st.DataObject, verb: str) -> None:
    signed = target.signed(
        verb,
        {
            "Action": "Pay",
            "SenderTokenId": target.buyer.spending,
            "TransactionAmount.CurrencyCode": "USD",
            "TransactionAmount.Value": "0.01",
            "CallerReference": "never paid",
        },
    )
    spoilt = dict(signed)
    name = data.draw(st.sampled_from(sorted(signed)))
    match data.draw(st.sampled_from(["value", "name", "drop", "add", "character", "key"])):
        case "value":
            spoilt[name] = data.draw(texts)
        case "name":
            spoilt[data.draw(texts)] = spoilt.pop(name)
        case "drop":
            del spoilt[name]
        case "add":
            spoilt[data.draw(texts)] = data.draw(texts)
        case "character":
            place = data.draw(st.integers(0, len(signed[name]) - 1))
            letter = data.draw(st.characters(codec="utf-8"))
            spoilt[name] = signed[name][:place] + letter + signed[name][place + 1 :]
        case "key":
            spoilt["AWSAccessKeyId"] = data.draw(texts | st.just("AK" + "0" * 18))
    assume(understood(spoilt) != understood(signed))
    before = await target.state()

    answer = await target.send(verb, "/", wire(spoilt)) if verb == "GET" else await post(target, spoilt)

    assert check_form(answer) is not None
    assert await target.state() == before


def understood(params: dict[str, str]) -> dict[str, str]:
    """The parameters as understood, with the damage undone that a signature may suffer in transit."""
    return params | {"Signature": signing.as_received(params.get("Signature", ""))}


async def post(target: Target, params: dict[str, str]) -> Given:
    return await target.send("POST", "/", b"", wire(params), {b"content-type": FORM})


def good(target: Target, action: str, field: Field) -> str:
    """A value with which a call may succeed."""
    of_tab = action in {"SettleDebt", "WriteOffDebt", "GetDebtBalance", "CancelToken"}
    buyer = target.tab if of_tab else target.buyer
    if field.name == "SenderTokenId":
        return buyer.spending if action == "Pay" else buyer.money
    known = {
        "TokenId": buyer.spending,
        "PrepaidInstrumentId": buyer.instrument,
        "CreditInstrumentId": buyer.instrument,
        "TransactionId": target.paid,
        "StartDate": "2027-01-01T00:00:00Z",
        "UrlEndPoint": "http://shop.example/back",
        "HttpParameters": "status=SC&signature=AAAA&signatureVersion=2&signatureMethod=RSA-SHA1&certificateUrl=http://x",
        "PaymentInstruction": "MyRole == 'Recipient';",
    }
    return known.get(field.name) or (field.allowed[0] if field.allowed else "5")


def bad(name: str) -> st.SearchStrategy[str]:
    """Values that are wrong, or right at a limit."""
    if name == "PaymentInstruction":
        return (near_texts | any_texts).map(lambda text: text.encode("utf-8", "replace").decode())
    if name.endswith((".Value", ".Amount")):
        return amounts
    if name.endswith("Date"):
        return moments | texts
    return odd | texts


amounts = st.sampled_from(
    [
        "1",
        "0.000001",
        "0.0000001",
        "999999999999.999999",
        "9223372036854.775807",
        "1e5",
        "-1",
        "0",
        "NaN",
        "Infinity",
        "\u0661",
        "+1",
        " 1",
        "1.",
        ".5",
        "1_0",
        "00",
        "0" * 99 + "1",
        "9" * 5000,
    ]
)
moments = st.sampled_from(
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2027-02-29T00:00:00Z",
        "2027-03-01",
        "2027-03-01T24:00:00Z",
        "2027-03-01T12:00:60Z",
        "2027-03-01T12:00:00.9999999999Z",
    ]
)
odd = st.sampled_from(
    [
        "",
        " ",
        "\0",
        "\ufffe",
        "\x85",
        "\U0010ffff",
        "99999999999999999999",
        "-1",
        "T" + "0" * 63,
        "01" + "A" * 33,
        "http://[",
        "http://x:99999/",
        "https://x.example/ipn",
        "//",
        "a" * 1000,
        "é" * 128,
        "<![CDATA[",
        "&amp;",
    ]
)


@fuzz(800)
@given(
    data=st.data(),
    action=st.sampled_from(sorted(ACTIONS)) | st.sampled_from(MOVERS),
    version=st.sampled_from([V2010] * 12 + [*SERVED, "2011-09-20", "2009-99-99", "\0"]),
    reference=st.integers(0, 10_000),
)
async def test_a_signed_call_with_anything_in_it_is_done_or_changes_nothing(
    target: Target, data: st.DataObject, action: str, version: str, reference: int
) -> None:
    table = ACTIONS[action].tables.get(version)
    fields = table.fields if table else ()
    params: dict[str, str] = {}
    for field in fields:
        for name in field.wire_names() if field.need is Need.REQUIRED else ():
            if name.endswith((".Value", ".Amount")):
                params[name] = "0.01"
            else:
                params[name] = "USD" if name.endswith(".CurrencyCode") else good(target, action, field)
    if "CallerReference" in params:
        params["CallerReference"] = f"reference {reference}"
    names = [f"{name}.1" if field.repeated else name for field in fields for name in field.wire_names()]
    if names:
        for name in data.draw(st.lists(st.sampled_from(names), max_size=2)):
            params[name] = data.draw(bad(name))
    if data.draw(st.integers(0, 19)) == 0:
        params[data.draw(texts)] = data.draw(texts)
    before = await target.state()

    answer = await post(target, target.signed("POST", {"Version": version} | params | {"Action": action}))

    if version == V2007 and answer.status == 200:  # its business errors have HTTP status 200
        failed = ET.fromstring(answer.text).findtext("Status") == "Failure"  # noqa: S314 - an answer of our own
    else:
        failed = check_form(answer) is not None
    event("refused" if failed else f"done: {action}")
    if failed:
        assert await target.state() == before
