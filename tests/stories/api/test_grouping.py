"""Many calls at once over HTTP share commits, and none is lost."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.support.shop import Shop, usd

from tallystick.services.api.fair_shares import FairShares

ENOUGH = 50


@pytest.fixture
def no_turns(shop: Shop) -> Iterator[None]:
    """As if nobody else had called: then no seller waits for its turn."""
    calls = shop.service.calls
    object.__setattr__(shop.service, "calls", FairShares(alone=1000, together=1000, least=1000))
    yield
    object.__setattr__(shop.service, "calls", calls)


@pytest.mark.usefixtures("no_turns")
async def test_two_hundred_payments_at_once_take_far_fewer_commits(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00", limit="25.00")
    statistics = shop.service.committer.statistics
    groups, commands = statistics.groups, statistics.commands
    under_way = shop.service.calls._under_way  # noqa: SLF001 - nothing else tells how many there are

    async with shop.service.pool.acquire() as connection, connection.transaction():
        # Whoever is first waits for this: how many come meanwhile does not depend on who is faster.
        await connection.execute("SELECT FROM account WHERE book_id = $1 FOR UPDATE", shop.books.book_id)
        calls = [asyncio.create_task(shop.pay(buyer, "0.06")) for _ in range(200)]
        async with asyncio.timeout(10):
            while sum(under_way.values()) < ENOUGH:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
    answers = await asyncio.gather(*calls)

    paid = [answer for answer in answers if answer.code is None]
    assert len(paid) == 166  # 9.96 of 10.00: the ceiling is hard
    assert {answer.code for answer in answers} == {None, "InsufficientBalance"}
    assert len({answer.value("TransactionId") for answer in paid}) == 166
    assert await shop.balance(buyer) == usd("0.04")
    assert statistics.commands - commands == 200
    assert statistics.groups - groups <= 200 - ENOUGH + 10
