"""A committer that decides payments from memory, and what a rival does right before it writes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from tests.support.books import Books, Buyer

from tallystick.db.connections import Connection, Pool
from tallystick.domain.outcomes import Accepted
from tallystick.store.ledger.memory.payment_memory import PaymentMemory
from tallystick.store.ledger.memory.together import STATEMENTS as TOGETHER
from tallystick.store.ledger.statements import MONEY

FROM_MEMORY = {
    MONEY["apply_from_memory"],
    MONEY["apply_from_memory_and_tell"],
    MONEY["apply_tabs_from_memory"],
    MONEY["apply_tabs_from_memory_and_tell"],
    TOGETHER["apply_together"],
}

Meanwhile = Callable[[], Awaitable[object]]


@dataclass
class Interrupted:
    """A pool on whose connections something else happens right before the next payments from memory are written."""

    pool: Pool
    happening: list[Meanwhile] = field(default_factory=list)
    written: int = 0
    """How many groups were sent so."""
    started: str = "pg_postmaster_start_time()"
    """When the server says that it was started, in SQL."""

    async def acquire(self) -> InterruptedConnection:
        return InterruptedConnection(self, await self.pool.acquire())

    async def release(self, connection: InterruptedConnection) -> None:
        await self.pool.release(cast("Any", connection.own))


@dataclass
class InterruptedConnection:
    """Passes everything on."""

    pool: Interrupted
    own: Connection

    async def execute(self, query: str, *values: object) -> str:
        if query in FROM_MEMORY:
            self.pool.written += 1
            while self.pool.happening:
                await self.pool.happening.pop()()
        return await self.own.execute(self._of_server(query), *values)

    async def fetch(self, query: str, *values: object) -> list[Any]:
        return await self.own.fetch(self._of_server(query), *values)

    async def fetchrow(self, query: str, *values: object) -> Any:  # noqa: ANN401 - a row, as the driver has it
        return await self.own.fetchrow(self._of_server(query), *values)

    def _of_server(self, query: str) -> str:
        return query.replace("pg_postmaster_start_time()", self.pool.started)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the driver has
        return getattr(self.own, name)


@dataclass
class Remembering:
    """A shop whose committer remembers, with its memory, and the shop of another process that remembers nothing."""

    shop: Books
    memory: PaymentMemory
    pool: Interrupted
    rival: Books

    async def buyer(self, amount: str = "10.00") -> Buyer:
        """One whose balance is remembered."""
        buyer = await self.shop.funded_buyer(amount)
        assert isinstance(await self.shop.pay(buyer, "1.00"), Accepted)
        assert self.memory.find(buyer.spending) is not None
        return buyer


async def until_somebody_waits(pool: Pool, connection: Connection) -> None:
    """Until another session waits for this connection's locks."""
    number = connection.get_server_pid()
    async with asyncio.timeout(60):
        while not await pool.fetchval(  # noqa: ASYNC110 - the server tells nobody of a wait
            "SELECT count(*) FROM pg_stat_activity WHERE $1::int = ANY(pg_blocking_pids(pid))", number
        ):
            await asyncio.sleep(0.01)
