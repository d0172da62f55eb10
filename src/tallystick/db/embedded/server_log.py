"""What the embedded server's log says about a start that came to nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FULL: Final = "No space left on device"
"""How the system calls a full disk, in the locale that the server has."""

MOST_LINES: Final = 20

_BEGAN: Final = re.compile(r"starting PostgreSQL \d+")
_FATAL: Final = re.compile(r"\b(?:FATAL|PANIC):(?! +the database system is )")
"""A reason to end; not what whoever comes too early, or too late, is told."""
_BY_SIGNAL: Final = re.compile(r"startup process \(PID \d+\) was terminated by signal (?:9|15)\b")


def log_ends(directory: Path) -> Mapping[Path, int]:
    """How long each file of the log is at this moment, in bytes."""
    return {path: path.stat().st_size for path in directory.glob("*.log")}


def log_since(directory: Path, ends: Mapping[Path, int]) -> str:
    """What was written since then: its last lines, at most MOST_LINES."""
    lines: list[str] = []
    for path in sorted(directory.glob("*.log"), key=lambda path: path.stat().st_mtime):
        with path.open("rb") as file:
            end = ends.get(path, 0)
            file.seek(end if path.stat().st_size >= end else 0)  # one that is used again begins anew
            lines += file.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-MOST_LINES:])


def is_full(log: str) -> bool:
    """Whether the server found no room on the disk."""
    return FULL in log


def was_killed(log: str) -> bool:
    """Whether somebody killed the server while it started: it said nothing of a reason to end.

    A process of its own that was killed is such a case, too. One that crashed by itself is none.
    """
    return _BY_SIGNAL.search(log) is not None or (_BEGAN.search(log) is not None and _FATAL.search(log) is None)
