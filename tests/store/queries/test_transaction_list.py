"""A seller's activity stays quick and small however long the history is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psutil import Process
from tests.conftest import MakeDatabase
from tests.store.long_history import write_history
from tests.support.books import Books, new_books
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY, VAULT

from tallystick.db.database import open_pool
from tallystick.db.statements import load_statements
from tallystick.services.context import Service
from tallystick.services.reports import activity_export
from tallystick.settings import Settings
from tallystick.store.queries import debts, reads, transaction_list
from tallystick.store.queries.reads import ActivityQuery
from tallystick.store.queries.transaction_list import About, TransactionQuery

COUNT = 100_000
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
async def shop(make_migrated: MakeDatabase) -> AsyncIterator[Books]:
    """A shop with 100,000 payments of 40 buyers in 200 days, on a database of its own."""
    url = await make_migrated()
    clock = TestClock()
    async with await open_pool(url, max_size=4) as pool:
        opened = await new_books(pool, clock)
        buyers = [await opened.postpaid_buyer() for _ in range(20)]
        buyers += [await opened.prepaid_buyer() for _ in range(20)]
        await write_history(opened, buyers, COUNT, timedelta(days=200))
        yield opened
        await opened.committer.close()


@pytest.fixture
def wanted(shop: Books) -> TransactionQuery:
    return TransactionQuery((shop.book_id,), shop.party_id, "sandbox")


@pytest.fixture
def service(shop: Books) -> Service:
    return Service(Settings(master_key=MASTER_KEY), shop.pool, shop.committer, VAULT, shop.clock)


async def test_the_whole_activity_is_exported_without_memory_growth(service: Service, wanted: TransactionQuery) -> None:
    process, beginning = Process(), b""
    size, used = 0, []
    download = service.downloads.begin("a seller")
    async for piece in download.send(activity_export.as_csv(service, wanted, download)):
        size += len(piece)
        used.append(process.memory_info().rss)
        if size < MEGABYTE:
            beginning += piece

    assert size > 20 * MEGABYTE
    assert max(used) - max(used[: len(used) // 4]) < 5 * MEGABYTE, "the last rows need no more than the first ones"
    assert len(list(csv.DictReader(io.StringIO(beginning.decode("utf-8-sig"))))) > 1000


async def test_paging_shows_each_transaction_once_newest_first(shop: Books, wanted: TransactionQuery) -> None:
    ids = [line.transaction_id async for line in transaction_list.everything(shop.pool, wanted)]

    assert len(ids) == len(set(ids)) == COUNT
    assert ids == sorted(ids, reverse=True)


async def test_what_is_rare_is_looked_for_so_far_and_then_further(shop: Books, wanted: TransactionQuery) -> None:
    failed = replace(wanted, status="Failure")
    first = await transaction_list.page(shop.pool, failed, 50)
    assert 0 < len(first.lines) < 50
    assert not first.full
    assert first.earlier is not None

    pieces = [first]
    while (before := pieces[-1].earlier) is not None:
        pieces.append(await transaction_list.page(shop.pool, failed, 50, before))
    assert sum(len(piece.lines) for piece in pieces) == COUNT // 1000
    assert len(pieces) >= COUNT // transaction_list.REACH
    exported = [line async for line in transaction_list.everything(shop.pool, failed)]
    assert len(exported) == COUNT // 1000


@pytest.mark.parametrize("of_the_shop", [True, False])
async def test_activity_by_a_plan_for_all_arguments_reads_what_it_shows(shop: Books, of_the_shop: bool) -> None:
    """PostgreSQL changes to such a plan after a few executions. Another seller's transactions are not in it."""
    asking = shop if of_the_shop else await new_books(shop.pool, shop.clock)
    query = ActivityQuery((asking.book_id,), asking.party_id, "sandbox", "", "~", ascending=False, maximum=201, skip=0)
    found = await reads.activity(shop.pool, query)
    assert len(found) == (201 if of_the_shop else 0)
    arguments = f"{asking.book_id}, {asking.party_id}, 'sandbox', '', '~', NULL, NULL, NULL, NULL, 201, 0"
    async with shop.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE own_activity AS {reads.ACTIVITY['own_activity', False]}")
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE own_activity ({arguments})")
        await connection.execute("DEALLOCATE own_activity")
    assert transactions_read(json.loads(plan)[0]["Plan"]) == len(found)


