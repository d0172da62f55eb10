"""More processes on one port: `serve --workers N`. The system hands each new connection to one of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import structlog

_STOP_SECONDS: Final = 40
_PAUSE_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def more_processes(commands: Sequence[Sequence[str]]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run `tallystick` with each of these arguments in a process; one that ends is started again. At the end all stop.

    Each has a pipe from us on its standard input: it stops when that closes, also when we are killed.
    """
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_kept_running(arguments)) for arguments in commands]


@asynccontextmanager
async def _kept_running(arguments: Sequence[str]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(_keep_running(arguments))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep_running(arguments: Sequence[str]) -> None:
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tallystick", *arguments, stdin=asyncio.subprocess.PIPE
        )
        try:
            status = await process.wait()
        finally:
            await _stop(process)
        _log.warning("process_ended", process=process.pid, status=status)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def until_the_parent_is_gone() -> None:
    """Wait until standard input ends: whoever started this process with `more_processes` has stopped."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
