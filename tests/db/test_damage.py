"""A flipped bit in a page is told by the name of its table, with what is to be done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.stories.operations.program import tallystick
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY

from tallystick.db.connections import DAMAGED
from tallystick.db.damage import RESTORE, DamagedError, DamageWatch
from tallystick.db.database import open_pool
from tallystick.db.embedded.server import EmbeddedPostgres
from tallystick.db.migrate import migrate
from tallystick.services.operations.verification import prove_if_due, verify
from tallystick.settings import Settings
from tallystick.store.records import verification_runs
from tallystick.web.probes.probes import Probes
from tallystick.wiring import open_service

FILL = """
INSERT INTO pulse (process_id, at, kind, started_at, seconds, calls, refused, counts)
SELECT 'process ' || n, now(), 'API', now(), 10, 0, 0, '{}' FROM generate_series(1, 2000) AS n
"""


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    with EmbeddedPostgres(directory) as server:
        async with await open_pool(server.admin_dsn, max_size=2) as pool:
            yield pool


async def spoiled(directory: Path, relation: str, page: int = 3) -> str:
    """Flip a bit in a page of a table or index that nobody has in memory; the name of its file."""
    with EmbeddedPostgres(directory) as server:
        await migrate(server.owner_dsn)
        async with await open_pool(server.admin_dsn, max_size=1) as pool:
            await pool.execute(FILL)
            path = await pool.fetchval("SELECT pg_relation_filepath($1::text::regclass)", relation)
    file = server.data / path
    content = bytearray(file.read_bytes())
    assert len(content) > (page + 1) * 8192
    content[page * 8192 + 4000] ^= 0x10
    file.write_bytes(content)
    return str(path)


async def test_a_flipped_bit_in_a_table_is_found_by_verify_and_told_by_readyz(data_directory: Path) -> None:
    path = await spoiled(data_directory, "pulse")
    settings = Settings(data_directory=data_directory, master_key=MASTER_KEY)
    async with open_service(settings, TestClock()) as service:
        transport = httpx.ASGITransport(Probes(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
            assert (await browser.get("/readyz")).text == "ready\n"

            with pytest.raises(DamagedError) as damaged:
                await verify(service.pool)
            (finding,) = damaged.value.findings
            assert finding.startswith("the table pulse is damaged (invalid page in block 3 of relation ")
            assert path in finding
            assert finding.endswith(RESTORE)

            # Whoever met it in another process: the database counts such pages.
            answer = await browser.get("/readyz")
            assert (answer.status_code, answer.text) == (
                503,
                "a page of the database is damaged; run tallystick verify, which names its table\n",
            )

            assert await verification_runs.ask(service.pool, None, service.clock())
            with pytest.raises(DamagedError):
                await prove_if_due(service)
            assert (await browser.get("/readyz")).text == f"{finding}\n"

    told = await tallystick("verify", settings={"TALLYSTICK_DATA_DIRECTORY": str(data_directory)})
    assert told.status == 1
    assert told.out.splitlines() == [f"BAD {finding}", "The books cannot be read as a whole: nothing is proven."]


async def test_a_damaged_index_is_told_with_the_statement_that_makes_it_again(data_directory: Path) -> None:
    await spoiled(data_directory, "pulse_pkey", 1)
    watch = DamageWatch()
    async with opened(data_directory) as pool:
        assert await watch.findings(pool) == []
        async with pool.acquire() as connection:
            await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
            with pytest.raises(DAMAGED) as met:
                await connection.fetch("SELECT process_id FROM pulse ORDER BY process_id")
        watch.note(ExceptionGroup("a round", [met.value]))
        (finding,) = await watch.findings(pool)
        assert finding.startswith("the index pulse_pkey of the table pulse is damaged (")
        assert "REINDEX INDEX pulse_pkey" in finding

        await pool.execute("REINDEX INDEX pulse_pkey")
        assert await pool.fetchval("SELECT count(*) FROM pulse WHERE process_id = 'process 7'") == 1


async def test_damage_that_the_database_describes_otherwise_is_told_in_its_words(data_directory: Path) -> None:
    watch = DamageWatch()
    watch.note(asyncpg.IndexCorruptedError('index "pulse_pkey" contains unexpected zero page at block 0'))
    watch.note(asyncpg.DataCorruptedError("missing chunk number 0 for toast value 16399"))
    watch.note(ValueError("no damage"))
    async with opened(data_directory) as pool:
        found = await watch.findings(pool)
    assert [text.split(" (")[0] for text in found] == [
        "pulse_pkey of the database is damaged",
        "the database is damaged",
    ]
