"""Databases of the benchmark's own, on whatever server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg


def beside(dsn: str, database: str) -> str:
    """The address of another database on the server at `dsn`."""
    parts = urlsplit(dsn)  # built by hand: urlunsplit drops the // that pgbench needs when no host follows
    return f"{parts.scheme}://{parts.netloc}/{database}" + (f"?{parts.query}" if parts.query else "")


@asynccontextmanager
async def recreated(server: str, database: str) -> AsyncIterator[str]:
    """Create an empty database on `server`, replacing one of that name, and drop it at the end. Yields its address."""
    await execute(server, f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
    try:
        yield beside(server, database)
    finally:
        await execute(server, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


async def execute(dsn: str, *statements: str) -> None:
    """Run statements, each on its own."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
