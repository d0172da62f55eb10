"""How much memory the embedded server's buffers may take."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

MIN_BYTES: Final = 128 << 20
MAX_BYTES: Final = 2 << 30
"""What is enough for the indexes in which ten million payments land at random."""

_SHARE: Final = 8
_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),  # the older kind
)


def buffers_bytes(memory_bytes: int) -> int:
    """An eighth of the memory, within bounds. Only what is used is ever taken."""
    return max(MIN_BYTES, min(MAX_BYTES, memory_bytes // _SHARE))


def memory_bytes(limits: tuple[Path, ...] = _LIMITS) -> int:
    """The machine's memory, or a container's part of it."""
    return min([psutil.virtual_memory().total, *(_limit(path) for path in limits if path.exists())])


def _limit(path: Path) -> int:
    text = path.read_text("ascii").strip()
    return int(text) if text.isdecimal() else psutil.virtual_memory().total  # "max": none of its own
