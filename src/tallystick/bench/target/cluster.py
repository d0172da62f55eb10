"""A cluster of Citus for the run's own databases: each is made on all of its machines, which know one another there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from tallystick.bench.target.databases import beside, execute
from tallystick.db import distribution
from tallystick.db.database import DEFAULT_PORT, open_pool
from tallystick.db.distribution import Node, address_of

WORKERS: Final = "TALLYSTICK_TEST_CITUS_WORKERS"
"""Names the machines besides the coordinator, as they reach each other: HOST:PORT,HOST:PORT."""
_MAINTENANCE: Final = "postgres"  # the database that every server has


def workers() -> list[Node]:
    """The machines that are given; none where there is no cluster. Raises ValueError: a port is no number."""
    given = [one.strip() for one in os.environ.get(WORKERS, "").split(",") if one.strip()]
    parts = [urlsplit(f"//{one}") for one in given]
    return [Node(part.hostname or "", part.port or DEFAULT_PORT) for part in parts]


def spreading(server: str, database: str, nodes: Sequence[Node]) -> list[tuple[str, str]]:
    """What makes the empty `database` on the coordinator `server` one of all machines: addresses and statements."""
    parts = urlsplit(server)
    here = beside(server, database)
    steps = [(address_of(beside(server, _MAINTENANCE), node), f"CREATE DATABASE {database}") for node in nodes]
    steps += [(address_of(here, node), "CREATE EXTENSION citus") for node in nodes]
    steps.append((here, "CREATE EXTENSION citus"))
    own = parts.hostname or "localhost", parts.port or DEFAULT_PORT
    steps.append((here, f"SELECT citus_set_coordinator_host('{own[0]}', {own[1]})"))
    steps += [(here, f"SELECT citus_add_node('{node.host}', {node.port})") for node in nodes]
    return steps


async def spread(server: str, database: str) -> None:
    """Make the empty `database` on `server` one of all machines that are given; nothing where there are none."""
    if nodes := workers():
        for address, statement in spreading(server, database, nodes):
            await execute(address, statement)


async def distribute(dsn: str) -> None:
    """Distribute a migrated database where its server has Citus; else nothing."""
    async with await open_pool(dsn, max_size=1) as pool:
        if await distribution.extension_available(pool):
            await distribution.distribute(pool)


async def drop(server: str, database: str) -> None:
    """Drop `database` on the machines besides the coordinator."""
    for node in workers():
        address = address_of(beside(server, _MAINTENANCE), node)
        await execute(address, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
