"""Books that are split, archived or restored keep their chains."""

from __future__ import annotations

from io import BytesIO

import pytest
from tests.conftest import MakeDatabase
from tests.store.chains.deeds import NOON, Log, new_log
from tests.store.past import Past

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.store.chains.check import check
from tallystick.store.chains.heads import heads
from tallystick.store.ledger import shards


async def test_splitting_and_archiving_leave_the_chains_as_they_are(past: Past) -> None:
    pytest.importorskip("pyarrow")
    shop = past.shop
    log = Log(past.pool, shop.party_id, past.prepaid.party_id, "nobody@people.example")
    await log.enter(2)
    await log.agree(2, book_id=shop.book_id)
    await log.chained()
    before = await heads(past.pool)

    assert await past.archive()
    async with past.pool.acquire() as connection:
        first, second = await shards.split(connection, shop.party_id, "sandbox", 2, shop.clock())
    assert await heads(past.pool) == before
    await log.enter(2)
    await log.agree(1, book_id=first)
    await log.agree(1, book_id=second)
    await log.chained()

    report = await log.report()
    assert (report.problems, report.chains, report.records) == ([], 3, 8)
    anchors = {chain: {end.sequence: frozenset({end.digest.hex()})} for chain, end in before.items()}
    assert await log.problems(anchors) == []
    await past.assert_proven()


async def test_a_copy_that_is_restored_row_by_row_is_whole_and_goes_on(
    own_pool: Pool, make_migrated: MakeDatabase
) -> None:
    log = await new_log(own_pool)
    await log.enter(3)
    await log.agree(2)
    await log.chained()
    await log.enter()

    async with await open_pool(await make_migrated(), max_size=2) as restored:
        for table in ("party", "audit_entry", "authorization_evidence", "chain_head"):
            file = BytesIO()
            await own_pool.copy_from_table(table, output=file, format="binary")
            file.seek(0)
            await restored.copy_to_table(table, source=file, format="binary")
        log.pool = restored
        assert await log.chained() == 1

        report = await check(restored)
        assert (report.problems, report.records) == ([], 6)
        await own_pool.execute("UPDATE chain_head SET moved_at = $1", NOON)  # the first one is not touched by it
        assert (await check(own_pool)).records == 5
