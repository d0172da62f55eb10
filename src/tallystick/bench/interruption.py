"""Whoever ends a run by Ctrl-C or SIGTERM hears what it has so far."""

from __future__ import annotations

import asyncio


def goes_on_to_report(*, has_figures: bool) -> bool:
    """In a handler of CancelledError: whether there is something to tell, and the task may go on for that."""
    task = asyncio.current_task()
    if task is None or not has_figures:
        return False
    task.uncancel()
    return True