def transactions_read(node: dict[str, Any]) -> int:
    """How many rows of transactions a plan came upon, those that a filter dropped included."""
    own = 0
    if node.get("Relation Name") == "transaction":
        own = int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    return own + sum(transactions_read(inner) for inner in node.get("Plans", []))


@pytest.mark.parametrize("about", [About.INSTRUMENT, About.TOKEN, About.BUYER])
async def test_both_forms_of_payments_of_a_balance_are_found_by_what_is_asked_for(
    shop: Books, wanted: TransactionQuery, about: About
) -> None:
    """Payments that name their instrument, and such as name its account alone: by an index each, the newest of both."""
    holder = "SELECT instrument_id, sender_party_id FROM instrument WHERE kind = 'prepaid' LIMIT 1"
    instrument, buyer = tuple(await shop.pool.fetchrow(holder) or ())
    token = "SELECT token_id FROM token WHERE instrument_id = $1 AND purpose = 'prepaid_sender'"
    subjects = {About.INSTRUMENT: instrument, About.TOKEN: await shop.pool.fetchval(token, instrument)}
    subject = subjects.get(about, str(buyer))
    page = await transaction_list.page(shop.pool, replace(wanted, about=about, subject=subject), 50)

    newest = "SELECT transaction_id, instrument_id IS NULL FROM transaction WHERE sender_party_id = $1"
    expected = {row[0]: row[1] for row in await shop.pool.fetch(f"{newest} ORDER BY 1 DESC LIMIT 50", buyer)}
    assert [line.transaction_id for line in page.lines] == [*expected]
    assert {line.instrument_id for line in page.lines} == {instrument}
    assert 20 < sum(expected.values()) < 30, "half of them name the account"

    statement = load_statements("transaction_list.sql", "tallystick.store.queries")[about.value]
    arguments = f"{shop.book_id}, '', '~', 51, '{subject}', {shop.party_id}, 'sandbox'" + ", NULL" * 6
    async with shop.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE listed AS {statement}")
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE listed ({arguments})")
        await connection.execute("DEALLOCATE listed")
    assert 51 <= transactions_read(json.loads(plan)[0]["Plan"]) <= COUNT // 40, "those of the balance at most"
    assert "transaction_of_account" in plan
    assert "transaction_of_instrument" in plan


async def test_the_age_of_a_debt_is_that_of_the_latest_purchases(shop: Books) -> None:
    """Each tab's debt is set to what it bought in the last 75 days: all of it is younger than that."""
    await shop.pool.execute(
        "UPDATE account SET balance_micros = bought.micros, ceiling_micros = NULL"
        "  FROM (SELECT sender_party_id, sum(amount_micros) AS micros FROM transaction"
        "         WHERE book_id = $1 AND status = 'Success' AND received_at >= $2 GROUP BY sender_party_id) AS bought"
        "  JOIN instrument USING (sender_party_id)"
        " WHERE account.book_id = $1 AND account.kind = 'receivable' AND account.account_id = instrument.account_id",
        shop.book_id,
        shop.clock() - timedelta(days=75),
    )
    listed = await debts.list_(shop.pool, (shop.book_id,), shop.clock(), 15)
    total = listed.total

    assert listed.count == 20
    assert total.over_90_micros == 0
    assert total.fresh_micros + total.over_30_micros + total.over_60_micros == total.balance_micros
    assert total.over_60_micros == pytest.approx(total.balance_micros * 15 / 75, rel=0.01)
    assert total.fresh_micros == pytest.approx(total.balance_micros * 30 / 75, rel=0.01)
    rest = await debts.list_(shop.pool, (shop.book_id,), shop.clock(), 15, after=listed.after)
    everyone = [debt.instrument_id for debt in (*listed.found, *rest.found)]
    assert len(set(everyone)) == len(everyone) == 20
    assert rest.after is None
    places = [debt.owed.over_60_micros for debt in (*listed.found, *rest.found)]
    assert places == sorted(places, reverse=True)
