"""Any link or button is answered by a page or by a redirect with the protocol's status; never by an internal error."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, urlsplit

import hypothesis.strategies as st
import pytest
from hypothesis import event, given
from tests.conftest import fuzz
from tests.fuzz.conftest import FORM, HOST, Given, Target, wire
from tests.fuzz.test_query_fuzz import amounts, any_bytes, content_types, odd, texts
from tests.stories.pages.world import BUTTON, START, needed
from tests.support.shop import canonical

from tallystick.services.consent.parameters import PIPELINES, SIMPLE_PAY, Parameter
from tallystick.services.consent.values import ValueKind

pytestmark = pytest.mark.timeout(3600)  # the long run takes many minutes

RETURN_URL = "https://shop.example/paid?order=7&note=two+words"

dates = st.sampled_from(["0", "1", "9999999999", "1803816000", "1803816001", "-1", "1e9", "99999999999", "\u0661"])
periods = st.sampled_from(
    ["1 Month", "12 Months", "59 Minutes", "0 Days", "99999 Years", "999999999999 Years", "1  Day", "1day", "Month"]
)
urls = st.sampled_from(
    [
        *(RETURN_URL, "http://[", "http://[::1]:8/", "javascript:alert(1)", "//shop.example", "http://a@shop.example"),
        *("https://shop.example/?status=SC", "https://shop.example/#x", "https://shop.example:99999/", "http://\u212a.x"),
        *("https://shop.example/?a=%ff", "https://shop.example/?a=%0d%0aSet-Cookie:x", "http://x.y/" + "a" * 3000),
    ]
)  # fmt: skip
markup = st.sampled_from(
    ["<b>x", "<script>alert(1)</script>", "<img src=x onerror=y>", "<b onclick=x>y</b>", "{{ 7 * 7 }}", "&lt;i&gt;"]
)
tokens = st.sampled_from(["T" + "0" * 63, ",".join(["T" + "0" * 63] * 21), ",", "T0,,T1"])


def spoilt(parameter: Parameter) -> st.SearchStrategy[str]:
    """Values of the parameter's kind that are right at a limit or wrong, and any text."""
    by_kind = {
        ValueKind.EPOCH: dates,
        ValueKind.PERIOD: periods,
        ValueKind.URL: urls,
        ValueKind.HTML: markup,
        ValueKind.TOKEN: tokens,
        ValueKind.TOKENS: tokens,
        ValueKind.METHODS: st.sampled_from(["CC,ACH,ABT", "CC,CC", ",", "cc", "CC, ABT"]),
    }
    own = by_kind.get(parameter.kind, amounts)
    return own | odd | texts | st.sampled_from(parameter.allowed or ("True", "False"))


def check_answer(given: Given) -> None:
    """A page without foreign markup, a step of a visit, or the way back to the seller."""
    if given.status in {302, 303}:
        place = given.headers["location"]
        assert "\r" not in place
        assert "\n" not in place
        if place.startswith("/"):
            event("a visit begins")
            assert place.startswith("/cobranded-ui/visits/")
            return
        event("back to the seller")
        answer = dict(parse_qsl(urlsplit(place).query, keep_blank_values=True))
        assert answer["status"] in {"CE", "ME", "IT", "NM", "NP"}, place
        assert "signature" in answer
    else:
        event("a page")
        assert given.status in {200, 400, 403, 405, 413}
        assert "<script>alert(1)" not in given.text
        assert "onerror=y" not in given.text


@fuzz(500)
@given(data=st.data(), name=st.sampled_from([*PIPELINES, SIMPLE_PAY.name]))
async def test_any_signed_link_is_answered(target: Target, data: st.DataObject, name: str) -> None:
    button = name == SIMPLE_PAY.name
    pipeline = SIMPLE_PAY if button else PIPELINES[name]
    verb, path = ("POST", BUTTON) if button else (data.draw(st.sampled_from(["GET", "POST"])), START)
    params = (
        {"accessKey": target.key.access_key_id, "amount": "USD 1", "description": "CD", "returnUrl": RETURN_URL}
        if button
        else {
            "callerKey": target.key.access_key_id,
            "pipelineName": name,
            "version": "2009-01-09",
            "returnURL": RETURN_URL,
            **needed(name),
        }
    )
    for parameter in data.draw(st.lists(st.sampled_from(pipeline.parameters), max_size=3)):
        params[parameter.name] = data.draw(spoilt(parameter))
    if data.draw(st.integers(0, 9)) == 0:
        params[data.draw(texts)] = data.draw(texts)
    whole = params | {"signatureVersion": "2", "signatureMethod": "HmacSHA256"}
    whole.pop("signature", None)
    signed = wire(whole | {"signature": signed_by(target, verb, path, whole)})
    before = await target.state()

    if verb == "GET":
        answer = await target.send(verb, path, signed)
    else:
        answer = await target.send(verb, path, b"", signed, {b"content-type": FORM})

    check_answer(answer)
    assert await target.state() == before
    if answer.headers.get("location", "").startswith("/"):
        page = await target.send("GET", answer.headers["location"])  # shows names and texts of the link
        assert page.status == 200, page
        check_answer(page)


def signed_by(target: Target, verb: str, path: str, params: dict[str, str]) -> str:
    text = f"{verb}\n{HOST}\n{path}\n{canonical(params)}"
    return base64.b64encode(hmac.digest(target.key.secret.encode(), text.encode(), hashlib.sha256)).decode()


@pytest.mark.parametrize("key", ["\0", "é", "A" * 200])
async def test_a_text_that_is_no_key_is_an_unknown_key(target: Target, key: str) -> None:
    answer = await target.send("GET", START, wire({"callerKey": key, "pipelineName": "SetupPrepaid"}))

    assert answer.status == 400
    assert "either invalid or absent:[callerKey]" in answer.text


@fuzz(500)
@given(
    verb=st.sampled_from(["GET", "POST", "PUT"]),
    path=st.sampled_from([START, BUTTON, "/cobranded-ui/visits/x/sign-in", "/certs/%2e%2e/PKICert.pem", "/doc/x"]),
    query=any_bytes,
    body=any_bytes,
    content_type=content_types,
)
async def test_any_bytes_are_answered(
    target: Target, verb: str, path: str, query: bytes, body: bytes, content_type: bytes
) -> None:
    answer = await target.send(verb, path, query, body, {b"content-type": content_type})

    assert answer.status in {400, 403, 404, 405, 413}


async def test_a_query_that_is_no_text_does_not_break_the_check_of_a_form(target: Target) -> None:
    answer = await target.send("POST", "/account/sign-in", query=b"\x80")

    assert answer.status == 403, answer
