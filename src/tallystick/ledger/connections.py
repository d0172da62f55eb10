"""Names for what SQL runs on, so that signatures stay short."""

from __future__ import annotations

from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
"""One connection, so that several statements can share a transaction."""

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

Database: TypeAlias = "Connection | Pool"
"""Where a single statement can run."""
