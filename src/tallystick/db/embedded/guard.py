"""Restarts the embedded server when it crashes, or the system kills it, while a process still uses it.

It also keeps the server's log from filling the disk: the server writes a file a day, however long.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Final

from tallystick.db.embedded.server import EmbeddedPostgres, EmbeddedPostgresError

LOOK_EVERY_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 15.0
"""Between two tries to start a server that does not start, such as one on a full disk."""
MEASURE_LOG_EVERY_SECONDS: Final = 30.0
MAX_LOG_BYTES: Final = 64 << 20
"""Of all files of the server's log together."""

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
    pause, measured = LOOK_EVERY_SECONDS, 0.0
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        if stop.is_set():
            return
        try:
            if await asyncio.to_thread(server.revive):
                logger.warning("the embedded database had died and was started again")
            pause = LOOK_EVERY_SECONDS
        except (EmbeddedPostgresError, OSError) as error:
            logger.error("the embedded database has died and cannot be started; this is tried again: %s", error)  # noqa: TRY400 - where it happened tells nothing
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        if (now := monotonic()) - measured >= MEASURE_LOG_EVERY_SECONDS:
            measured = now
            with suppress(OSError):
                await asyncio.to_thread(empty_long_log, server.log_directory)


def empty_long_log(directory: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
    """Empty the longest files of the server's log until the rest is no longer than `max_bytes` together.

    The server goes on writing at the end of a file, wherever that is. Raises OSError.
    """
    sizes = {path: path.stat().st_size for path in directory.glob("*.log")}
    for path in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sum(sizes.values()) <= max_bytes:
            return
        logger.warning("emptied %s, which had become %d MB long", path, sizes[path] >> 20)
        os.truncate(path, 0)
        sizes[path] = 0
