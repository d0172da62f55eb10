"""The simulated loop: time jumps to what is due, callbacks keep their order, and what waits for ever is told."""

from __future__ import annotations

import asyncio

import pytest
from tests.simulation.loop import SimulatedLoop, StuckError


def test_a_day_passes_at_once() -> None:
    loop = SimulatedLoop()

    async def sleep() -> float:
        await asyncio.sleep(86_400)
        return loop.time()

    assert loop.run_until_complete(sleep()) == 86_400
    assert loop.steps < 20


def test_what_is_due_earlier_comes_first() -> None:
    loop = SimulatedLoop()
    order: list[str] = []

    async def note(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append(name)

    async def all_of_them() -> None:
        await asyncio.gather(note("late", 2), note("soon", 1), note("soon, too", 1), note("now", 0))

    loop.run_until_complete(all_of_them())
    assert order == ["now", "soon", "soon, too", "late"]


def test_a_time_limit_ends_a_wait() -> None:
    loop = SimulatedLoop()

    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(60)
        return loop.time()

    assert loop.run_until_complete(wait()) == 5


def test_who_waits_for_ever_is_told() -> None:
    loop = SimulatedLoop()

    async def wait() -> None:
        await loop.create_future()

    with pytest.raises(StuckError):
        loop.run_until_complete(wait())
    loop.close()
