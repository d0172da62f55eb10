import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import pytest
from tests.support.owner import connection_of_owner

from tallystick.db.connections import Connection, Pool
from tallystick.db.database import in_transaction, open_pool, plan_statements_once


async def test_sessions_speak_utc_and_say_who_they_are(pool: Pool) -> None:
    assert await pool.fetchval("SHOW timezone") == "UTC"
    assert await pool.fetchval("SHOW application_name") == "tallystick"
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert await pool.fetchval("SELECT $1::timestamptz::text", moment) == "2026-03-01 12:30:00+00"


async def test_jsonb_is_read_and_written_as_values(pool: Pool) -> None:
    value = {"text": "Grüße \u2028", "list": [1, 2**60, None, True], "empty": {}}
    assert await pool.fetchval("SELECT $1::jsonb", value) == value
    assert await pool.fetchval("SELECT $1::jsonb ->> 'text'", value) == value["text"]


async def test_statements_are_planned_once_where_that_is_wanted_and_citus_does_not_plan_them(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    async with await open_pool(await make_database(), max_size=1, plan_once=True) as pool:
        has_citus = await pool.fetchval("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')")
        assert await pool.fetchval("SHOW plan_cache_mode") == ("auto" if has_citus else "force_generic_plan")


async def test_citus_plans_statements_as_it_likes(pool: Pool) -> None:
    async with connection_of_owner(pool) as connection:
        if not await connection.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user"):
            pytest.skip("only a superuser can write an extension that is not there into the catalogue")
        attempt = connection.transaction()
        await attempt.start()
        try:
            await connection.execute(
                "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)"
                " SELECT 1, 'citus', extowner, extnamespace, false, '0' FROM pg_extension WHERE extname = 'plpgsql'"
                " AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
            )
            await plan_statements_once(connection)
            assert await connection.fetchval("SHOW plan_cache_mode") == "auto"
        finally:
            await attempt.rollback()


async def test_a_server_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        await open_pool("postgresql://nobody@127.0.0.1:1/nowhere", max_size=1)


async def test_two_that_deadlock_both_finish(make_database: Callable[[], Awaitable[str]]) -> None:
    url = await make_database()
    async with await open_pool(url, max_size=3) as pool:
        await pool.execute("CREATE TABLE counter (id integer PRIMARY KEY, value integer NOT NULL)")
        await pool.execute("INSERT INTO counter VALUES (1, 0), (2, 0)")
        both_hold_one = asyncio.Barrier(2)
        runs = 0

        async def add_in_order(connection: Connection, first: int, second: int) -> str:
            nonlocal runs
            runs += 1
            await connection.execute("SET LOCAL deadlock_timeout = '10ms'")
            await connection.execute("UPDATE counter SET value = value + 1 WHERE id = $1", first)
            if runs <= 2:
                await both_hold_one.wait()
            await connection.execute("UPDATE counter SET value = value + 1 WHERE id = $1", second)
            return f"{first} then {second}"

        one, other = await asyncio.gather(
            in_transaction(pool, lambda connection: add_in_order(connection, 1, 2)),
            in_transaction(pool, lambda connection: add_in_order(connection, 2, 1)),
        )

        assert (one, other) == ("1 then 2", "2 then 1")
        assert runs == 3
        assert [row["value"] for row in await pool.fetch("SELECT value FROM counter")] == [2, 2]


async def test_who_gives_way_every_time_says_so_in_the_end(pool: Pool) -> None:
    runs = 0

    async def always_in_the_way(connection: Connection) -> None:
        nonlocal runs
        runs += 1
        await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END $$")

    with pytest.raises(asyncpg.SerializationError, match="in the way"):
        await in_transaction(pool, always_in_the_way, attempts=3)
    assert runs == 3


async def test_any_other_error_rolls_back_and_is_not_repeated(make_database: Callable[[], Awaitable[str]]) -> None:
    async with await open_pool(await make_database(), max_size=2) as pool:
        await pool.execute("CREATE TABLE kept (n integer)")
        runs = 0

        async def fail_late(connection: Connection) -> None:
            nonlocal runs
            runs += 1
            await connection.execute("INSERT INTO kept VALUES (1)")
            raise LookupError("our own")

        with pytest.raises(LookupError, match="our own"):
            await in_transaction(pool, fail_late)
        assert runs == 1
        assert await pool.fetchval("SELECT count(*) FROM kept") == 0
