"""The money path stays on one shard: what Citus would see in each statement, read here without it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from asyncpg.connection import LoggedQuery
from tests.store.direct import taken, work
from tests.store.pinned import tables_of, unpinned
from tests.support.books import Books, Buyer

from tallystick.db import distribution
from tallystick.db.connections import Pool
from tallystick.domain.commands import Method, RecordRefund, RequestPayout, TokenTerms
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.rails.commands import Declined, DisputeMoved, Paid, ResolvePayout, ReturnCharge
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.store.ledger.statements import MONEY


@pytest.fixture
async def distributed(pool: Pool) -> set[str]:
    return set(await distribution.tables_of_books(pool))


@pytest.mark.parametrize("name", MONEY)
async def test_every_money_statement_names_its_book(name: str, distributed: set[str]) -> None:
    assert unpinned(MONEY[name], distributed) == []


@pytest.mark.parametrize("name", MONEY)
async def test_money_statements_join_only_what_is_on_every_machine(name: str, distributed: set[str]) -> None:
    assert tables_of(MONEY[name]) <= distributed | set(distribution.REFERENCE_TABLES)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT 1 FROM account WHERE book_id = $1", []),
        ("SELECT 1 FROM account WHERE account_id = $1", ["account AS account"]),
        ("SELECT 1 FROM account WHERE book_id = $2", ["account AS account"]),
        ("SELECT 1 FROM account WHERE book_id = $1 OR account_id = 1", ["account AS account"]),
        ("SELECT 1 FROM account WHERE book_id = ANY($1)", ["account AS account"]),
        ("SELECT 1 FROM account JOIN token USING (book_id) WHERE account.book_id = $1", []),
        ("SELECT 1 FROM account AS a JOIN token AS t ON t.book_id = a.book_id WHERE t.book_id = $1", []),
        ("SELECT 1 FROM account AS a JOIN token AS t ON t.token_id = a.subject WHERE a.book_id = $1", ["token AS t"]),
        ("SELECT 1 FROM book JOIN token ON token.book_id = book.book_id WHERE book.book_id = $1", []),
        ("SELECT 1 FROM book JOIN token ON token.sender_party_id = 1 WHERE book.book_id = $1", ["token AS token"]),
        ("SELECT 1 FROM account WHERE book_id = $1 AND account_id IN (SELECT 1 FROM token)", ["token AS token"]),
        ("WITH t AS (SELECT * FROM token) SELECT 1 FROM t", ["token AS token"]),
        ("UPDATE token SET used_by = $2 WHERE token_id = $1", ["token AS token"]),
        ("UPDATE token SET used_by = $2 WHERE book_id = $1", []),
        ("DELETE FROM outbox USING unnest($2::text[]) AS old (id) WHERE event_id = old.id", ["outbox AS outbox"]),
        ("INSERT INTO transfer (book_id, number) SELECT $1, new.* FROM unnest($2::int[]) AS new", []),
        ("INSERT INTO transfer (book_id, number) SELECT $2, n.* FROM unnest($1::int[]) AS n", ["INSERT INTO transfer"]),
        ("INSERT INTO transfer (number, book_id) SELECT 1, $1", ["INSERT INTO transfer"]),
        ("INSERT INTO transfer VALUES ($1, 2)", ["INSERT INTO transfer"]),
        ("SELECT 1 FROM party WHERE party_id = $1", []),
        ("SELECT 1 FROM account AS a LEFT JOIN token AS t ON t.book_id = $1 WHERE a.book_id = $1", []),
        ("SELECT 1 FROM account AS a LEFT JOIN token AS t ON t.book_id = a.book_id WHERE a.book_id = $1", []),
        ("SELECT 1 FROM account AS a LEFT JOIN token USING (book_id) WHERE a.book_id = $1", []),
        ("SELECT 1 FROM account AS a LEFT JOIN token AS t ON a.book_id = t.book_id AND t.book_id = $1",
         ["account AS a"]),
        ("SELECT 1 FROM account AS a LEFT JOIN token AS t ON t.book_id = $1 AND a.book_id = $1", ["account AS a"]),
        ("SELECT 1 FROM book LEFT JOIN token AS t ON t.book_id = book.book_id AND book.book_id = $1", ["token AS t"]),
        ("SELECT 1 FROM book RIGHT JOIN token AS t ON t.book_id = $1", ["token AS t"]),
        ("SELECT 1 FROM account AS a FULL JOIN token AS t ON a.book_id = $1 AND t.book_id = $1",
         ["account AS a", "token AS t"]),
        ("SELECT 1 FROM account JOIN token USING (book_id) CROSS JOIN outbox WHERE account.book_id = $1",
         ["outbox AS outbox"]),
        ("WITH token AS (SELECT * FROM token) SELECT 1 FROM token", ["WITH token hides a table"]),
        ("MERGE INTO token USING book ON token.book_id = $1 WHEN MATCHED THEN DELETE", ["MERGE"]),
    ],
)  # fmt: skip
async def test_what_counts_as_naming_the_book(statement: str, found: list[str], distributed: set[str]) -> None:
    assert unpinned(statement, distributed) == found


async def test_nothing_refers_across_books_and_nothing_counts_on_its_own(pool: Pool) -> None:
    assert await distribution.obstacles(pool) == []


@pytest.fixture
async def statements(pool: Pool, shop: Books, distributed: set[str]) -> list[LoggedQuery]:
    """What the committer sent to tables of ours while a seller did a bit of everything."""
    seen: list[LoggedQuery] = []
    by_card = await shop.prepaid_buyer(limit="100.00", method=Method.CC)
    funding = taken(await shop.fund(by_card, "20.00"), "Pending")
    await work(shop)
    async with _overheard(pool, seen):
        await _live(shop)
        await _dispute(shop, by_card, funding)
    tables = distributed | set(distribution.REFERENCE_TABLES)
    return [query for query in seen if _may_be_ours(query.query) and tables_of(query.query) & tables]


def _may_be_ours(query: str) -> bool:
    """The driver asks the catalogue about types, and resets a connection with several statements at once."""
    return "pg_catalog" not in query and ";" not in query.rstrip().rstrip(";")


@asynccontextmanager
async def _overheard(pool: Pool, seen: list[LoggedQuery]) -> AsyncIterator[None]:
    """Every connection of the pool, taken at once, is told to report its statements; all are given back before work."""
    connections = [await pool.acquire() for _ in range(pool.get_max_size())]
    raw = [connection._con for connection in connections]  # type: ignore[attr-defined] # noqa: SLF001 - behind the pool's proxy
    for connection in connections:
        await pool.release(connection)
    for connection in raw:
        connection.add_query_logger(seen.append)
    try:
        yield
    finally:
        for connection in raw:
            connection.remove_query_logger(seen.append)


async def _live(shop: Books) -> None:
    """Prepaid, postpaid and real money, from the authorization to the refund."""
    prepaid = await shop.funded_buyer("10.00")
    paid = await shop.pay(prepaid, "1.00")
    assert isinstance(paid, Accepted)
    await shop.refund(paid.transaction_id)
    postpaid = await shop.postpaid_buyer(method=Method.CC)
    await shop.pay(postpaid, "5.00")
    settling = await shop.settle(postpaid, "4.00")
    assert isinstance(settling, Accepted)
    await shop.resolve(settling.transaction_id, Declined("InsufficientFunds", "No."))
    assert await shop.perform(ReturnCharge(settling.transaction_id)) == Done()
    await shop.write_off(postpaid, "1.00")
    card = await shop.sender_token(Method.CC)
    assert isinstance(await shop.reserve(card, "2.00"), Accepted)
    await shop.recipient_token(shop, TokenTerms())
    payout = await shop.perform(RequestPayout(shop.request(), 1_000_000, "manual", destination_id=1))
    assert isinstance(payout, Accepted)
    assert await shop.perform(ResolvePayout(payout.transaction_id, Paid())) == Done()


async def _dispute(shop: Books, by_card: Buyer, funding: TransactionId) -> None:
    """A funding of which a part is given back at the rail by hand, and a part is spent."""
    recorded = RecordRefund(shop.request(), funding, "simulated", f"re_{funding}", 1_000_000)
    assert isinstance(await shop.perform(recorded), Accepted)
    await shop.pay(by_card, "5.00")
    dispute_id = fresh_transaction_id(shop.book_id, shop.clock())
    told = DisputeMoved(dispute_id, funding, "simulated", f"of {dispute_id}", DisputeStatus.OPENED, 20_000_000)
    assert isinstance(await shop.perform(told), Accepted)


async def test_the_committer_sends_money_statements_and_nothing_else(statements: list[LoggedQuery]) -> None:
    sent = {query.query for query in statements}
    by_shop = ("INSERT INTO party", "INSERT INTO payment_method")  # the story's own people
    assert {query for query in sent if not query.startswith(by_shop)} <= set(MONEY.values())
    assert len(sent) > len(MONEY) * 0.6, "the story leaves out too much of the money path"


async def test_on_citus_each_money_statement_runs_on_one_shard(pool: Pool, statements: list[LoggedQuery]) -> None:
    if not await distribution.extension_available(pool):
        pytest.skip("this PostgreSQL server has no Citus extension; name one with TALLYSTICK_TEST_DATABASE_URL")
    assert await distribution.plan(pool) == [], "the tests' database is distributed from the start"
    samples = {query.query: query for query in statements if query.query in MONEY.values()}
    async with pool.acquire() as connection:
        for query in samples.values():
            assert await _shards(connection, query) <= 1, query.query


async def _shards(connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record], query: LoggedQuery) -> int:
    """The most tasks of one step of the plan; rows for an INSERT are made where the statement arrives, by no task."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query.query}", *query.args)
    finally:
        await transaction.rollback()
    return max(_task_counts(json.loads(plan)), default=0)


def _task_counts(plan: object) -> Iterable[int]:
    if isinstance(plan, dict):
        if isinstance(plan.get("Task Count"), int):
            yield plan["Task Count"]
        for value in plan.values():
            yield from _task_counts(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from _task_counts(value)
