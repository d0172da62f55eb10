"""The machine of a run, without which its figures mean nothing."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Final

import psutil

from tallystick.bench.measures import Machine
from tallystick.domain.speedups import compiled, plain_heads, plain_payments, plain_requests, sent_rows

BUSY_PERCENT: Final = 10
_CPU_INFO: Final = Path("/proc/cpuinfo")


def this_machine(postgresql: str) -> Machine:
    """The machine of this process."""
    return Machine(
        processor=_processor(),
        cores=psutil.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        compiled=None not in {compiled, plain_requests, plain_payments, sent_rows, plain_heads},
        postgresql=postgresql,
    )


def busy_percent() -> float:
    """How much of all processors this machine uses, over a second."""
    return float(psutil.cpu_percent(interval=1))


def busy_warning(percent: float) -> str | None:
    """What to tell whoever begins to measure while others are at work; None, if they hardly are."""
    if percent < BUSY_PERCENT:
        return None
    return f"other programs use {percent:.0f} % of the processors: figures will be worse, and different every time"


def _processor() -> str:
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text("ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
