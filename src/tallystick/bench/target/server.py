"""The database server under measurement: an embedded one of the run's own, or the one that is given for tests."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg
import psutil

from tallystick.bench.load.wrk import LoadError
from tallystick.bench.target import cluster
from tallystick.bench.target.databases import recreated
from tallystick.db.connections import Database
from tallystick.db.migrate import migrate

DATABASE: Final = "tallystick_bench"
_DURABLE: Final = ("fsync", "synchronous_commit", "full_page_writes")


@asynccontextmanager
async def database_on(server: str) -> AsyncIterator[str]:
    """The address of a migrated database on `server`, made anew and dropped at the end; on Citus it is distributed.

    `server` is the coordinator where TALLYSTICK_TEST_CITUS_WORKERS names the other machines of a cluster.

    Raises LoadError: the server may lose what it has committed, so that its figures would say nothing.
    """
    await _check_durable(server)
    await cluster.drop(server, DATABASE)
    async with recreated(server, DATABASE) as dsn:
        await cluster.spread(server, DATABASE)
        try:
            await migrate(dsn)
            await cluster.distribute(dsn)
            yield dsn
        finally:
            await cluster.drop(server, DATABASE)


async def _check_durable(server: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        for name in _DURABLE:
            value = await connection.fetchval("SELECT current_setting($1)", name)
            if value in {"off", "local"}:
                raise LoadError(f"the server has {name} = {value}: what it commits may be lost")
    finally:
        await connection.close()


async def find_postmaster(database: Database) -> psutil.Process | None:
    """The server's main process, where it runs on this machine, to read the CPU time and memory of its processes."""
    row = await database.fetchrow("SELECT pg_backend_pid() AS pid, host(inet_server_addr()) AS address")
    if row is None or (row["address"] is not None and not ipaddress.ip_address(row["address"]).is_loopback):
        return None
    with suppress(psutil.NoSuchProcess):
        backend = psutil.Process(row["pid"])
        if backend.name().startswith("postgres"):
            return backend.parent()
    return None
