"""Several committers over one database, which share nothing else: in every race, each reference has one outcome."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from tests.conftest import MakeDatabase
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.commands import LimitTerms
from tallystick.domain.ids import TransactionId
from tallystick.domain.limits import LimitKind
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.store.ledger.command_queue import MAX_IN_FLIGHT
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.usage_limits import limits_from_text
from tallystick.store.ledger.verify import verify

PROCESSES = 3
CALLERS = 10
CALLS = 20
REFERENCES = 200

KILLS = 3
"""How many connections are ended while in use: fewer than a command's retries."""

_KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'rival' AND state <> 'idle' AND query LIKE '%moved_first%'
 LIMIT 1
"""


@pytest.fixture
async def pools(make_migrated: MakeDatabase) -> AsyncIterator[list[Pool]]:
    """One for the test, and one for each process."""
    url = await make_migrated()
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(await open_pool(url, max_size=2))]
        for _ in range(PROCESSES):
            pool = await open_pool(url, max_size=4, application_name="rival", plan_once=True)
            opened.append(await stack.enter_async_context(pool))
        yield opened


@dataclass
class Trade:
    """Random requests of all committers, from a random generator of its own, and their outcomes."""

    buyers: list[Buyer]
    answers: dict[str, set[Outcome]] = field(default_factory=lambda: defaultdict(set))
    paid: list[TransactionId] = field(default_factory=list)
    settled: int = 0

    async def go_on(self, shop: Books, number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - guards nothing
        for _ in range(CALLS):
            await self._call(shop, dice)
            self.settled += 1

    async def _call(self, shop: Books, dice: random.Random) -> None:
        buyer, amount, kind = dice.choice(self.buyers), f"{dice.randrange(1, 300) / 100:.2f}", dice.random()
        if kind < 0.7:
            await self._pay(shop, dice.randrange(REFERENCES), gone=dice.random() < 0.1)
        elif kind < 0.8 and self.paid:
            await shop.refund(dice.choice(self.paid))
        elif buyer in self.buyers[:2]:
            await shop.fund(buyer, amount)
        elif kind < 0.9:
            await shop.settle(buyer, amount)
        else:
            await shop.write_off(buyer, amount)

    async def _pay(self, shop: Books, order: int, *, gone: bool) -> None:
        """The same for the same order, whoever asks."""
        reference, buyer = f"order-{order}", self.buyers[order % len(self.buyers)]
        asking = asyncio.ensure_future(shop.pay(buyer, f"{order % 23 / 10 + 0.01:.2f}", reference))
        if gone:
            await asyncio.sleep(0)
            asking.cancel()
            return
        outcome = await asking
        self.answers[reference].add(outcome)
        if isinstance(outcome, Accepted):
            self.paid.append(outcome.transaction_id)


async def _kill(pool: Pool, trade: Trade) -> None:
    """End connections that are moving money, while the run goes on."""
    killed = 0
    while killed < KILLS and trade.settled < PROCESSES * CALLERS * CALLS:
        killed += bool(await pool.fetchval(_KILL))


async def test_racing_committers_give_each_reference_one_outcome(pools: list[Pool], open_shop: OpenBooks) -> None:
    own = await open_shop(pools[0])
    limits = (LimitTerms(LimitKind.COUNT, 10_000, None),)
    buyers = [await own.funded_buyer("20.00") for _ in range(2)]
    buyers += [await own.postpaid_buyer("25.00", limits=limits) for _ in range(2)]
    for buyer in buyers:
        await own.deposit(buyer, "9000.00")
    trade, shops = Trade(buyers), []
    for pool in pools[1:]:
        committer = Committer(pool, own.committer.rules, own.clock, keeps=MAX_IN_FLIGHT)
        shops.append(Books(pool, committer, own.clock, own.party_id, own.book_id, own.operator_book_id))

    callers = [trade.go_on(shop, 100 * at + number) for at, shop in enumerate(shops) for number in range(CALLERS)]
    await asyncio.gather(_kill(pools[0], trade), *callers)
    for shop in shops:
        await shop.committer.close()

    assert [reference for reference, outcomes in trade.answers.items() if len(outcomes) > 1] == []
    accepted = {outcome.transaction_id for (outcome,) in trade.answers.values() if isinstance(outcome, Accepted)}
    there = await own.pool.fetch("SELECT * FROM transaction WHERE book_id = $1 AND operation = 'Pay'", own.book_id)
    assert len({row["caller_reference"] for row in there}) == len(there)
    assert accepted <= {row["transaction_id"] for row in there}
    for buyer in buyers[2:]:
        used = limits_from_text(
            await own.pool.fetchval("SELECT usage_limits::text FROM token WHERE token_id = $1", buyer.spending)
        )
        charged = await own.pool.fetchval(
            "SELECT charged_micros FROM instrument WHERE instrument_id = $1", buyer.instrument
        )
        account = account_id(AccountKind.RECEIVABLE, buyer.instrument)
        payments = [
            row for row in there if account == row["own_debit_account"] or row["instrument_id"] == buyer.instrument
        ]
        assert charged == sum(row["amount_micros"] for row in payments)
        assert used[0].used == len(payments), "what is refunded was used all the same"
    assert (await verify(own.pool)).problems == []
