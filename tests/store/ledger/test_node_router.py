"""Money goes to the machine that has the book: while books move, machines die, and nobody can tell where books are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.conftest import MakeDatabase
from tests.store.direct import taken
from tests.support.balanced import all_balanced
from tests.support.books import Books, Buyer, new_books
from tests.support.clock import TestClock
from tests.support.cluster import Cluster, cluster_of

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.distribution import Node, address_of
from tallystick.db.node_router import NodeRouter
from tallystick.domain.commands import Method
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted
from tallystick.domain.rails.commands import Paid
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.create_book import split_operator_book
from tallystick.store.ledger.load import NoSuchBookError
from tallystick.store.ledger.memory.payment_memory import PaymentMemory
from tallystick.store.ledger.rules import Rules

PAID_AT_THE_RAIL = """
INSERT INTO simulated_charge (idempotency_key, rail_token, amount_micros, outcome, opened_at, known_at)
SELECT transaction_id, 'card', 20000000, 'paid', $2::timestamptz, $2 FROM unnest($1::text[]) AS transaction_id
"""
"""What nobody was asked for here, as the rail would remember it."""


@dataclass
class Stage:
    """A seller with a funded buyer, whose book is on the first of two machines; the coordinator has no books at all."""

    cluster: Cluster
    pools: list[Pool]
    """Of the machines, past their proxies."""
    router: NodeRouter
    shop: Books
    buyer: Buyer

    async def pay(self, value: str = "0.05") -> object:
        return await self.shop.pay(self.buyer, value)

    async def balance_on(self, number: int) -> int:
        return await replace(self.shop, pool=self.pools[number]).balance(self.buyer)


@pytest.fixture
async def stage(make_database: MakeDatabase, migrated: str, clock: TestClock) -> AsyncIterator[Stage]:
    template = urlsplit(migrated).path[1:]
    urls = [await make_database(template) for _ in range(3)]
    async with AsyncExitStack() as stack:
        coordinator, *pools = [await stack.enter_async_context(await open_pool(url, max_size=4)) for url in urls]
        await stack.enter_async_context(all_balanced(pools[0]))
        cluster = await stack.enter_async_context(cluster_of(*urls[1:]))
        at_home = await new_books(pools[0], clock)
        buyer = await at_home.funded_buyer("10.00")
        await at_home.committer.close()
        await cluster.copy_what_is_everywhere()
        cluster.places[at_home.book_id] = cluster.machines[0].node
        router = cluster.router(coordinator)
        rules = Rules(read_fee_schedules(None), simulate_faults=False)
        committer = Committer(coordinator, rules, clock, router=router, memory=PaymentMemory(0))
        stack.push_async_callback(committer.close)
        yield Stage(cluster, pools, router, replace(at_home, committer=committer), buyer)
        if cluster.places[at_home.book_id] != cluster.machines[0].node:  # where the operator's book is, to be balanced
            await cluster.move(at_home.book_id, cluster.machines[0])


async def test_the_coordinator_is_not_on_the_way(stage: Stage) -> None:
    outcomes = [await stage.pay() for _ in range(5)]

    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
    assert await stage.balance_on(0) == parse_amount("9.75")
    assert stage.cluster.lookups == 1, "what is known is not asked for again"


async def test_books_that_move_while_they_are_paid_from_are_followed(stage: Stage) -> None:
    """The router notices by what goes wrong there. No caller hears of it, nothing is lost or doubled."""
    moves_are_over = asyncio.Event()
    outcomes: list[object] = []

    async def go_on_paying() -> None:
        while not moves_are_over.is_set() and len(outcomes) < 190:
            try:
                outcomes.append(await stage.pay())
            except Exception as error:  # noqa: BLE001 - a caller heard of something
                outcomes.append(error)

    paying = [asyncio.create_task(go_on_paying()) for _ in range(4)]
    for number in (1, 0, 1):
        await stage.cluster.move(stage.shop.book_id, stage.cluster.machines[number])
        assert isinstance(await stage.pay(), Accepted)
    moves_are_over.set()
    await asyncio.gather(*paying)

    assert [outcome for outcome in outcomes if not isinstance(outcome, Accepted)] == []
    assert await stage.balance_on(1) == parse_amount("10.00") - (len(outcomes) + 3) * parse_amount("0.05")


async def test_who_follows_notices_before_anything_goes_wrong(stage: Stage) -> None:
    assert isinstance(await stage.pay(), Accepted)
    await stage.cluster.move(stage.shop.book_id, stage.cluster.machines[1])
    await stage.router.look_again()
    retried = stage.shop.committer.statistics.retried_groups

    assert isinstance(await stage.pay(), Accepted)
    assert stage.shop.committer.statistics.retried_groups == retried
    assert stage.router.nodes == [stage.cluster.machines[1].node], "a machine without books of ours is let go"


async def test_a_dead_machine_stops_only_the_books_that_it_has(stage: Stage, clock: TestClock) -> None:
    other = await new_books(stage.pools[0], clock)
    their_buyer = await other.funded_buyer("10.00")
    await other.committer.close()
    await stage.cluster.copy_what_is_everywhere()
    stage.cluster.places[other.book_id] = stage.cluster.machines[0].node
    await stage.cluster.move(other.book_id, stage.cluster.machines[1])
    there = replace(other, committer=stage.shop.committer)
    assert isinstance(await stage.pay(), Accepted)
    assert isinstance(await there.pay(their_buyer, "0.05"), Accepted)

    stage.cluster.machines[1].die()
    with pytest.raises(NoSuchBookError):  # of the coordinator, which is asked then, and has none here
        await there.pay(their_buyer, "0.05")
    assert isinstance(await stage.pay(), Accepted)
    await stage.cluster.move(other.book_id, stage.cluster.machines[0])


async def test_a_dead_machine_stops_only_its_share_of_real_money(stage: Stage, clock: TestClock) -> None:
    """Each seller's book lies beside the part of the operator's book that mirrors it."""
    async with stage.pools[0].acquire() as connection:
        parts = await split_operator_book(connection, "sandbox", 2, clock())
    other = await new_books(stage.pools[0], clock)
    sellers = [replace(stage.shop, pool=stage.pools[0]), other]
    buyers = [await seller.prepaid_buyer("100.00", Method.CC) for seller in sellers]
    await other.committer.close()
    await stage.cluster.copy_what_is_everywhere()
    for book_id in (parts[1].book_id, other.book_id):
        stage.cluster.places[book_id] = stage.cluster.machines[0].node
        await stage.cluster.move(book_id, stage.cluster.machines[1])
    here, there = (replace(seller, committer=stage.shop.committer) for seller in sellers)
    first, second = [
        taken(await at.fund(buyer, "20.00"), "Pending") for at, buyer in zip((here, there), buyers, strict=True)
    ]

    stage.cluster.machines[1].die()
    await here.resolve(first, Paid())
    assert await here.balance(buyers[0]) == parse_amount("20.00")
    with pytest.raises(NoSuchBookError):
        await there.resolve(second, Paid())

    stage.cluster.machines[1].is_dead = False
    for book_id in (parts[1].book_id, other.book_id):
        await stage.cluster.move(book_id, stage.cluster.machines[0])
    await there.resolve(second, Paid())
    assert await there.balance(buyers[1]) == parse_amount("20.00")
    await stage.pools[0].execute(PAID_AT_THE_RAIL, [first, second], clock())


async def test_a_book_that_another_machine_has_taken_over_is_found_there(stage: Stage) -> None:
    """The machine that died had the book; its successor, which nobody has connected to yet, has it now."""
    assert isinstance(await stage.pay(), Accepted)
    await stage.cluster.move(stage.shop.book_id, stage.cluster.machines[1])
    stage.cluster.machines[0].die()

    assert isinstance(await stage.pay(), Accepted)
    assert await stage.balance_on(1) == parse_amount("9.90")


async def test_where_nobody_can_be_asked_what_is_known_counts_on(stage: Stage) -> None:
    assert isinstance(await stage.pay(), Accepted)
    stage.cluster.is_gone = ConnectionRefusedError()
    await stage.router.look_again()
    stage.cluster.machines[0].proxy.cut_all()  # which brings the route into doubt, too

    assert [isinstance(await stage.pay(), Accepted) for _ in range(3)] == [True] * 3
    assert stage.cluster.lookups == 2, "who does not answer is not asked again at once"


async def test_a_book_of_which_nothing_is_known_goes_to_the_coordinator(stage: Stage) -> None:
    stage.cluster.is_gone = asyncpg.UndefinedTableError("there is no pg_dist_placement")
    with pytest.raises(NoSuchBookError):
        await stage.pay()


@pytest.mark.parametrize(
    ("coordinator", "node", "address"),
    [
        ("postgresql://me:secret@db0:5432/books", Node("db1", 5433), "postgresql://me:secret@db1:5433/books"),
        ("postgresql://me@/books?host=/run/pg&sslmode=require", Node("db1", 5432),
         "postgresql://me@db1:5432/books?sslmode=require"),
        ("postgresql://me@db0,db9/books?target_session_attrs=read-write", Node("fd00::1", 5432),
         "postgresql://me@[fd00::1]:5432/books"),
        ("postgresql://db0/books", Node("db1", 1), "postgresql://db1:1/books"),
    ],
)  # fmt: skip
def test_the_address_of_a_machine(coordinator: str, node: Node, address: str) -> None:
    assert address_of(coordinator, node) == address
