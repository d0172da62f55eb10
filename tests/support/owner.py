"""Statements that the service's role may not send: for tests that spoil what only its owner can."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tallystick.db.connections import Connection, Pool
from tallystick.db.embedded.server import EmbeddedPostgres

TEST_DATABASE_URL: Final = "TALLYSTICK_TEST_DATABASE_URL"
TEST_DIRECTORY: Final = "TALLYSTICK_TEST_DIRECTORY"


async def execute_as_owner(pool: Pool, statement: str, *arguments: object) -> None:
    """Run it in the database of a service; on a server that is given, the service's role is the owner."""
    async with connection_of_owner(pool) as connection:
        await connection.execute(statement, *arguments)


@asynccontextmanager
async def connection_of_owner(pool: Pool) -> AsyncIterator[Connection]:
    """A connection to the database of a service, as who owns its tables."""
    if os.environ.get(TEST_DATABASE_URL):
        async with pool.acquire() as connection:
            yield connection
        return
    database = await pool.fetchval("SELECT current_database()::text")
    server = EmbeddedPostgres(Path(os.environ[TEST_DIRECTORY])).admin_dsn
    owner = await asyncpg.connect(urlunsplit(urlsplit(server)._replace(path=f"/{database}")))
    try:
        yield owner
    finally:
        await owner.close()
