"""An event loop whose clock is a number: it jumps to whatever is due next, and nothing in it happens by chance.

Callbacks run in the order in which they were scheduled, as asyncio promises. What differs between two runs is when
answers come, which the simulated network decides with its seed.
"""

from __future__ import annotations

import asyncio
import heapq
import weakref
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar

Result = TypeVar("Result")


class StuckError(Exception):
    """Nothing is due any more, and what was waited for has not come: somebody waits for ever."""


if TYPE_CHECKING:
    Base = asyncio.BaseEventLoop  # which has all methods, also those that are never called here
else:
    Base = asyncio.AbstractEventLoop


class SimulatedLoop(Base):
    """`steps` counts the callbacks that were run; `failures` holds what asyncio would have written to its log."""

    def __init__(self) -> None:
        self.steps = 0
        self.failures: list[dict[str, Any]] = []
        self._now = 0.0
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._scheduled = 0
        self._tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._scheduled += 1
        heapq.heappush(self._timers, (when, self._scheduled, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """asyncio tells of every timer that is cancelled; those stay until their time comes, and are passed over."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, Result] | Generator[Any, None, Result],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Result]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.add(task)
        return task

    def run_until_complete(self, future: Coroutine[Any, Any, Result]) -> Result:  # type: ignore[override]
        """The result of a coroutine. Raises StuckError where it can never come."""
        task = self.create_task(future)
        events._set_running_loop(self)  # noqa: SLF001 - what a loop has to say, and asyncio has no other name for it
        try:
            while not task.done():
                self._run_next()
        finally:
            events._set_running_loop(None)  # noqa: SLF001 - as above
        return task.result()

    def _run_next(self) -> None:
        if not self._ready:
            self._go_to_next_timer()
        handle = self._ready.popleft()
        if not handle.cancelled():
            self.steps += 1
            handle._run()  # noqa: SLF001 - how a loop runs what was scheduled with it

    def _go_to_next_timer(self) -> None:
        while self._timers:
            when, _, handle = heapq.heappop(self._timers)
            if not handle.cancelled():
                self._now = max(self._now, when)
                self._ready.append(handle)
                return
        raise StuckError

    def close(self) -> None:
        """End what still runs, without any more time: tasks are cancelled, and get their turns until none is left."""
        events._set_running_loop(self)  # noqa: SLF001 - as above
        try:
            while pending := [task for task in self._tasks if not task.done()]:
                for task in pending:
                    task.cancel()
                while self._ready:
                    self._run_next()
        finally:
            events._set_running_loop(None)  # noqa: SLF001 - as above
        self._timers.clear()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False
