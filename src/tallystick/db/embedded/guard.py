"""Restarts the embedded server when it crashes, or the system kills it, while a process still uses it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from tallystick.db.embedded.server import EmbeddedPostgres, EmbeddedPostgresError

LOOK_EVERY_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


@asynccontextmanager
async def kept_alive(server: EmbeddedPostgres) -> AsyncIterator[None]:
    """Watch over a server that was started, while this is open. Calls fail meanwhile, and can be made again."""
    stop = asyncio.Event()
    task = asyncio.create_task(_watch(server, stop))
    try:
        yield
    finally:
        stop.set()
        await task  # a start that is under way is finished, so that whoever holds the server can stop it


async def _watch(server: EmbeddedPostgres, stop: asyncio.Event) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_SECONDS)
        if stop.is_set():
            return
        try:
            if await asyncio.to_thread(server.revive):
                logger.warning("the embedded database had died and was started again")
        except (EmbeddedPostgresError, OSError):
            logger.exception("the embedded database has died and cannot be started; this is tried again")
