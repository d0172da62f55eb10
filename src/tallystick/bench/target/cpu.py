"""CPU time by part: whose it was, of what ran while something was measured. Seconds throughout.

Linux counts the time of each thread in nanoseconds (/proc/PID/task/TID/schedstat). Elsewhere psutil says it for whole
processes, in hundredths of a second.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

PROC: Final = Path("/proc")
_NANOSECONDS: Final = 1e-9

AUXILIARY: Final = (
    "archiver",
    "autovacuum",
    "background writer",
    "bgworker",
    "checkpointer",
    "io worker",
    "logger",
    "logical replication",
    "slotsync",
    "startup",
    "walreceiver",
    "walsender",
    "walsummarizer",
    "walwriter",
)
"""How the titles of PostgreSQL's processes begin that serve no client."""

Threads = Mapping[tuple[int, int], float]
"""What each thread has used since it began, by process and thread; a process without threads to see has thread 0."""


@dataclass(frozen=True, slots=True)
class CpuReading:
    """What has been used until a moment. `ended`: by processes of the database that are no more; `load`: by our own.

    `machine`: by all programs, None where Linux does not say; `stolen`: by other machines on the same processors.
    `backends` serve clients of the database, `auxiliaries` the server itself: none where it is on another machine.
    """

    own: Threads
    api: Threads
    backends: Threads
    auxiliaries: Threads
    ended: float
    load: float
    machine: float | None
    stolen: float


@dataclass(frozen=True, slots=True)
class DatabaseTime:
    """Used by the database: for its clients, and by what serves the server, such as its log and its checkpoints."""

    backends: float
    auxiliaries: float


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Used between two readings. `others`: by programs that are no part of the run; None where Linux does not say."""

    api: float
    database: DatabaseTime | None
    load: float
    others: float | None
    stolen: float


@dataclass(slots=True)
class Watched:
    """What was used while it was watched; None until it ends."""

    _seconds: float = 0.0
    _time: CpuTime | None = None

    @property
    def time(self) -> CpuTime:
        """Raises LookupError: it has not ended."""
        if self._time is None:
            raise LookupError("still under way")
        return self._time

    def share(self, seconds: float) -> float:
        """So many seconds in per cent of what all processors have in the time that was watched."""
        return 100 * seconds / (self._seconds * (psutil.cpu_count() or 1))

    @contextmanager
    def watch(self, served: Sequence[psutil.Process], postmaster: psutil.Process | None) -> Iterator[None]:
        """Watch while this is open."""
        before, began = read(served, postmaster), time.monotonic()
        yield
        self._time = between(before, read(served, postmaster))
        self._seconds = time.monotonic() - began


def read(served: Iterable[psutil.Process], postmaster: psutil.Process | None) -> CpuReading:
    """What everything has used so far: the servers in `served`, the database, all that this process has started."""
    me = psutil.Process()
    machine, stolen = _machine()
    clients: list[psutil.Process] = []
    rest: list[psutil.Process] = []
    ended = 0.0
    if postmaster is not None:
        with suppress(psutil.NoSuchProcess):
            times = postmaster.cpu_times()
            clients, rest = _of_database(postmaster)
            ended = float(times.children_user + times.children_system)
    gone = resource.getrusage(resource.RUSAGE_CHILDREN)
    return CpuReading(
        own=of_threads([me, *_children(me)]),
        api=of_threads(served),
        backends=of_threads(clients),
        auxiliaries=of_threads(rest),
        ended=ended,
        load=gone.ru_utime + gone.ru_stime,
        machine=machine,
        stolen=stolen,
    )


def between(before: CpuReading, after: CpuReading) -> CpuTime:
    """Whose the time between two readings was.

    A process of the database that began or ended meanwhile counts among those that serve no client: nearly all of them
    are autovacuum's. The load generator is what this process started and what has ended since.
    """
    load, stolen = after.load - before.load, after.stolen - before.stolen
    there = {pid for pid, _ in (*after.backends, *after.auxiliaries)}
    known = {**before.backends, **before.auxiliaries}
    counted = sum(seconds for (pid, _), seconds in known.items() if pid not in there)
    ended = max(0.0, after.ended - before.ended - counted)
    others = None
    if before.machine is not None and after.machine is not None:
        ours = used({**known, **before.own}, {**after.backends, **after.auxiliaries, **after.own}) + ended + load
        others = max(0.0, after.machine - before.machine - ours)
    database = None
    if after.auxiliaries:
        backends = used(before.backends, after.backends)
        database = DatabaseTime(backends, used(before.auxiliaries, after.auxiliaries) + ended)
    return CpuTime(used(before.api, after.api), database, load, others, stolen)


def used(before: Threads, after: Threads) -> float:
    """Seconds between two readings; a thread that is new counts from its start."""
    return sum(max(0.0, seconds - before.get(thread, 0.0)) for thread, seconds in after.items())


def of_threads(processes: Iterable[psutil.Process]) -> Threads:
    """What the threads of these processes have used so far; one that has ended is left out."""
    found: dict[tuple[int, int], float] = {}
    for process in processes:
        tasks = PROC / str(process.pid) / "task"
        try:
            for task in tasks.iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):
                    nanoseconds = int((task / "schedstat").read_text("ascii").split()[0])
                    found[process.pid, int(task.name)] = nanoseconds * _NANOSECONDS
        except FileNotFoundError:  # ended, or no Linux
            with suppress(psutil.Error):
                times = process.cpu_times()
                found[process.pid, 0] = times.user + times.system
    return found


def serves_no_client(title: str) -> bool:
    """Whether a process of PostgreSQL with this title works for the server alone, as its checkpointer does.

    Titles look like `postgres: walwriter` and `postgres: user database host idle`, with a cluster's name before, where
    it has one: `postgres: name: walwriter`.
    """
    words = title.removeprefix("postgres: ").rpartition(": ")[2].strip()
    return words.startswith(AUXILIARY)


def _of_database(postmaster: psutil.Process) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """The server's processes: those of clients, and the others."""
    clients: list[psutil.Process] = []
    rest = [postmaster]
    for process in _children(postmaster):
        with suppress(psutil.Error):
            (rest if serves_no_client(" ".join(process.cmdline())) else clients).append(process)
    return clients, rest


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _machine() -> tuple[float | None, float]:
    """What all programs have used, and what was stolen, since the machine began. Interrupts are nobody's."""
    if not (PROC / "stat").exists():
        return None, 0.0
    times = psutil.cpu_times()
    return times.user + times.nice + times.system, getattr(times, "steal", 0.0)
