"""Whoever ends a run by Ctrl-C or SIGTERM hears what it has so far."""

from __future__ import annotations

import asyncio


def is_ended_by(error: BaseException) -> bool:
    """Whether a run fails since somebody ends it: also where what was under way tells that as an error of its own.

    A driver whose statement is cancelled may do so: that of its server, or of a connection that it gives up then.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) or (task is not None and task.cancelling() > 0)


def goes_on_to_report(*, has_figures: bool) -> bool:
    """In a handler of what ended a run: whether there is something to tell, and the task may go on for that."""
    task = asyncio.current_task()
    if task is None or not has_figures:
        return False
    task.uncancel()
    return True
