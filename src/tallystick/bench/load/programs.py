"""Programs that are not ours: the load generators."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path
from typing import Final

_LOOK_SECONDS: Final = 0.1


async def output_of(
    program: str | Path, *arguments: str, enough: Callable[[], bool] | None = None
) -> tuple[int, str, str]:
    """Run a program to its end: its exit status, standard output, standard error.

    It is killed when this process is cancelled; otherwise the load would go on for as long as it was asked to.
    `enough`: once it says so, the program is interrupted (SIGINT), until it ends.
    """
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    looking = None if enough is None else asyncio.create_task(_interrupt(process, enough))
    try:
        output, errors = await process.communicate()
    finally:
        if looking is not None:
            looking.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace"), errors.decode(errors="replace")


async def _interrupt(process: Process, enough: Callable[[], bool]) -> None:
    """More than once: one that is not asleep yet goes to sleep all the same."""
    while process.returncode is None:
        await asyncio.sleep(_LOOK_SECONDS)
        if enough() and _handles_interrupts(process.pid):
            process.send_signal(signal.SIGINT)


def _handles_interrupts(pid: int) -> bool:
    """Whether a process has said what is to be done; before that an interrupt would kill it. True where unknown."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace")
    except OSError:
        return True
    handled = next((line for line in status.splitlines() if line.startswith("SigCgt:")), "SigCgt: 2")
    return bool(int(handled.split()[1], 16) & (1 << signal.SIGINT - 1))
