"""Notifications over real HTTP: from a signed call to a receiver that checks them, in every way there is."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.notify.receivers import receiver
from tests.stories.conftest import Running, free_port
from tests.stories.operations.program import start
from tests.support.books import Books
from tests.support.shop import Shop, amount

from tallystick.domain.commands import Method

Heard = Callable[[], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def listening(port: int, service_url: str) -> AsyncIterator[Heard]:
    """`tallystick ipn listen` in a process of its own."""
    arguments = ("ipn", "listen", "--port", str(port), "--verify-with", service_url, "--json")
    process = await start(*arguments, settings={})
    assert process.stdout is not None
    output = process.stdout

    async def heard() -> dict[str, Any]:
        line: dict[str, Any] = json.loads(await asyncio.wait_for(output.readline(), 20))
        return line

    try:
        yield heard
    finally:
        process.send_signal(signal.SIGTERM)
        _, complaint = await process.communicate()
        assert (process.returncode, complaint) == (0, b"")


async def fund_by_card(shop: Shop, books: Books, url: str) -> str:
    buyer = await books.prepaid_buyer("25.00", Method.CC)
    answer = await shop.done(
        "FundPrepaid",
        {
            "SenderTokenId": buyer.money,
            "PrepaidInstrumentId": buyer.instrument,
            **amount("FundingAmount", "10.00"),
            "CallerReference": shop.reference(),
            "OverrideIPNURL": url,
        },
    )
    return answer.value("TransactionId")


async def until_open(port: int) -> None:
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://user:pw@shop.example/", "without a password"),
        ("http://shop.example/\u00e9", "in ASCII"),
        ("http://xn--a/", "it names no possible host"),
        ("http://a..b/", "it names no possible host"),
        ("http://shop.example/?a=1&a=2", "it must not give a parameter more than once"),
        ("http://shop.example/a/../b", "its path must not contain . or .. as a part"),
    ],
)
async def test_a_request_names_no_address_where_nothing_can_be_checked(shop: Shop, url: str, reason: str) -> None:
    pay = shop.pay_parameters(await shop.books.funded_buyer("10.00"), "1.00")

    refused = await shop.call("Pay", {**pay, "OverrideIPNURL": url})

    assert (refused.status, refused.code) == (400, "InvalidParams")
    assert refused.message.startswith(f'"overrideIPNURL": {url} is an invalid URL: ')
    assert reason in refused.message


async def test_a_receiver_of_the_program_checks_and_prints(shop: Shop, running: Running) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/ipn/here?shop=7"
    async with listening(port, running.url) as heard:
        await until_open(port)
        funding = await fund_by_card(shop, shop.books, url)
        await running.worker.step()
        pending = await heard()
        await shop.rail_answers()
        await running.worker.step()
        success = await heard()
        forged = await running.client.post(url, content=b"transactionId=1&transactionStatus=SUCCESS")
        refused = await heard()

    for line, status in ((pending, "PENDING"), (success, "SUCCESS")):
        assert line["genuine"], line
        assert line["url"] == url
        parameters = line["parameters"]
        assert parameters["transactionId"] == funding
        assert (parameters["transactionStatus"], parameters["operation"]) == (status, "FUND_PREPAID")
        assert parameters["certificateUrl"].startswith(f"{running.url}/certs/")
    assert forged.status_code == 400
    assert (refused["genuine"], refused["parameters"]) == (False, {})


@pytest.mark.parametrize("own", ["", "?shop=7&b=x+y"])
async def test_verify_signature_knows_our_notifications(shop: Shop, running: Running, own: str) -> None:
    """As the guide says: the raw body, and the receiver's address without its query; its own parameters go along."""
    async with receiver() as seller:
        await fund_by_card(shop, shop.books, seller.url + own)
        await running.worker.step()
        (received,) = seller.received
    whole = "&".join(filter(None, (received.target.partition("?")[2], received.body)))

    async def verified(parameters: str, endpoint: str = seller.url) -> str:
        answer = await shop.done("VerifySignature", {"UrlEndPoint": endpoint, "HttpParameters": parameters})
        return answer.value("VerificationStatus")

    assert await verified(whole) == "Success"
    assert await verified(whole.replace("PENDING", "SUCCESS")) == "Failure"
    assert await verified(whole, seller.url + "/") == "Failure"
