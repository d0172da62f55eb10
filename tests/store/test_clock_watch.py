"""The watch of a clock: what it sees, what it believes, and when."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.clock import START

from tallystick.db.clock_watch import SETTLES_AFTER, ClockWatch, WrongClockError

TOLERANCE = timedelta(seconds=5)
DAYS = [timedelta(days=8), timedelta(days=-8)]


@dataclass
class Machine:
    """A clock, a count of seconds, and a database's clock, all of which a test moves."""

    clock: datetime = START
    database: datetime = START
    seconds: float = 100.0
    watch: ClockWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = ClockWatch(lambda: self.clock, TOLERANCE, lambda: self.seconds)

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.clock += timedelta(seconds=seconds)
        self.database += timedelta(seconds=seconds)

    async def fetchval(self, _statement: str, *, timeout: float) -> datetime:  # noqa: ASYNC109 - as the pool has it
        assert timeout > 0
        self.passes(0.2)
        shown = self.database
        self.passes(0.3)
        return shown

    async def compare(self) -> bool:
        return await self.watch.compare(self)  # type: ignore[arg-type]  # all that it asks of a pool


async def test_a_slow_answer_is_no_difference() -> None:
    machine = Machine()
    assert machine.watch.trusted, "before the first comparison"
    assert await machine.compare()
    assert abs(machine.watch.off_seconds) <= 0.5


@pytest.mark.parametrize("seconds", [6, -6, 700_000, -700_000])
async def test_a_jump_is_seen_at_once_and_forgotten_when_it_is_over(seconds: int) -> None:
    machine = Machine()
    await machine.compare()
    machine.passes(1)
    machine.clock += timedelta(seconds=seconds)
    assert not machine.watch.trusted
    with pytest.raises(WrongClockError):
        machine.watch.now()
    assert not await machine.compare(), "the database says so too"

    machine.clock -= timedelta(seconds=seconds)
    assert machine.watch.now() == machine.clock


async def test_a_clock_that_is_wrong_from_the_beginning_is_found_by_the_first_comparison() -> None:
    machine = Machine(clock=START + timedelta(seconds=8))
    assert not await machine.compare()
    assert machine.watch.off_seconds == pytest.approx(8, abs=0.6)
    machine.clock = machine.database
    assert machine.watch.trusted


async def test_a_jump_of_both_clocks_is_believed_when_it_has_stood_for_a_while() -> None:
    machine = Machine()
    await machine.compare()
    machine.clock += timedelta(days=8)
    machine.database += timedelta(days=8)
    assert not await machine.compare()
    machine.passes(SETTLES_AFTER.total_seconds() - 2)
    assert not await machine.compare()
    machine.passes(2)
    assert await machine.compare()


async def test_a_machine_that_slept_has_not_jumped() -> None:
    machine = Machine()
    await machine.compare()
    machine.passes(86_400)
    assert machine.watch.trusted
    assert await machine.compare()


async def test_the_count_of_seconds_goes_on() -> None:
    watch = ClockWatch(lambda: datetime.now(UTC), TOLERANCE)
    began, first = time.monotonic(), watch.elapsed()
    await asyncio.sleep(0.05)
    assert watch.elapsed() - first == pytest.approx(time.monotonic() - began, abs=0.05)
