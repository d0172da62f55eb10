"""A line of the log for each call, whichever interface it came by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.stories.v1.conftest import program_of
from tests.support.shop import Shop

from tallystick.client.batch import pay_all
from tallystick.client.fps import Credentials
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.process.meter import Meter
from tallystick.services.process.request_log import RequestLine, RequestLog, to_json, to_text
from tallystick.settings import Settings, from_environment
from tallystick.web.api.refusing import RefusalWriter

Lines = list[dict[str, Any]]


@pytest.fixture
def logged(shop: Shop) -> Iterator[Lines]:
    """The lines of the service that all tests share, while this test runs."""
    log, lines = shop.service.request_log, Lines()
    log.clock, log.form, log.write = shop.clock, to_json, lambda text: lines.extend(map(json.loads, text.splitlines()))
    yield lines
    log.flush()
    log.clock, log.form = None, None


def of(shop: Shop, lines: Lines, key_id: str | None) -> list[tuple[str, str]]:
    shop.service.request_log.flush()
    return [(line["action"], line["outcome"]) for line in lines if line["key_id"] == key_id]


async def test_calls_of_the_query_api_have_a_line_with_the_id_that_their_answer_tells(
    shop: Shop, logged: Lines
) -> None:
    buyer = await shop.books.funded_buyer("1.00")
    answer = await shop.pay(buyer, "0.25")
    assert (await shop.pay(buyer, "5.00")).code == "InsufficientBalance"

    assert of(shop, logged, shop.key.access_key_id) == [("Pay", "ok"), ("Pay", "InsufficientBalance")]
    line = logged[0]
    assert f"<RequestId>{line['request_id']}:0</RequestId>" in answer.text
    assert line["event"] == "request"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")
    assert line["ms"] > 0


async def test_who_did_not_sign_rightly_is_not_named(shop: Shop, logged: Lines) -> None:
    forger = shop.with_key(replace(shop.key, secret="guessed"))
    assert (await forger.call("GetAccountBalance")).code == "SignatureDoesNotMatch"

    assert of(shop, logged, shop.key.access_key_id) == []
    assert of(shop, logged, None) == [("GetAccountBalance", "SignatureDoesNotMatch")]


async def test_batches_and_json_have_a_line_each(shop: Shop, logged: Lines) -> None:
    buyer = await shop.books.funded_buyer("1.00")
    lines = [
        {"caller_reference": shop.reference(), "sender_token_id": buyer.spending, "amount": amount}
        for amount in ("0.10", "0.20")
    ]
    await pay_all(shop.client, shop.url, Credentials(shop.key.access_key_id, shop.key.secret), lines, shop.clock())
    program = await program_of(shop)
    await program.get("/v1/account")

    assert of(shop, logged, shop.key.access_key_id) == [("Batch", "ok")]
    assert len(of(shop, logged, program.shop.key.access_key_id)) == 1


def test_what_is_refused_at_the_front_has_a_line() -> None:
    written: list[RequestLine] = []

    class Kept(RequestLog):
        def note(self, request_id: str, key_id: str | None, action: str, outcome: str, seconds: float) -> None:
            written.append(RequestLine("now", request_id, key_id, action, outcome, seconds))

    writer = RefusalWriter(Meter(), Kept())
    refused = Refused(Refusal.ServiceUnavailable, "Later.")
    bodies = [answer(refused).body for answer in (writer.query, writer.soap, writer.batch, writer.json)]

    assert [(line.action, line.outcome) for line in written] == [
        ("none", "ServiceUnavailable"),
        ("none", "ServiceUnavailable"),
        ("Batch", "ServiceUnavailable"),
        ("none", "ServiceUnavailable"),
    ]
    assert all(line.request_id.encode() in body for line, body in zip(written, bodies, strict=True))


def test_a_line_for_people_has_the_same_in_it() -> None:
    line = RequestLine("2028-01-02T03:04:05Z", "r-1", "AK1", "Pay", "ok", 1.25)
    text = to_text(line)
    assert text.startswith("2028-01-02T03:04:05Z [info     ] request ")
    assert text.endswith("action=Pay key_id=AK1 ms=1.25 outcome=ok request_id=r-1")


def test_calls_are_logged_by_default_where_machines_read() -> None:
    assert not Settings().log_requests
    assert from_environment({"TALLYSTICK_LOG_FORMAT": "json"}).log_requests
    assert not from_environment({"TALLYSTICK_LOG_FORMAT": "json", "TALLYSTICK_LOG_REQUESTS": "false"}).log_requests
