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

INTERRUPTED_TWICE = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
pathlib.Path(sys.argv[1]).touch()
time.sleep(0.3)
count = 0
def interrupted(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, interrupted)
while count < 2:
    time.sleep(0.01)
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("twice")
"""


async def test_what_a_program_said() -> None:
    assert await output_of(sys.executable, "-c", SAYS) == (3, "out\n", "bad\n")


async def test_a_program_is_interrupted_once_it_is_enough(tmp_path: Path) -> None:
    """Not before it handles that, and again where it was not listening yet."""
    note = tmp_path / "enough"
    said = await output_of(sys.executable, "-c", INTERRUPTED_TWICE, str(note), enough=note.exists)
    assert said == (0, "twice\n", "")


async def test_a_program_ends_with_us(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    os.mkfifo(note)
    running = asyncio.create_task(output_of(sys.executable, "-c", STAYS, str(note)))
    pid = int(await asyncio.to_thread(note.read_text))

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not psutil.pid_exists(pid)
