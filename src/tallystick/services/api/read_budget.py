"""What reads that cost much may have of a process while others call it: one at a time, and a part of its time.

Lists of hundreds of transactions and files of any length take the event loop for milliseconds at a stretch, and the
database for more. While anybody pays, they go one after the other, in pieces, and after each piece the process is left
alone for several times as long as it took. Sellers take turns, and so do the keys of one seller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Final

from tallystick.db.fair_queue import FairQueue
from tallystick.services.api.fair_shares import FairShares, ThrottledError

READS_AT_A_TIME: Final = 4
"""While nobody else calls: enough that one is written while the database works on another."""

PAUSES: Final = 3
"""How many times as long as a piece of a read took, others have the process to themselves: reads have a quarter."""

LONGEST_PAUSE_SECONDS: Final = 0.25
"""After whatever piece: a statement may have taken long because others were in its way."""

MOST_OF_A_FLOW: Final = 32
"""Reads of one key, or of one file, that may wait; more are refused."""

MOST_WAITING: Final = 128
"""Of all together. Beyond it each caller may have no more waiting than its part of them."""

LONGEST_RETRY_SECONDS: Final = 30

StepAside = Callable[[], Awaitable[None]]
"""Awaited between two pieces of work."""


@dataclass(slots=True)
class ReadTurn:
    """The turn of one read."""

    budget: ReadBudget
    flow: Hashable
    _resumed: float

    async def step_aside(self) -> None:
        """After a piece of work: pause for as long as it demands."""
        await self.budget.pause(self.flow, self.budget.clock() - self._resumed)
        self._resumed = self.budget.clock()


@dataclass(slots=True, eq=False)
class _Waiter:
    """A read that waits for its turn. `queued`: it is still in both queues."""

    flow: Hashable
    turn: asyncio.Future[None]
    queued: bool = True


@dataclass(slots=True)
class ReadBudget:
    """Turns of reads that cost much. `calls`: the turns of all other calls, which tell whether anybody else calls."""

    calls: FairShares
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _under_way: int = 0
    _callers: FairQueue[Hashable] = field(default_factory=FairQueue)
    """Each caller once for each of its reads that wait, in a flow of its own: whose read is next."""
    _waiting: dict[Hashable, FairQueue[_Waiter]] = field(default_factory=dict)
    """The reads of each caller that wait, in a flow for each key."""
    _usual_seconds: float = 0.0
    """How long a turn takes, as it was lately."""

    @property
    def waiting(self) -> int:
        """How many reads wait for their turns."""
        return len(self._callers)

    @asynccontextmanager
    async def turn(self, caller: Hashable, flow: Hashable) -> AsyncIterator[ReadTurn]:
        """Read when it is this caller's turn. `flow`: which of the caller's reads take turns with one another.

        Raises ThrottledError: too many wait already.
        """
        if self._callers or self._under_way >= self._places(flow):
            await self._wait(caller, flow)
        else:
            self._under_way += 1
        began = self.clock()
        try:
            yield ReadTurn(self, flow, began)
        finally:
            self._usual_seconds += (self.clock() - began - self._usual_seconds) / 8
            self._ended()

    async def pause(self, flow: Hashable, worked_seconds: float) -> None:
        """Leave the process to others after a piece of work; for a turn of the event loop, where nobody else calls."""
        if not self.calls.anybody_but(flow):
            await self.sleep(0)
            return
        # Several are under way where nobody else called before: together they have no more than one would.
        await self.sleep(min(LONGEST_PAUSE_SECONDS, worked_seconds * ((PAUSES + 1) * self._under_way - 1)))

    def _places(self, flow: Hashable) -> int:
        return 1 if self.calls.anybody_but(flow) else READS_AT_A_TIME

    async def _wait(self, caller: Hashable, flow: Hashable) -> None:
        waiting = self._waiting.get(caller)
        if waiting is not None:
            self._refuse_too_many(caller, waiting.waiting_of(flow))
        else:
            waiting = self._waiting[caller] = FairQueue()
        waiter = _Waiter(flow, asyncio.get_running_loop().create_future())
        waiting.append(waiter, flow)
        self._callers.append(caller, caller)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.done() and not waiter.turn.cancelled():  # it was its turn at the same moment
                self._ended()
            elif waiter.queued:
                self._leave(caller, waiter)
            raise

    def _refuse_too_many(self, caller: Hashable, of_flow: int) -> None:
        of_caller = self._callers.waiting_of(caller)
        crowded = len(self._callers) >= MOST_WAITING and of_caller >= MOST_WAITING // len(self._waiting)
        if crowded or of_flow >= MOST_OF_A_FLOW:
            seconds = ceil(of_caller * len(self._waiting) * self._usual_seconds)
            raise ThrottledError(min(LONGEST_RETRY_SECONDS, max(1, seconds)))

    def _leave(self, caller: Hashable, waiter: _Waiter) -> None:
        self._callers.remove(caller, caller)
        waiting = self._waiting[caller]
        waiting.remove(waiter, waiter.flow)
        if not waiting:
            del self._waiting[caller]

    def _ended(self) -> None:
        self._under_way -= 1
        while self._callers:
            caller = self._callers.first()
            waiter = self._waiting[caller].first()
            if self._under_way >= self._places(waiter.flow):
                return
            self._callers.take(1)
            self._waiting[caller].take(1)
            if not self._waiting[caller]:
                del self._waiting[caller]
            waiter.queued = False
            if not waiter.turn.done():  # nobody has cancelled it just now
                self._under_way += 1
                waiter.turn.set_result(None)
