"""The program itself, as a process of its own, in an environment that only the test fills."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tallystick.settings import CONFIG, NO_FILE

STOP_SECONDS = 60
SEVERAL = Path(__file__).with_name("several_commands.py")


@dataclass(frozen=True)
class Ended:
    """What a command printed and how it ended."""

    status: int
    out: str
    complaint: str


class Command(Protocol):
    """Runs a command to its end."""

    async def __call__(self, *arguments: str, settings: Mapping[str, str], typed: str = "") -> Ended: ...


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours, with these settings alone: nobody's configuration file is read, unless they name one."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    return ours | {CONFIG: NO_FILE} | dict(settings)


async def start(*arguments: str, settings: Mapping[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tallystick", *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment(settings)
    )


async def tallystick(*arguments: str, settings: Mapping[str, str], typed: str = "") -> Ended:
    """Run a command to its end."""
    process = await start(*arguments, settings=settings)
    out, complaint = await process.communicate(typed.encode())
    assert process.returncode is not None
    assert b"Traceback" not in complaint, complaint.decode()
    return Ended(process.returncode, out.decode(), complaint.decode())


@asynccontextmanager
async def one_process() -> AsyncIterator[Command]:
    """Runs commands one after the other in a process that stays: most of a short command's time is its start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SEVERAL), stdin=PIPE, stdout=PIPE, env=environment({}), limit=2**20
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    async def run(*arguments: str, settings: Mapping[str, str], typed: str = "") -> Ended:
        stdin.write(json.dumps((arguments, dict(settings), typed)).encode() + b"\n")
        ended = Ended(*json.loads(await stdout.readline()))
        assert "Traceback" not in ended.complaint, ended.complaint
        return ended

    try:
        yield run
    finally:
        stdin.close()
        await process.wait()


@asynccontextmanager
async def running(*arguments: str, settings: Mapping[str, str], until: str) -> AsyncIterator[list[str]]:
    """A command that runs until it is stopped, which it must do cleanly; the lines that it printed up to `until`."""
    process = await start(*arguments, settings=settings)
    assert process.stdout is not None
    assert process.stderr is not None
    lines: list[str] = []
    while not any(until in line for line in lines):
        line = await process.stdout.readline()
        if not line:
            raise AssertionError("".join(lines) + (await process.stderr.read()).decode())
        lines.append(line.decode())
    try:
        yield lines
    finally:
        process.send_signal(signal.SIGTERM)
        out, complaint = await asyncio.wait_for(process.communicate(), STOP_SECONDS)
    assert process.returncode == 0, (out + complaint).decode()
    assert b"Traceback" not in complaint, complaint.decode()
