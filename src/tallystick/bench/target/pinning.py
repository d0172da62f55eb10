"""Processes on processors of their own, so that a figure does not depend on who shares one with whom."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

MOST: Final = 2
"""For so many API processes a processor is kept, also where there is one only: the database has the same then."""

ENOUGH: Final = MOST + 2
"""With fewer processors two API processes, the database and the load generator cannot have one each."""


@contextmanager
def pinned(
    served: Sequence[psutil.Process], database: Iterable[psutil.Process], cores: Sequence[int]
) -> Iterator[None]:
    """While this is open each server has one of the first `cores`, the load generator the last, the database the rest.

    The load generator is started by this process, and is where this process is. Needs ENOUGH cores.
    """
    before = os.sched_getaffinity(0)
    own = {cores[-1]}
    rest = set(cores[MOST:-1])
    moved = [*served, *database]
    try:
        for number, process in enumerate(served):
            place(process.pid, {cores[number]})
        for process in database:
            place(process.pid, rest)
        place(os.getpid(), own)
        yield
    finally:
        for pid in (*(process.pid for process in moved), os.getpid()):
            place(pid, before)


def place(pid: int, cores: set[int]) -> None:
    """Let all threads of a process run on these processors alone; those that it begins later do so, too."""
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), cores)
