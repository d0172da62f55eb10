"""Programs that are not ours: the load generators."""

from __future__ import annotations

import asyncio
from pathlib import Path


async def output_of(program: str | Path, *arguments: str) -> tuple[int, str, str]:
    """Run a program to its end: its exit status, standard output, standard error.

    It is killed when this process is cancelled; otherwise the load would go on for as long as it was asked to.
    """
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace"), errors.decode(errors="replace")
