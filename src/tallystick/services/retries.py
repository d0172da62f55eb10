"""Work of the worker that may fail: done side by side, when it is tried again, and what is kept of why.

For rails, their events and payouts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import timedelta
from typing import Final

_LONGEST_PAUSE: Final = timedelta(hours=1)
_MAX_DOUBLINGS: Final = 12  # more come to more than the longest pause, and in the end to more than a timedelta holds
_LONGEST_REASON: Final = 500  # characters


def pause_after(attempts: int) -> timedelta:
    """Two seconds after the first attempt, twice as long after each further one, an hour at most."""
    return min(timedelta(seconds=2 ** min(attempts, _MAX_DOUBLINGS)), _LONGEST_PAUSE)


def reason_of(error: Exception) -> str:
    """What is kept of an error, for people."""
    return f"{type(error).__name__}: {error}"[:_LONGEST_REASON]


async def all_of(doing: str, work: Iterable[Awaitable[object]]) -> None:
    """Run all of it concurrently; one failure does not cancel the others. Raises ExceptionGroup when all are done."""
    ended = await asyncio.gather(*work, return_exceptions=True)
    if failures := [failure for failure in ended if isinstance(failure, Exception)]:
        raise ExceptionGroup(doing, failures)
