"""A server that vanishes without closing connections: waiting calls fail, and later calls succeed."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from time import monotonic
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.db.database import open_pool
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.memory.payment_memory import PaymentMemory
from tallystick.store.ledger.rules import Rules
from tallystick.store.queries.frequent_reads import Balances

PATIENCE_SECONDS = 0.5


@dataclass
class Network:
    """A TCP proxy before the server's socket. When it is cut, open connections stay open and carry nothing more."""

    database_url: str
    url: str = ""
    _open: list[asyncio.Event] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        for heard in self._open:
            heard.clear()
        self._open.clear()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(self.database_url)
        path = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        server_reader, server_writer = await asyncio.open_unix_connection(path)
        heard = asyncio.Event()
        heard.set()
        self._open.append(heard)
        for one, other in ((reader, server_writer), (server_reader, writer)):
            self._tasks.append(asyncio.create_task(self._pass_on(one, other, heard)))
            self._writers.append(other)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: asyncio.Event) -> None:
        while data := await reader.read(65_536):
            await heard.wait()
            writer.write(data)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Network]:
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = f"postgresql://tallystick@127.0.0.1:{port}{urlsplit(self.database_url).path}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def network(database_url: str) -> AsyncIterator[Network]:
    async with Network(database_url).listening() as network:
        yield network


@asynccontextmanager
async def over(
    network: Network,
    shop: Books,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    budget_seconds: float = 15,
    memory: PaymentMemory | None = None,
) -> AsyncIterator[Books]:
    """The same shop, with a committer that connects through the proxy."""
    async with AsyncExitStack() as stack:
        pool = await open_pool(network.url, max_size=4, answer_timeout_seconds=patience_seconds, plan_once=True)
        stack.callback(pool.terminate)
        rules = Rules(read_fee_schedules(None), simulate_faults=False)
        committer = Committer(
            pool,
            rules,
            shop.clock,
            keeps=2,
            memory=PaymentMemory() if memory is None else memory,
            answer_seconds=patience_seconds,
            budget_seconds=budget_seconds,
        )
        yield replace(shop, committer=committer)


async def many_payments(shop: Books, buyer: Buyer) -> list[object]:
    async with asyncio.timeout(20):
        return await asyncio.gather(*(shop.pay(buyer, "0.05") for _ in range(20)), return_exceptions=True)


async def test_payments_go_on_over_new_connections(open_shop: OpenBooks, network: Network) -> None:
    shop = await open_shop()
    buyer = await shop.funded_buyer("10.00")
    async with over(network, shop) as far:
        assert isinstance(await far.pay(buyer, "0.05"), Accepted)
        network.cut()
        outcomes = await many_payments(far, buyer)

    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
    assert await shop.balance(buyer) == parse_amount("8.95")


async def test_payments_from_memory_go_on_over_new_connections(open_shop: OpenBooks, network: Network) -> None:
    shop, memory = await open_shop(), PaymentMemory(10)
    buyer = await shop.funded_buyer("10.00")
    async with over(network, shop, memory=memory) as far:
        for _ in range(2):
            assert isinstance(await far.pay(buyer, "0.05"), Accepted)
        assert memory.hits == 1
        network.cut()  # the driver alone ends the statement that hears no answer
        assert isinstance(await far.pay(buyer, "0.05"), Accepted)
        outcomes = await many_payments(far, buyer)

    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
    assert await shop.balance(buyer) == parse_amount("8.85")


async def test_balances_are_told_over_new_connections(open_shop: OpenBooks, network: Network) -> None:
    shop = await open_shop()
    buyer = await shop.funded_buyer("10.00")
    async with over(network, shop) as far:
        balances = Balances(far.committer.pool)
        assert await balances.find(shop.book_id, buyer.instrument) is not None
        network.cut()
        async with asyncio.timeout(20):
            with pytest.raises(TimeoutError):
                await balances.find(shop.book_id, buyer.instrument)
            found = await balances.find(shop.book_id, buyer.instrument)

    assert found is not None
    assert found.balance_micros == parse_amount("10.00")


async def test_a_command_has_its_budget_whatever_it_waits_for(open_shop: OpenBooks, network: Network) -> None:
    shop = await open_shop()
    buyer = await shop.funded_buyer("10.00")
    async with over(network, shop, patience_seconds=60, budget_seconds=1) as far:
        assert isinstance(await far.pay(buyer, "0.05"), Accepted)
        network.cut()
        began = monotonic()
        outcomes = await many_payments(far, buyer)  # one group waits for an answer, the others for their turn
        assert monotonic() - began < 5
        assert [type(outcome) for outcome in outcomes] == [TimeoutError] * 20

        assert isinstance(await far.pay(buyer, "0.05"), Accepted)  # over a new connection

    assert await shop.balance(buyer) in {parse_amount("9.90"), parse_amount("8.90")}


async def test_what_nobody_waits_for_any_more_is_not_done(open_shop: OpenBooks, network: Network) -> None:
    shop = await open_shop()
    buyer = await shop.funded_buyer("10.00")
    async with over(network, shop, patience_seconds=1) as far:
        assert isinstance(await far.pay(buyer, "0.05"), Accepted)
        network.cut()
        first = asyncio.ensure_future(far.pay(buyer, "0.05"))
        await asyncio.sleep(0.1)
        second = asyncio.ensure_future(far.pay(buyer, "0.05"))
        await asyncio.sleep(0.1)
        second.cancel()  # its caller has heard that it is late; it waits behind the first
        assert isinstance(await first, Accepted)
        await far.committer.close()

    assert await shop.balance(buyer) == parse_amount("9.90")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other names for these options")
async def test_the_system_asks_whether_a_silent_server_lives(network: Network) -> None:
    pool = await open_pool(network.url, max_size=1)
    async with pool.acquire() as connection:
        raw = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined] # noqa: SLF001 - as the product
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 25_000
    pool.terminate()
