"""A committer that decides payments from memory, and what a rival does right before it writes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from tests.support.books import Books, Buyer
from tests.support.one_payment import as_group

from tallystick.db.connections import Connection, Pool
from tallystick.domain.commands import CancelToken
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.memory.payment_memory import PaymentMemory
from tallystick.store.ledger.memory.together import STATEMENTS as TOGETHER
from tallystick.store.ledger.statements import MONEY

ONE = MONEY["apply_one_from_memory"]
FROM_MEMORY = {
    ONE,
    MONEY["apply_from_memory"],
    MONEY["apply_from_memory_and_tell"],
    MONEY["apply_tabs_from_memory"],
    MONEY["apply_tabs_from_memory_and_tell"],
    TOGETHER["apply_plain_together"],
    TOGETHER["apply_together"],
}
WITH_REFUNDS = MONEY["apply_from_memory_and_refund"]

Meanwhile = Callable[[], Awaitable[object]]


@dataclass
class Interrupted:
    """A pool on whose connections something else happens right before the next payments from memory are written."""

    pool: Pool
    happening: list[Meanwhile] = field(default_factory=list)
    written: int = 0
    """How many groups were sent so."""
    alone: int = 0
    """How many of them by the statement for one payment."""
    before_refunds: list[Meanwhile] = field(default_factory=list)
    """What happens right before refunds are written with payments instead."""
    loses_refunds: bool = False
    """Whether the next answer to that gets lost: it was committed, and the connection breaks."""
    started: str = "pg_postmaster_start_time()"
    """When the server says that it was started, in SQL."""
    in_groups: bool = False
    """Whether one payment alone is written by the statement for many."""

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
        if query == ONE:
            self.pool.alone += 1
            if self.pool.in_groups:
                query, values = MONEY["apply_from_memory"], as_group(values)
        if query == WITH_REFUNDS:
            while self.pool.before_refunds:
                await self.pool.before_refunds.pop()()
        done = await self.own.execute(self._of_server(query), *values)
        if query == WITH_REFUNDS and self.pool.loses_refunds:
            self.pool.loses_refunds = False
            raise ConnectionResetError
        return done

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

    async def together(self, opener: Buyer, *calls: Awaitable[Outcome]) -> list[Outcome]:
        """What `calls` come to, refunds and payments, which all come while a payment of `opener` is being written."""
        coming: list[asyncio.Future[Outcome]] = []

        async def come() -> None:
            coming.extend(asyncio.ensure_future(call) for call in calls)
            async with asyncio.timeout(60):
                while not self.shop.committer._beside:  # noqa: SLF001, ASYNC110 - nobody is told that refunds wait
                    await asyncio.sleep(0.001)

        self.pool.happening.append(come)
        assert isinstance(await self.shop.pay(opener, "0.01"), Accepted)
        return await asyncio.gather(*coming)

    def lose_the_next_answer(self) -> None:
        """Cut the next connection right after each of its statements, before anybody hears what became of it."""

        class Deaf(InterruptedConnection):
            async def execute(self, query: str, *values: object) -> str:
                await super().execute(query, *values)
                raise ConnectionResetError

        async def acquire() -> InterruptedConnection:
            del self.pool.__dict__["acquire"]
            return Deaf(self.pool, await self.pool.pool.acquire())

        self.pool.__dict__["acquire"] = acquire


@asynccontextmanager
async def shop_that_remembers(shop: Books, *, in_groups: bool = False) -> AsyncIterator[Remembering]:
    """The shop with a memory; at the end all that was to happen meanwhile must have happened."""
    memory, pool = PaymentMemory(100), Interrupted(shop.pool, in_groups=in_groups)
    committer = Committer(cast("Pool", pool), shop.committer.rules, shop.clock, memory=memory)
    yield Remembering(replace(shop, committer=committer), memory, pool, shop)
    await committer.close()
    assert not pool.happening, "nothing was written from memory"
    assert not pool.before_refunds, "no refunds were written with payments"


def refusal(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal


async def cancel(remembering: Remembering, buyer: Buyer) -> None:
    await remembering.rival.perform(CancelToken(buyer.spending, buyer.party_id))


async def suspend_buyer(remembering: Remembering, buyer: Buyer) -> None:
    await remembering.shop.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", buyer.party_id)


async def end_the_token(remembering: Remembering, buyer: Buyer) -> None:
    shop = remembering.shop
    await shop.pool.execute("UPDATE token SET expires_at = $2 WHERE token_id = $1", buyer.spending, shop.clock())


async def end_the_authorization(remembering: Remembering, buyer: Buyer) -> None:
    shop = remembering.shop
    await shop.pool.execute(
        "UPDATE instrument SET expires_at = $2 WHERE instrument_id = $1", buyer.instrument, shop.clock()
    )


async def until_somebody_waits(pool: Pool, connection: Connection) -> None:
    """Until another session waits for this connection's locks."""
    number = connection.get_server_pid()
    async with asyncio.timeout(60):
        while not await pool.fetchval(  # noqa: ASYNC110 - the server tells nobody of a wait
            "SELECT count(*) FROM pg_stat_activity WHERE $1::int = ANY(pg_blocking_pids(pid))", number
        ):
            await asyncio.sleep(0.01)
