"""What one caller may have of the service while others want it, too: turns, and calls per second.

A caller alone has all of it. As soon as a second one has called within the last moment, each has as many calls under
way as its share allows; its others wait for these, and nobody else waits for them. A caller's keys take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Final, Protocol

from tallystick.db.fair_queue import FairQueue
from tallystick.domain.refusals import Refusal, Refused

ACTIVE_SECONDS: Final = 1.0
"""How long after its last call a caller counts among those who share."""

BURST_SECONDS: Final = 2
"""Whoever has not called for so long may make all these calls at once."""

MOST_BUCKETS: Final = 20_000
"""Callers that are remembered; then those whose buckets are full, which say nothing, are forgotten."""


_ROUNDING: Final = 1e-4
"""Of a call, or a second: moments are sums of fractions."""


class ThrottledError(Refused):
    """Somebody calls too often. `seconds`: when to come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(Refusal.Throttling, f"Too many calls. Nothing was done. Try again in {seconds} seconds.")
        self.seconds = seconds


@dataclass(slots=True)
class FairShares:
    """Turns of callers. `alone`: how many one may have at a time while nobody else calls; `together`: all, shared.

    `least`: what each has at any rate, however many they are. A caller's calls are of one flow or of several, which
    take turns where they wait.
    """

    alone: int
    together: int
    least: int
    clock: Callable[[], float] = monotonic
    _under_way: dict[Hashable, int] = field(default_factory=dict)
    _waiting: dict[Hashable, FairQueue[tuple[asyncio.Future[None], int]]] = field(default_factory=dict)
    _active: dict[Hashable, float] = field(default_factory=dict)
    _active_singles: dict[Hashable, float] = field(default_factory=dict)
    _active_batches: dict[Hashable, float] = field(default_factory=dict)
    """When each flow called last: for one thing, or for several at once."""
    _pruned: float = 0.0

    def share(self) -> int:
        """How many turns each caller may have now."""
        callers = len(self._active)
        return self.alone if callers <= 1 else max(self.least, self.together // callers)

    def anybody_but(self, flow: Hashable) -> bool:
        """Whether calls of any other flow have come within the last moment, batches or single ones."""
        return self.anybody_single_but(flow) or self._any_other(self._active_batches, flow)

    def anybody_single_but(self, flow: Hashable) -> bool:
        """Whether single calls of any other flow have come within the last moment."""
        return self._any_other(self._active_singles, flow)

    def _any_other(self, active: Mapping[Hashable, float], flow: Hashable) -> bool:
        since = self.clock() - ACTIVE_SECONDS
        return any(seen > since for other, seen in active.items() if other != flow)

    @asynccontextmanager
    async def turn(self, caller: Hashable, weight: int = 1, flow: Hashable = None) -> AsyncIterator[None]:
        """Have a turn of `caller`, and give it back. What weighs more than a share waits until it is the only one."""
        if not self.begins(caller, weight, flow):
            await self.begins_later(caller, weight, flow)
        try:
            yield
        finally:
            self.ended(caller, weight)

    def begins(self, caller: Hashable, weight: int = 1, flow: Hashable = None) -> bool:
        """Take a turn, if there is one at once; `ended` gives it back."""
        now = self.clock()
        self._active[caller] = now
        if weight == 1:
            self._active_singles[flow] = now
        else:
            self._active_batches[flow] = now
        if now - self._pruned > ACTIVE_SECONDS / 4:
            self._prune(now)
        if caller in self._waiting or not self._fits(caller, weight):
            return False
        self._under_way[caller] = self._under_way.get(caller, 0) + weight
        return True

    def ended(self, caller: Hashable, weight: int = 1) -> None:
        """Give a turn back; whoever has waited for it has it."""
        left = self._under_way[caller] - weight
        if left:
            self._under_way[caller] = left
        else:
            del self._under_way[caller]
        if caller in self._waiting:
            self._wake(caller)

    def _fits(self, caller: Hashable, weight: int) -> bool:
        under_way = self._under_way.get(caller, 0)
        return not under_way or under_way + weight <= self.share()

    def turn_later(self, caller: Hashable, weight: int = 1, flow: Hashable = None) -> asyncio.Future[None]:
        """Line up for a turn that there was not at once: it is had when this is done, and `ended` gives it back.

        Who gives up cancels this, and has the turn nevertheless where it was done already.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.get(caller)
        if waiting is None:
            waiting = self._waiting[caller] = FairQueue()
        waiting.append((turn, weight), flow)
        return turn

    async def begins_later(self, caller: Hashable, weight: int = 1, flow: Hashable = None) -> None:
        """Wait for a turn that there was not at once; `ended` gives it back."""
        turn = self.turn_later(caller, weight, flow)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was its turn at the same moment
                self.ended(caller, weight)
            raise

    def _wake(self, caller: Hashable) -> None:
        waiting = self._waiting[caller]
        while waiting:
            turn, weight = waiting.first()
            if not turn.done():
                if not self._fits(caller, weight):
                    return
                self._under_way[caller] = self._under_way.get(caller, 0) + weight
                turn.set_result(None)
            waiting.take(1)
        del self._waiting[caller]

    def _prune(self, now: float) -> None:
        """Forget who has not called for a while and has nothing under way."""
        self._pruned = now
        for caller in [caller for caller, seen in self._active.items() if now - seen > ACTIVE_SECONDS]:
            if caller not in self._under_way:
                del self._active[caller]
        for active in (self._active_singles, self._active_batches):
            for flow in [flow for flow, seen in active.items() if now - seen > ACTIVE_SECONDS]:
                del active[flow]


class Buckets(Protocol):
    """When the bucket of each caller will have been filled, in seconds of a clock that all who share them have."""

    def full_at(self, caller: Hashable) -> float:
        """That moment; one that is past, where the bucket is full."""

    def spend(self, caller: Hashable, full_at: float, now: float) -> None:
        """Note another one."""


@dataclass(slots=True)
class OwnBuckets:
    """The buckets of one process."""

    _full_at: dict[Hashable, float] = field(default_factory=dict)

    def full_at(self, caller: Hashable) -> float:
        """When it will have been filled; the beginning of time for an unknown one."""
        return self._full_at.get(caller, 0.0)

    def spend(self, caller: Hashable, full_at: float, now: float) -> None:
        """Note when it will have been filled."""
        self._full_at[caller] = full_at
        if len(self._full_at) > MOST_BUCKETS:
            for one, moment in list(self._full_at.items()):
                if moment <= now:
                    del self._full_at[one]


@dataclass(slots=True)
class CallRates:
    """How often each caller may call: each has a bucket of `burst` calls, filled with `per_second`. 0: no limit."""

    per_second: float
    burst: float
    clock: Callable[[], float] = monotonic
    buckets: Buckets = field(default_factory=OwnBuckets)

    def take(self, caller: Hashable, calls: int = 1, own: float | None = None) -> int:
        """0: so many calls are taken. Else in how many seconds to come again; nothing is taken.

        More than a bucket holds is taken from a full one, which is then in debt. `own`: calls per second of this
        caller, where they are not those of all.
        """
        per_second, burst = (self.per_second, self.burst) if own is None else (own, BURST_SECONDS * own)
        if not per_second:
            return 0
        now = self.clock()
        full_at = max(self.buckets.full_at(caller), now)
        lacking = min(calls, burst) - (burst - (full_at - now) * per_second)
        if lacking > _ROUNDING:
            return max(1, ceil(lacking / per_second - _ROUNDING))
        self.buckets.spend(caller, full_at + calls / per_second, now)
        return 0

    def left(self, caller: Hashable, own: float | None = None) -> tuple[int, int, int] | None:
        """What a caller has left: calls of a full bucket, calls of this one, seconds until it is full.

        None: there is no limit. `own` as for `take`.
        """
        per_second, burst = (self.per_second, self.burst) if own is None else (own, BURST_SECONDS * own)
        if not per_second:
            return None
        until_full = max(0.0, self.buckets.full_at(caller) - self.clock())
        left = burst - until_full * per_second
        return int(burst), max(0, int(left + _ROUNDING)), max(0, ceil(until_full - _ROUNDING))
