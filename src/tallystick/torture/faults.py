"""What is done to the processes, their network, their database and their clocks, in an order that a seed gives.

A fault comes after so many operations, not at a moment: so it meets about the same requests in every run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum, unique
from random import Random
from typing import Final

from tallystick.torture.theatre import Serving, Theatre

_DAY: Final = 86_400


@unique
class Fault(StrEnum):
    """One kind of fault; the words of `--faults`."""

    KILL_SERVE = "kill-serve"
    KILL_WORKER = "kill-worker"
    KILL_DATABASE = "kill-database"
    FREEZE_SERVE = "freeze-serve"
    FREEZE_DATABASE = "freeze-database"
    CLOCK = "clock"
    FULL_DISK = "full-disk"
    CUT_REQUEST = "cut-request"
    CUT_ANSWER = "cut-answer"
    DELAY = "delay"
    SLOW_DATABASE = "slow-database"
    CUT_DATABASE = "cut-database"


FREQUENT: Final = (Fault.CUT_REQUEST, Fault.CUT_ANSWER, Fault.KILL_SERVE)
"""These are over soon, so they come twice as often."""


@dataclass(slots=True)
class Tormentor:
    """Does one fault after the other, until it `is_over`. `done`: how often each kind was done."""

    theatre: Theatre
    random: Random
    faults: tuple[Fault, ...]
    every: tuple[int, int] = (15, 60)
    is_over: Callable[[], bool] = lambda: False
    done: dict[Fault, int] = field(default_factory=dict)
    _operations: int = 0
    _next: int = 0
    _due: asyncio.Event = field(default_factory=asyncio.Event)

    def one_more(self) -> None:
        """An operation was answered."""
        self._operations += 1
        if self._operations >= self._next:
            self._due.set()

    async def run(self) -> None:
        """Until it is over or cancelled; what is broken then is mended by whoever waits. Raises TortureError."""
        if not self.faults:
            return
        shares = [2 if fault in FREQUENT else 1 for fault in self.faults]
        while True:
            self._next = self._operations + self.random.randint(*self.every)
            self._due.clear()
            await self._due.wait()
            if self.is_over():
                return
            await self.theatre.start_again()
            fault = self.random.choices(self.faults, shares)[0]
            self.done[fault] = self.done.get(fault, 0) + 1
            await _DEEDS[fault](self)

    def one_process(self) -> Serving:
        """One of those that serve."""
        return self.random.choice(self.theatre.serving)

    async def pause(self, least: float, most: float) -> None:
        """Seconds between the two."""
        await asyncio.sleep(self.random.uniform(least, most))


def possible(faults: tuple[Fault, ...], theatre: Theatre) -> tuple[tuple[Fault, ...], dict[Fault, str]]:
    """The faults that this machine has the means for; why the others are left out."""
    missing = {}
    if theatre.disk is None:
        missing[Fault.FULL_DISK] = "only root may mount a small disk here"
    if not theatre.clocks:
        missing[Fault.CLOCK] = "libfaketime (Debian: faketime) is not installed"
    return tuple(fault for fault in faults if fault not in missing), {
        fault: why for fault, why in missing.items() if fault in faults
    }


async def _kill_serve(by: Tormentor) -> None:
    """The next ones do not wait until it is back: the others go on without it."""
    program = by.one_process().program
    await program.kill()
    await by.pause(0, 0.5)
    await program.start()


async def _kill_worker(by: Tormentor) -> None:
    await by.theatre.worker.kill()
    await by.pause(0, 0.5)
    await by.theatre.worker.start()


async def _kill_database(by: Tormentor) -> None:
    by.theatre.database.kill()
    await by.pause(0.1, 1)
    await by.theatre.database.bring_back()


async def _freeze_serve(by: Tormentor) -> None:
    program = by.one_process().program
    program.freeze()
    await by.pause(0.2, 3)
    program.thaw()


async def _freeze_database(by: Tormentor) -> None:
    by.theatre.database.freeze()
    await by.pause(0.2, 3)
    by.theatre.database.thaw()


async def _clock(by: Tormentor) -> None:
    """A clock that is wrong for a while: by minutes, which signatures allow, or by more than a reference's week."""
    program = by.random.choice(by.theatre.programs)
    if program.clock is None:
        raise ValueError("no clock can be set")
    program.clock.set_ahead(by.random.choice((-8 * _DAY, -600, 600, 8 * _DAY, 8 * _DAY)))
    await by.pause(0.2, 2)
    program.clock.set_ahead(0)


async def _full_disk(by: Tormentor) -> None:
    disk = by.theatre.disk
    if disk is None:
        raise ValueError("there is no disk to fill")
    await asyncio.to_thread(disk.fill)
    try:
        for _ in range(5):  # what the database gives back meanwhile is taken again
            await by.pause(0.2, 0.6)
            with suppress(OSError):
                await asyncio.to_thread(disk.fill)
    finally:
        disk.empty()
    await by.theatre.database.bring_back()


async def _cut_request(by: Tormentor) -> None:
    by.one_process().door.cut_requests += by.random.randint(1, 4)


async def _cut_answer(by: Tormentor) -> None:
    by.one_process().door.cut_answers += by.random.randint(1, 4)


async def _delay(by: Tormentor) -> None:
    door = by.one_process().door
    door.delay_seconds = by.random.uniform(0.02, 0.3)
    await by.pause(0.5, 2)
    door.delay_seconds = 0.0


async def _slow_database(by: Tormentor) -> None:
    door = by.theatre.database_door
    door.delay_seconds = by.random.uniform(0.005, 0.1)
    await by.pause(0.5, 3)
    door.delay_seconds = 0.0


async def _cut_database(by: Tormentor) -> None:
    by.theatre.database_door.cut_all()


_DEEDS: Final[dict[Fault, Callable[[Tormentor], Awaitable[None]]]] = {
    Fault.KILL_SERVE: _kill_serve,
    Fault.KILL_WORKER: _kill_worker,
    Fault.KILL_DATABASE: _kill_database,
    Fault.FREEZE_SERVE: _freeze_serve,
    Fault.FREEZE_DATABASE: _freeze_database,
    Fault.CLOCK: _clock,
    Fault.FULL_DISK: _full_disk,
    Fault.CUT_REQUEST: _cut_request,
    Fault.CUT_ANSWER: _cut_answer,
    Fault.DELAY: _delay,
    Fault.SLOW_DATABASE: _slow_database,
    Fault.CUT_DATABASE: _cut_database,
}
