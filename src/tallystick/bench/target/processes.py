"""The processes under measurement: the service on a port, an empty handler on a port, their CPU time."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import httpx
import psutil

from tallystick.bench.load.wrk import LoadError
from tallystick.settings import CONFIG, NO_FILE, PREFIX

HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 30
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server of ours in a process of its own, with the processes that it started."""

    url: str
    process: psutil.Process

    def processes(self) -> list[psutil.Process]:
        """All of them; none where it has ended."""
        with suppress(psutil.NoSuchProcess):
            return [self.process, *self.process.children(recursive=True)]
        return []


@asynccontextmanager
async def serving(arguments: Sequence[str], environment: dict[str, str], *, port: int) -> AsyncIterator[ServerProcess]:
    """Run a module of ours until it answers on `port`, and stop it at the end. Raises LoadError.

    It gets the settings in `environment` alone and none from this process: the figures are those of the defaults, and a
    service that happens to be configured here is not touched.
    """
    process = await asyncio.create_subprocess_exec(
        *ending_with_us(),
        sys.executable,
        "-m",
        *arguments,
        env={name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        | {CONFIG: NO_FILE}
        | environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        url = f"http://{HOST}:{port}"
        await _until_it_answers(process, url)
        yield ServerProcess(url, psutil.Process(process.pid))
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


def ending_with_us() -> Sequence[str]:
    """What to put before a command so that Linux ends it when we are killed; nothing, where that cannot be had."""
    program = shutil.which("setpriv")
    return [] if program is None else [program, "--pdeathsig", "TERM"]


async def _until_it_answers(process: asyncio.subprocess.Process, url: str) -> None:
    async with asyncio.timeout(_START_SECONDS), httpx.AsyncClient(trust_env=False) as client:
        while True:
            if process.returncode is not None:
                raise LoadError(f"a server under measurement ended with status {process.returncode}")
            with suppress(httpx.TransportError):
                await client.get(f"{url}/healthz")
                return
            await asyncio.sleep(_PAUSE_SECONDS)


def free_port() -> int:
    """A port that the system chooses."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def memory_mb(process: psutil.Process) -> float:
    """Resident memory of one process, in units of 10⁶ bytes."""
    return float(process.memory_info().rss) / 1e6
