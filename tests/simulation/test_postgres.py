"""The model of PostgreSQL keeps the promises that it stands for, each shown by two transactions that meet."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from tests.simulation.cast import BEGIN
from tests.simulation.connections import Network, SimulatedPool
from tests.simulation.loop import SimulatedLoop
from tests.simulation.postgres import LOCK_SECONDS, Record, Server, Transaction

KEY = (1,)


def run(story: Callable[[Server], Awaitable[None]]) -> None:
    loop = SimulatedLoop()
    server = Server(random.Random(1), BEGIN, jitter=0)  # noqa: S311 - chance that can be repeated
    server.table("account").rows[KEY] = Record(balance=10)
    server.table("account").rows[2,] = Record(balance=20)

    async def told() -> None:
        await story(server)

    try:
        loop.run_until_complete(told())
        assert not server.open
        assert all(not table.owners and not table.dirty for table in server.tables.values())
    finally:
        loop.close()


def balance(row: Record | None) -> int:
    assert row is not None
    value: int = row["balance"]
    return value


def test_others_see_what_is_committed_and_no_more() -> None:
    async def story(server: Server) -> None:
        one, other = Transaction(server), Transaction(server)
        await one.update("account", KEY, balance=5)
        assert (balance(one.see("account", KEY)), balance(other.see("account", KEY))) == (5, 10)
        one.commit()
        assert balance(other.see("account", KEY)) == 5
        other.commit()

    run(story)


def test_nothing_is_left_of_what_was_rolled_back() -> None:
    async def story(server: Server) -> None:
        one = Transaction(server)
        await one.insert("token", KEY, Record(name="new"))
        await one.update("account", KEY, balance=5)
        one.abort()
        assert server.rows("token") == []
        assert balance(server.table("account").rows[KEY]) == 10

    run(story)


def test_who_waits_for_a_row_goes_on_with_its_newest_version() -> None:
    async def story(server: Server) -> None:
        one, other = Transaction(server), Transaction(server)
        await one.update("account", KEY, balance=5)
        waiting = asyncio.ensure_future(other.lock("account", KEY))
        await asyncio.sleep(1)
        assert not waiting.done()
        one.commit()
        assert balance(await waiting) == 5
        other.commit()

    run(story)


def test_a_key_is_taken_once() -> None:
    async def story(server: Server) -> None:
        one, other = Transaction(server), Transaction(server)
        await one.insert("token", KEY, Record(name="one"))
        waiting = asyncio.ensure_future(other.insert("token", KEY, Record(name="other")))
        await asyncio.sleep(1)
        assert not waiting.done()
        one.commit()
        with pytest.raises(asyncpg.UniqueViolationError):
            await waiting
        other.abort()

    run(story)


def test_a_key_that_was_given_up_is_free() -> None:
    async def story(server: Server) -> None:
        one, other = Transaction(server), Transaction(server)
        await one.insert("token", KEY, Record(name="one"))
        waiting = asyncio.ensure_future(other.insert("token", KEY, Record(name="other")))
        await asyncio.sleep(1)
        one.abort()
        await waiting
        other.commit()
        assert server.rows("token") == [Record(name="other")]

    run(story)


def test_of_two_that_wait_for_each_other_one_gives_way() -> None:
    async def story(server: Server) -> None:
        one, other = Transaction(server), Transaction(server)
        await one.lock("account", KEY)
        await other.lock("account", (2,))
        waiting = asyncio.ensure_future(one.lock("account", (2,)))
        await asyncio.sleep(0.1)
        with pytest.raises(asyncpg.DeadlockDetectedError):
            await other.lock("account", KEY)
        other.abort()
        await waiting
        one.commit()

    run(story)


def test_nobody_waits_for_a_row_for_ever() -> None:
    async def story(server: Server) -> None:
        one, other = Transaction(server), Transaction(server)
        await one.lock("account", KEY)
        began = asyncio.get_running_loop().time()
        with pytest.raises(asyncpg.LockNotAvailableError):
            await other.lock("account", KEY)
        assert asyncio.get_running_loop().time() - began == pytest.approx(LOCK_SECONDS)
        other.abort()
        one.commit()

    run(story)


def test_a_server_that_was_killed_has_forgotten_what_was_not_committed() -> None:
    async def story(server: Server) -> None:
        one, other = Transaction(server), Transaction(server)
        await one.update("account", KEY, balance=5)
        waiting = asyncio.ensure_future(other.lock("account", KEY))
        await asyncio.sleep(0.1)
        server.restart()
        with pytest.raises(asyncpg.AdminShutdownError):
            await waiting
        with pytest.raises(asyncpg.AdminShutdownError):
            one.commit()
        assert balance(server.table("account").rows[KEY]) == 10

    run(story)


async def set_balance(tx: Transaction, value: int) -> int:
    return int(await tx.update("account", KEY, balance=value))


def test_a_lost_answer_is_of_something_that_happened() -> None:
    async def story(server: Server) -> None:
        network = Network(random.Random(1), lost=1.0)  # noqa: S311 - as above
        pool = SimulatedPool(server, network, {"set": set_balance})
        with pytest.raises(ConnectionResetError):
            await pool.execute("set", 7)
        assert balance(server.table("account").rows[KEY]) == 7

    run(story)


def test_a_connection_that_broke_in_between_leaves_nothing_behind() -> None:
    async def story(server: Server) -> None:
        network = Network(random.Random(1))  # noqa: S311 - as above
        pool = SimulatedPool(server, network, {"set": set_balance})
        connection = await pool.acquire()

        async def break_in_between() -> None:
            async with connection.transaction():
                await connection.execute("set", 7)
                network.cuts = 1.0
                await connection.execute("set", 8)

        with pytest.raises(ConnectionResetError):
            await break_in_between()
        await asyncio.sleep(10)
        assert connection.is_closed()
        assert balance(server.table("account").rows[KEY]) == 10

    run(story)


def test_a_statement_that_the_model_does_not_know_is_said() -> None:
    async def story(server: Server) -> None:
        pool = SimulatedPool(server, Network(random.Random(1)), {})  # noqa: S311 - as above
        with pytest.raises(NotImplementedError, match="SELECT 1"):
            await pool.fetch("SELECT 1")

    run(story)
