"""Debian's `wrk` as the load generator: it sends prepared requests as fast as they are answered."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.bench.load.programs import output_of

SCRIPT: Final = Path(__file__).with_name("wrk.lua")
HOW_TO_GET_IT: Final = "the benchmark sends its load with wrk; install it, on Debian: apt-get install wrk"
_GRACE_SECONDS: Final = 30


class LoadError(Exception):
    """The load could not be sent, or not every answer was a success."""


@dataclass(frozen=True, slots=True)
class Load:
    """The result of one run of wrk. `latencies_ms`: in order, each stands for as many of the requests."""

    clients: int
    requests: int
    seconds: float
    latencies_ms: tuple[float, ...]


def find_wrk() -> str:
    """Where wrk is. Raises LoadError: it is not installed."""
    program = shutil.which("wrk")
    if program is None:
        raise LoadError(HOW_TO_GET_IT)
    return program


def write_requests(path: Path, requests: Iterable[bytes], count: int) -> int:
    """Write up to `count` requests for wrk.lua, each after its length; how many there were."""
    written = 0
    with path.open("wb") as file:
        for request in islice(requests, count):
            file.write(b"%d\n" % len(request))
            file.write(request)
            written += 1
    return written


@contextmanager
def request_file(directory: Path, requests: Iterable[bytes], count: int) -> Iterator[Path]:
    """A file of requests while this is open."""
    path = directory / "requests"
    try:
        if write_requests(path, requests, count) < count:
            raise LoadError("there are fewer requests than wanted")
        yield path
    finally:
        path.unlink(missing_ok=True)


async def send(url: str, clients: int, seconds: float, requests: Path | None = None, pause_ms: int = 0) -> Load:
    """Keep `clients` connections busy for so long, or until all prepared requests were sent; else plain GETs.

    Every request is sent once. `pause_ms`: the mean pause of a client between an answer and its next request.
    Raises LoadError: not every answer was 200, or connections broke.
    """
    options = ["-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", f"{_GRACE_SECONDS}s"]
    options += ["--latency", "-s", str(SCRIPT), url]
    if requests is not None:
        options += ["--", str(requests), str(pause_ms)]
    status, output, errors = await output_of(find_wrk(), *options)
    if status != 0:
        raise LoadError(f"wrk failed: {errors.strip()}")
    return read_summary(output, clients)


def read_summary(output: str, clients: int) -> Load:
    """The last line that wrk.lua prints. Raises LoadError."""
    summary: dict[str, Any] = msgspec.json.decode(output.strip().rpartition("\n")[2])
    broken = {name: summary[name] for name in ("connect", "read", "write", "timeout", "status") if summary[name]}
    if broken:
        raise LoadError(f"not every request was answered well: {broken}")
    if not summary["requests"]:
        raise LoadError(f"nothing was answered to {clients} clients in time; measure for longer")
    return Load(
        clients,
        requests=summary["requests"],
        seconds=summary["duration_us"] / 1_000_000,
        latencies_ms=tuple(each / 1000 for each in summary["latencies_us"]),
    )
