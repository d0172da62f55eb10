"""When work of the worker that failed is tried again, and what is kept of why: for rails, their events and payouts."""

from __future__ import annotations

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
