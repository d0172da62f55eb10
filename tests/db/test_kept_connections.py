from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tests.conftest import MakeDatabase

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.kept_connections import KeptConnections


async def test_a_connection_is_used_again(own_pool: Pool) -> None:
    kept = KeptConnections(own_pool, 1)
    async with kept.one() as first:
        number = first.get_server_pid()
        async with kept.one() as second:
            assert second.get_server_pid() != number, "each has one user"
    async with kept.one() as again:
        assert own_pool.get_size() - own_pool.get_idle_size() == 1, "the other one went back to the pool"
        assert again is second or again.get_server_pid() != number
    await kept.close()
    assert own_pool.get_size() == own_pool.get_idle_size()


async def test_one_on_which_something_failed_goes_back(own_pool: Pool) -> None:
    kept = KeptConnections(own_pool, 1)
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with kept.one() as connection:
            await connection.execute("SELECT 1 / 0")
    assert own_pool.get_size() == own_pool.get_idle_size()


async def test_one_that_was_closed_meanwhile_is_replaced(own_pool: Pool) -> None:
    kept = KeptConnections(own_pool, 1)
    async with kept.one() as connection:
        number = connection.get_server_pid()
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    await own_pool.execute("SELECT pg_terminate_backend($1::int)", number)
    await ended.wait()
    async with kept.one() as other:
        assert other.get_server_pid() != number
        assert await other.fetchval("SELECT 1") == 1
    await kept.close()


async def test_none_is_kept_from_somebody_who_waits_for_the_pool(make_database: MakeDatabase) -> None:
    async with await open_pool(await make_database(), max_size=1) as pool:
        kept = KeptConnections(pool, 1)

        async def ask() -> int:
            async with kept.one() as connection:
                return int(await connection.fetchval("SELECT 1"))

        async with kept.one():
            waiting = asyncio.create_task(ask())
            await asyncio.sleep(0)  # it has found nothing kept, and waits
        assert await asyncio.wait_for(waiting, 30) == 1
        await kept.close()
