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

BROKEN: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of one that was in use when its server was killed, or that the server is ending
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # of a process that was stopped for a while
    ConnectionError,
    TimeoutError,
)
"""The connection is broken and has to be replaced; the statement was not at fault."""

UNAVAILABLE: Final = (
    *BROKEN,
    OSError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,  # too many connections, no memory, a full disk
)
"""The database is out of reach, overloaded or out of room: trying again later may succeed."""

DAMAGED: Final = (asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError)
"""A page of the database is not what was written: its checksum is wrong, or what is in it makes no sense."""
