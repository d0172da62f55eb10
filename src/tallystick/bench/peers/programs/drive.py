"""Keep a library busy from many clients and print what it did, as a line of JSON.

    python drive.py ADAPTER DATABASE CLIENTS SECONDS

ADAPTER is a module beside this file with `prepare(database)`, called once, and `client(database, number)`, which gives
what one client does over and over. Clients are threads of as many processes as there are processors. DATABASE is an
address as libpq takes it, of an empty database.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence

Done = tuple[float, float]
"""When an action began, and how long it took; seconds."""


def main(adapter: str, database: str, clients: int, seconds: float) -> None:
    """Prepare, let all clients begin at the same time, and add up what they did."""
    importlib.import_module(adapter).prepare(database)
    context = multiprocessing.get_context("spawn")
    processes = min(clients, os.cpu_count() or 1)
    barrier = context.Barrier(clients)
    with context.Pool(processes, _share, [barrier]) as pool:
        shares = [range(number, clients, processes) for number in range(processes)]
        done = pool.starmap(_process, [(adapter, database, share, seconds) for share in shares], chunksize=1)
    durations = sorted(duration for part in done for _, duration in part)
    if not durations:
        raise SystemExit("not all clients were ready in time, or none did anything")
    begun = [moment for part in done for moment, _ in part]
    ended = max(moment + duration for part in done for moment, duration in part)
    p99 = durations[min(len(durations) - 1, len(durations) * 99 // 100)]
    print(json.dumps({"units": len(durations), "seconds": ended - min(begun), "p99_ms": 1000 * p99}))  # noqa: T201


_TOGETHER_SECONDS = 60  # until all clients are ready; longer than that nobody waits, also when the parent is no more
_barriers: list[threading.Barrier] = []


def _share(barrier: threading.Barrier) -> None:
    _barriers.append(barrier)


def _process(adapter: str, database: str, numbers: Sequence[int], seconds: float) -> list[Done]:
    """What the clients of one process did. Raises whatever one of them has met."""
    done: list[Done] = []
    failed: list[BaseException] = []

    def one(action: Callable[[], None]) -> None:
        try:
            done.extend(_client(action, seconds))
        except threading.BrokenBarrierError:
            pass  # whoever was the reason raises it
        except BaseException as error:  # noqa: BLE001 - it is raised below, in the thread that can tell
            failed.append(error)
            _barriers[0].abort()

    try:
        actions = [importlib.import_module(adapter).client(database, number) for number in numbers]
    except BaseException:
        _barriers[0].abort()  # or the clients of other processes would wait for these
        raise
    threads = [threading.Thread(target=one, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return done


def _client(action: Callable[[], None], seconds: float) -> list[Done]:
    action()  # its connection, which belongs to this thread, and what is read once
    _barriers[0].wait(_TOGETHER_SECONDS)
    done = []
    until = time.monotonic() + seconds
    while (begun := time.monotonic()) < until:
        action()
        done.append((begun, time.monotonic() - begun))
    return done


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
