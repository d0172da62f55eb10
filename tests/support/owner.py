"""Statements that the service's role may not send: for tests that spoil what only its owner can."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tallystick.db.connections import Pool
from tallystick.db.embedded.server import EmbeddedPostgres

TEST_DATABASE_URL: Final = "TALLYSTICK_TEST_DATABASE_URL"
TEST_DIRECTORY: Final = "TALLYSTICK_TEST_DIRECTORY"


async def execute_as_owner(pool: Pool, statement: str, *arguments: object) -> None:
    """Run it in the database of a service; on a server that is given, the service's role is the owner."""
    if os.environ.get(TEST_DATABASE_URL):
        await pool.execute(statement, *arguments)
        return
    database = await pool.fetchval("SELECT current_database()::text")
    server = EmbeddedPostgres(Path(os.environ[TEST_DIRECTORY])).admin_dsn
    connection = await asyncpg.connect(urlunsplit(urlsplit(server)._replace(path=f"/{database}")))
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()
