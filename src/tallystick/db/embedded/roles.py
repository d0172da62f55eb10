"""The roles of the embedded server, and the one database in it.

Three roles: the one that came with the server may do anything, and makes the others; `tallystick_owner` owns database
and tables and runs the migrations; `tallystick_work` is the service's. Who reaches the socket may be any of them, so
they are no defence against the operating system's user, but against a statement that is not ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import asyncpg

from tallystick.db.privileges import WORK, create_role
from tallystick.db.statements import load_statements

_SQL: Final = load_statements("roles.sql", __package__)

DATABASE: Final = "tallystick"
ADMIN: Final = "tallystick"
OWNER: Final = "tallystick_owner"
_TIMEOUT_SECONDS: Final = 10

AddressOf = Callable[[str], str]
"""How the superuser connects to a database of this name."""


def prepare(address_of: AddressOf) -> None:
    """Make what is lacking: roles, database, and its owner, where a release before this one made it.

    Runs to its end also when the caller's thread has a running event loop. Raises OSError, asyncpg.PostgresError,
    asyncpg.InterfaceError: the server does not answer yet.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _prepare(address_of)).result()


async def _prepare(address_of: AddressOf) -> None:
    connection = await asyncpg.connect(address_of("postgres"), timeout=_TIMEOUT_SECONDS)
    try:
        known = {row["name"] for row in await connection.fetch(_SQL["roles"], [OWNER, WORK])}
        if OWNER not in known:
            await connection.execute(_SQL["create_owner"])
        if WORK not in known:
            await create_role(connection)
        found = await connection.fetchrow(_SQL["database"], DATABASE)
        if found is None:
            await connection.execute(_SQL["create_database"])
        elif found["owner"] != OWNER:
            await _hand_over(address_of(DATABASE))
        if found is None or not found["closed"]:
            await connection.execute(_SQL["close_database"])
    finally:
        await connection.close(timeout=5)


async def _hand_over(address: str) -> None:
    """Give the tables to their owner, the database at last: interrupted, all of it is done at the next start."""
    connection = await asyncpg.connect(address, timeout=_TIMEOUT_SECONDS)
    try:
        async with connection.transaction():
            await connection.execute(_SQL["hand_over"])
            await connection.execute(_SQL["hand_over_database"])
    finally:
        await connection.close(timeout=5)
