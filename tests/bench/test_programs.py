"""Programs that send load end with the benchmark, also with one that is interrupted."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from tallystick.bench.load.programs import output_of

SAYS = "import sys; print('out'); print('bad', file=sys.stderr); sys.exit(3)"
STAYS = "import pathlib, sys, os, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(600)"


async def test_what_a_program_said() -> None:
    assert await output_of(sys.executable, "-c", SAYS) == (3, "out\n", "bad\n")


async def test_a_program_ends_with_us(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    os.mkfifo(note)
    running = asyncio.create_task(output_of(sys.executable, "-c", STAYS, str(note)))
    pid = int(await asyncio.to_thread(note.read_text))

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not psutil.pid_exists(pid)
