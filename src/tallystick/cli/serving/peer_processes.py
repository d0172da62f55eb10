"""More processes on one port: `serve --workers N`. The system hands each new connection to one of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

_STOP_SECONDS: Final = 40
_PAUSE_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class MoreProcesses:
    """The processes that were started, and the tasks that keep them running."""

    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _running: set[asyncio.subprocess.Process] = field(default_factory=set)
    _let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def let_go(self) -> None:
        """Tell all of them at once to end, each in its own time; none is started again."""
        self._let_go.set()
        for process in self._running:
            _close_pipe(process)

    def hurry(self) -> None:
        """Tell those that have not ended yet to do so at once."""
        for process in self._running:
            with suppress(ProcessLookupError):
                process.terminate()

    async def keep_running(self, arguments: Sequence[str], descriptors: Sequence[int]) -> None:
        """Run `tallystick` with these arguments, again and again."""
        while not self._let_go.is_set():
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tallystick", *arguments, stdin=asyncio.subprocess.PIPE, pass_fds=descriptors
            )
            self._running.add(process)
            if self._let_go.is_set():  # meanwhile
                _close_pipe(process)
            try:
                status = await process.wait()
            finally:
                self._running.discard(process)
                await _stop(process)
            if not self._let_go.is_set():
                _log.warning("process_ended", process=process.pid, status=status)
                await asyncio.sleep(_PAUSE_SECONDS)
        await asyncio.Event().wait()  # who waits for us takes our end for a failure


@asynccontextmanager
async def more_processes(
    commands: Sequence[Sequence[str]], descriptors: Sequence[int] = ()
) -> AsyncIterator[MoreProcesses]:
    """Run `tallystick` with each of these arguments in a process; one that ends is started again. At the end all stop.

    Each has a pipe from us on its standard input: it stops when that closes, also when we are killed. `descriptors`:
    of files that they get from us, by the same numbers.
    """
    processes = MoreProcesses()
    async with AsyncExitStack() as stack:
        for arguments in commands:
            keeping = _in_background(processes.keep_running(arguments, descriptors))
            processes.tasks.append(await stack.enter_async_context(keeping))
        yield processes


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _close_pipe(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()


async def _stop(process: asyncio.subprocess.Process) -> None:
    _close_pipe(process)
    try:
        async with asyncio.timeout(
            _STOP_SECONDS
        ):  # wait_for of Python 3.11 loses a cancellation that comes with the end
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def until_the_parent_is_gone() -> None:
    """Wait until standard input ends: whoever started this process with `more_processes` has stopped."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
