"""Pools of connections that tests share, and that close at the end also where a test has kept a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool

_CLOSING_SECONDS = 30


@asynccontextmanager
async def shared_pool(url: str, max_size: int = 10) -> AsyncIterator[Pool]:
    """Open while this is. Connections that nobody gives back are cut when it is over; else closing waits for ever."""
    pool = await open_pool(url, max_size=max_size)
    try:
        yield pool
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await pool.close()
