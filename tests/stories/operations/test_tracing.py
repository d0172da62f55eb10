"""Traces over real HTTP: from a signed call to the rail and the seller's receiver, as a collector gets them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.notify.receivers import receiver
from tests.stories.conftest import Running, free_port
from tests.stories.v1.conftest import program_of
from tests.support.balanced import all_balanced
from tests.support.clock import TestClock
from tests.support.collector import Collector, collecting
from tests.support.fake_rail import FakeRail
from tests.support.master_key import MASTER_KEY
from tests.support.schemas import CHECKED
from tests.support.shop import Shop, amount, new_shop

from tallystick.cli.serving.http_server import listening
from tallystick.client.batch import pay_all
from tallystick.client.fps import Credentials
from tallystick.domain.commands import Method
from tallystick.processors.rail import RailAnswer, RailOrder
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.settings import Settings
from tallystick.wiring import asgi_app, open_service
from tallystick.worker import Worker

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
async def traced(
    make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Running, Collector]]:
    """A service that tells a collector of what it does: what it is told by is chosen where a service is opened."""
    port, clock = free_port(), TestClock()
    url = f"http://127.0.0.1:{port}"
    with collecting() as collector:
        settings = Settings(
            data_directory=tmp_path_factory.mktemp("data"),
            database_url=await make_migrated(),
            port=port,
            public_url=url,
            master_key=MASTER_KEY,
            allow_private_notification_targets=True,  # receivers are on this machine
            otlp_endpoint=collector.url,
        )
        async with open_service(settings, clock) as service, httpx.AsyncClient(timeout=30, **CHECKED) as client:
            rail = SimulatedRail(service.pool, clock, timedelta(milliseconds=settings.rail_delay_ms), faults=True)
            async with all_balanced(service.pool), listening(asgi_app(service), "127.0.0.1", port):
                yield Running(service, Worker(service, Rails((rail,))), clock, url, client), collector


async def shop_of(running: Running) -> Shop:
    return await new_shop(running.service, running.worker, running.client, running.url, running.clock)


async def told(running: Running) -> None:
    """Until the collector has all spans that have ended."""
    assert running.service.tracing is not None
    await asyncio.to_thread(running.service.tracing.flush)


async def fund_by_card(shop: Shop, url: str | None = None, headers: dict[str, str] | None = None) -> str:
    """A funding that its caller traces with `headers`; the transaction's id."""
    buyer = await shop.books.prepaid_buyer("25.00", Method.CC)
    parameters = {
        "Action": "FundPrepaid",
        "SenderTokenId": buyer.money,
        "PrepaidInstrumentId": buyer.instrument,
        **amount("FundingAmount", "10.00"),
        "CallerReference": shop.reference(),
        **({} if url is None else {"OverrideIPNURL": url}),
    }
    answer = await shop.client.get(f"{shop.url}/", params=shop.signed("GET", parameters), headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text.partition("<TransactionId>")[2].partition("<")[0]


async def test_a_trace_goes_from_the_call_to_the_rail_and_to_the_receiver(
    traced: tuple[Running, Collector],
) -> None:
    running, collector = traced
    shop = await shop_of(running)
    async with receiver() as heard:
        funding = await fund_by_card(shop, heard.url, {"traceparent": CALLER})
        await running.worker.step()
        await shop.rail_answers()
        await heard.until(2)
    await told(running)

    spans = collector.of(TRACE)
    assert spans.keys() == {"FundPrepaid", "commit", "rail charge", "notification"}
    call, rail, notification = spans["FundPrepaid"], spans["rail charge"], spans["notification"]
    assert call.parent_id == "00f067aa0ba902b7"
    assert call.attributes["tallystick.key_id"] == shop.key.access_key_id
    assert call.attributes["tallystick.outcome"] == "ok"
    assert call.attributes["tallystick.transaction_id"] == funding
    assert rail.parent_id == call.span_id
    assert (rail.attributes["tallystick.transaction_id"], rail.attributes["tallystick.outcome"]) == (funding, "Paid")
    assert notification.parent_id == call.span_id
    assert notification.attributes["tallystick.outcome"] == "delivered"
    commits = [span for span in collector.spans if (span.trace_id, span.name) == (TRACE, "commit")]
    asked = [span for span in collector.spans if (span.trace_id, span.name) == (TRACE, "rail charge")]
    assert [commit.parent_id for commit in commits] == [call.span_id, asked[-1].span_id]
    sent = [one.headers["traceparent"] for one in heard.received]
    notifications = [span for span in collector.spans if (span.trace_id, span.name) == (TRACE, "notification")]
    assert sorted(sent) == sorted(f"00-{TRACE}-{span.span_id}-01" for span in notifications)
    assert len(set(sent)) == 2

    everything = "".join(span.told for span in collector.spans if span.trace_id == TRACE)
    for secret in ("10.00", "10000000", "25.00", shop.email, shop.key.secret):
        assert secret not in everything


async def test_every_interface_is_traced_and_a_call_of_nobodys_trace_begins_one(
    traced: tuple[Running, Collector],
) -> None:
    running, collector = traced
    shop = await shop_of(running)
    buyer = await shop.books.funded_buyer("1.00")
    await shop.pay(buyer, "0.10")
    assert (await shop.pay(buyer, "5.00")).code == "InsufficientBalance"
    payments = [
        {"caller_reference": shop.reference(), "sender_token_id": buyer.spending, "amount": value}
        for value in ("0.10", "0.20")
    ]
    await pay_all(shop.client, shop.url, Credentials(shop.key.access_key_id, shop.key.secret), payments, shop.clock())
    program = await program_of(shop)
    await program.get("/v1/account")
    await told(running)

    own = {shop.key.access_key_id, program.shop.key.access_key_id}
    calls = [span for span in collector.spans if span.attributes.get("tallystick.key_id") in own]
    assert [(span.name, span.attributes["tallystick.outcome"], span.parent_id) for span in calls] == [
        ("Pay", "ok", ""),
        ("Pay", "InsufficientBalance", ""),
        ("Batch", "ok", ""),
        (calls[-1].name, "ok", ""),
    ]
    assert len({span.trace_id for span in calls}) == 4
    batch = collector.of(calls[2].trace_id)["commit"]
    assert (batch.parent_id, batch.attributes["tallystick.commands"]) == (calls[2].span_id, 2)


async def noted(running: Running, transaction_id: str) -> str:
    """The call that made a transaction, once it is written down."""
    async with asyncio.timeout(60):
        while True:
            found: str | None = await running.service.pool.fetchval(
                "SELECT traceparent FROM trace_link WHERE transaction_id = $1", transaction_id
            )
            if found is not None:
                return found
            await asyncio.sleep(0.02)


@pytest.fixture
async def elsewhere(traced: tuple[Running, Collector]) -> AsyncIterator[Worker]:
    """A worker as another process has it: with a service of its own, which remembers nothing of this one's calls."""
    running, _ = traced
    async with open_service(running.service.settings, running.clock) as service:
        delay = timedelta(milliseconds=service.settings.rail_delay_ms)
        rail = SimulatedRail(service.pool, running.clock, delay, faults=True)
        yield Worker(service, Rails((rail,)))


async def test_a_trace_goes_on_in_another_process(traced: tuple[Running, Collector], elsewhere: Worker) -> None:
    running, collector = traced
    shop = await shop_of(running)
    trace = "7" * 32
    async with receiver() as heard:
        funding = await fund_by_card(shop, heard.url, {"traceparent": CALLER.replace(TRACE, trace)})
        written = await noted(running, funding)
        async with asyncio.timeout(60):
            while len(heard.received) < 2:
                await elsewhere.step()
                running.clock.forward(seconds=10)  # the simulated rail answers some time after it is asked
    await told(running)
    assert elsewhere.service.tracing is not None
    await asyncio.to_thread(elsewhere.service.tracing.flush)

    spans = collector.of(trace)
    assert spans.keys() == {"FundPrepaid", "commit", "rail charge", "notification"}
    call, rail, notification = spans["FundPrepaid"], spans["rail charge"], spans["notification"]
    assert written == f"00-{trace}-{call.span_id}-01"
    assert (rail.parent_id, rail.attributes["tallystick.outcome"]) == (call.span_id, "Paid")
    assert notification.parent_id == call.span_id
    commits = [span.parent_id for span in collector.spans if (span.trace_id, span.name) == (trace, "commit")]
    assert commits == [call.span_id, rail.span_id], "the answer of the rail is booked in the same trace"


async def test_of_a_call_that_is_not_sampled_nothing_is_written(traced: tuple[Running, Collector]) -> None:
    running, _ = traced
    shop = await shop_of(running)
    not_sampled = CALLER.removesuffix("1") + "0"
    first = await fund_by_card(shop, headers={"traceparent": not_sampled})
    second = await fund_by_card(shop, headers={"traceparent": CALLER})
    await noted(running, second)

    links = "SELECT count(*) FROM trace_link WHERE transaction_id = ANY($1)"
    assert await running.service.pool.fetchval(links, [first, second]) == 1


class BrokenRail(FakeRail):
    """Fails, and quotes what it was asked for."""

    async def perform(self, order: RailOrder) -> RailAnswer:
        raise ConnectionError(f"no way to charge {order.rail_token}")


async def test_a_rail_that_fails_is_an_error_in_the_trace_without_its_words(
    traced: tuple[Running, Collector],
) -> None:
    running, collector = traced
    shop = await shop_of(running)
    trace = "5" * 32
    funding = await fund_by_card(shop, headers={"traceparent": CALLER.replace(TRACE, trace)})
    await Worker(running.service, Rails((BrokenRail(),))).ask_rails()
    await told(running)

    span = collector.of(trace)["rail charge"]
    assert span.failed
    assert span.attributes["tallystick.transaction_id"] == funding
    assert span.attributes["tallystick.outcome"] == "Unknown"
    assert "no way" not in span.told


async def test_a_receiver_that_refuses_is_an_error_in_the_trace(traced: tuple[Running, Collector]) -> None:
    running, collector = traced
    shop = await shop_of(running)
    trace = "6" * 32
    async with receiver(usual=b"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n") as heard:
        await fund_by_card(shop, heard.url, {"traceparent": CALLER.replace(TRACE, trace)})
        await running.worker.notification_sender.dispatch()
        await running.worker.notification_sender.idle()
    await told(running)

    span = collector.of(trace)["notification"]
    assert (span.failed, span.attributes["tallystick.outcome"]) == (True, "failed")


async def test_without_a_collector_nothing_is_traced_and_no_header_is_sent(shop: Shop, running: Running) -> None:
    async with receiver() as heard:
        await fund_by_card(shop, heard.url, {"traceparent": CALLER})
        await running.worker.step()
        await heard.until(1)

    assert running.service.tracing is None
    assert (
        await running.service.pool.fetchval(
            "SELECT count(*) FROM trace_link JOIN book USING (book_id) WHERE party_id = $1", shop.key.party_id
        )
        == 0
    )
    assert "traceparent" not in heard.received[0].headers


WITHOUT_THE_EXTRA = """
import asyncio, sys
sys.modules["opentelemetry"] = None
from tallystick.settings import Settings, SettingsError
from tallystick.wiring import tracing_of
assert tracing_of(Settings()) is None
try:
    tracing_of(Settings(otlp_endpoint="http://127.0.0.1:4318"))
except SettingsError as error:
    print(error)
"""


def test_without_the_extra_a_collector_is_refused(tmp_path: Path) -> None:
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", WITHOUT_THE_EXTRA], cwd=tmp_path, check=True, capture_output=True, env=os.environ
    )

    assert ended.stdout.decode() == "traces need a library more: pip install 'tallystick[tracing]'\n"
