"""Debian's `wrk` as the load generator: it sends prepared requests as fast as they are answered."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
    """The result of one run of wrk. `latencies_ms`: in order, each stands for as many of the requests.

    `answered`: ids of the transactions that answers told of, where they were asked for.
    """

    clients: int
    requests: int
    seconds: float
    latencies_ms: tuple[float, ...]
    answered: frozenset[str] = frozenset()


class NothingAnsweredError(LoadError):
    """Not one request was answered before the end. What was sent may be carried out all the same: `load` has none."""

    def __init__(self, load: Load) -> None:
        super().__init__(f"nothing was answered to {load.clients} clients in time; measure for longer")
        self.load = load


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
def request_file(directory: Path, requests: Iterable[bytes], count: int, name: str = "requests") -> Iterator[Path]:
    """A file of requests while this is open. `name`: of files that are open at the same time, each has another."""
    path = directory / name
    try:
        if write_requests(path, requests, count) < count:
            raise LoadError("there are fewer requests than wanted")
        yield path
    finally:
        path.unlink(missing_ok=True)
        _answers_beside(path).unlink(missing_ok=True)
        _sent_beside(path).unlink(missing_ok=True)


def _answers_beside(requests: Path) -> Path:
    """Where wrk.lua notes which transactions were answered."""
    return requests.with_name(f"{requests.name}.answered")


def _sent_beside(requests: Path) -> Path:
    """Where wrk.lua leaves a file once all requests are sent."""
    return requests.with_name(f"{requests.name}.sent")


async def send(
    url: str,
    clients: int,
    seconds: float,
    requests: Path | None = None,
    pause_ms: int = 0,
    *,
    note_answers: bool = False,
) -> Load:
    """Keep `clients` connections busy for so long, or until all prepared requests were sent; else plain GETs.

    Every request is sent once. `pause_ms`: the mean pause of a client between an answer and its next request.
    `note_answers`: which transactions the answers tell of; it costs wrk 2 µs an answer.
    Raises LoadError: not every answer was 200, or connections broke. NothingAnsweredError: there was none at all.
    """
    options = ["-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", f"{_GRACE_SECONDS}s"]
    options += ["--latency", "-s", str(SCRIPT), url]
    if requests is not None:
        options += ["--", str(requests), str(pause_ms)]
        if note_answers:
            options += [str(_answers_beside(requests))]
    enough = None if requests is None else _sent_beside(requests).exists
    status, output, errors = await output_of(find_wrk(), *options, enough=enough)
    if status != 0:
        raise LoadError(f"wrk failed: {errors.strip()}")
    load = read_summary(output, clients)
    if requests is None or not note_answers:
        return load
    return replace(load, answered=frozenset(_answers_beside(requests).read_text("ascii").split()))


def read_summary(output: str, clients: int) -> Load:
    """The last line that wrk.lua prints. Raises LoadError, NothingAnsweredError."""
    summary: dict[str, Any] = msgspec.json.decode(output.strip().rpartition("\n")[2])
    broken = {name: summary[name] for name in ("connect", "read", "write", "timeout", "status") if summary[name]}
    if broken:
        raise LoadError(f"not every request was answered well: {broken}")
    load = Load(
        clients,
        requests=summary["requests"],
        seconds=summary["duration_us"] / 1_000_000,
        latencies_ms=tuple(each / 1000 for each in summary["latencies_us"]),
    )
    if not load.requests:
        raise NothingAnsweredError(load)
    return load
