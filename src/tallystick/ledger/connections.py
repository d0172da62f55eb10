"""Names for what SQL runs on, so that signatures stay short."""

from __future__ import annotations

from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
"""One connection, so that several statements can share a transaction."""

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

Database: TypeAlias = "Connection | Pool"
"""Where a single statement can run."""

UNAVAILABLE: Final = (
    OSError,  # also time-outs and broken connections
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was in use when its server was killed, used once more
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)
"""The database is not there, or not now: another time may do."""
