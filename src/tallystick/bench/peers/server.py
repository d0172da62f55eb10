"""A peer that is a server of its own: started, flooded with prepared requests, and ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import httpx

from tallystick.bench.load.slices import percentile_ms
from tallystick.bench.load.wrk import LoadError, request_file, send
from tallystick.bench.peers.peer import PeerRate, Surroundings
from tallystick.bench.target.processes import HOST, ending_with_us, free_port

_LIKELY_RATE: Final = 5_000
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 10
_PAUSE_SECONDS: Final = 0.1


@asynccontextmanager
async def serving_peer(where: Surroundings, module: str, *arguments: str) -> AsyncIterator[str]:
    """Run a module of the peer's, a port after its arguments. Yields its address. Raises LoadError."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *ending_with_us(), where.python, "-m", module, *arguments, str(port),
        cwd=where.directory, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url = f"http://{HOST}:{port}"
        await _until_it_answers(process, module, url)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def flooded(url: str, requests: Iterator[bytes], directory: Path, clients: int, seconds: int) -> PeerRate:
    """What it answered to so many clients in so many seconds. Raises LoadError."""
    with request_file(directory, requests, _LIKELY_RATE * seconds, "requests-peer") as prepared:
        load = await send(f"{url}/", clients, seconds, prepared)
    return PeerRate(units=load.requests, seconds=load.seconds, p99_ms=percentile_ms([load], 99))


async def _until_it_answers(process: asyncio.subprocess.Process, module: str, url: str) -> None:
    until = asyncio.get_running_loop().time() + _START_SECONDS
    async with httpx.AsyncClient(trust_env=False) as client:
        while asyncio.get_running_loop().time() < until:
            if process.returncode is not None:
                raise LoadError(f"{module} ended with status {process.returncode}")
            with suppress(httpx.TransportError):
                await client.get(f"{url}/")
                return
            await asyncio.sleep(_PAUSE_SECONDS)
    raise LoadError(f"{module} does not answer at {url}")
