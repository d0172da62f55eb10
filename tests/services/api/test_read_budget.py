"""Reads that cost much: whose turn it is, how long the process is left to others, who may not wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.services.api.fair_shares import ACTIVE_SECONDS, FairShares, ThrottledError
from tallystick.services.api.read_budget import (
    LONGEST_PAUSE_SECONDS,
    MOST_OF_A_FLOW,
    MOST_WAITING,
    PAUSES,
    READS_AT_A_TIME,
    ReadBudget,
)


class Time:
    """A clock that is set by hand, and sleep that only remembers for how long."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


class Desk:
    """A budget, with the calls beside it."""

    def __init__(self) -> None:
        self.time = Time()
        self.calls = FairShares(alone=1_000, together=16, least=4, clock=self.time)
        self.budget = ReadBudget(self.calls, self.time, self.time.sleep)
        self.under_way = Counter[str]()
        self.most = 0
        self.done: list[str] = []

    def somebody_pays(self) -> None:
        assert self.calls.begins("neighbour", flow="neighbour's key")
        self.calls.ended("neighbour")

    async def read(self, seller: str, key: str = "key", number: int = 0) -> None:
        async with self.budget.turn(seller, (seller, key)) as turn:
            self.under_way["all"] += 1
            self.most = max(self.most, self.under_way["all"])
            try:
                await turn.step_aside()
                self.done.append(f"{seller} {key} {number}")
            finally:
                self.under_way["all"] -= 1


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_several_read_at_a_time_while_nobody_else_calls(desk: Desk) -> None:
    await asyncio.gather(*(desk.read("lists", number=number) for number in range(20)))
    assert desk.most == READS_AT_A_TIME
    assert desk.time.slept == [0] * 20


async def test_own_calls_are_nobody_elses(desk: Desk) -> None:
    assert desk.calls.begins("lists", flow=("lists", "key"))
    await asyncio.gather(*(desk.read("lists") for _ in range(9)))
    assert desk.most == READS_AT_A_TIME
    assert set(desk.time.slept) == {0}


async def test_one_reads_at_a_time_while_somebody_pays(desk: Desk) -> None:
    desk.somebody_pays()
    await asyncio.gather(*(desk.read("lists", number=number) for number in range(9)))
    assert desk.most == 1
    assert desk.done == [f"lists key {number}" for number in range(9)]


async def test_sellers_take_turns_and_so_do_their_keys(desk: Desk) -> None:
    desk.somebody_pays()
    await asyncio.gather(
        *(desk.read("flood", "a", number) for number in range(5)),
        *(desk.read("flood", "b", number) for number in range(2)),
        desk.read("other", "c"),
    )
    assert desk.done == [
        "flood a 0",
        "flood a 1",
        "other c 0",
        "flood b 0",
        "flood a 2",
        "flood b 1",
        "flood a 3",
        "flood a 4",
    ]


async def test_the_process_is_left_to_others_for_several_times_as_long_as_a_piece_took(desk: Desk) -> None:
    desk.somebody_pays()
    async with desk.budget.turn("lists", "key") as turn:
        desk.time.seconds += 0.010
        await turn.step_aside()
        desk.time.seconds += 0.002
        await turn.step_aside()
        desk.time.seconds += 0.5
        await turn.step_aside()
        desk.time.seconds += ACTIVE_SECONDS
        await turn.step_aside()
    assert desk.time.slept == pytest.approx([PAUSES * 0.010, PAUSES * 0.002, LONGEST_PAUSE_SECONDS, 0])


async def test_those_under_way_when_somebody_comes_have_together_what_one_would_have(desk: Desk) -> None:
    async with AsyncExitStack() as stack:
        turns = [await stack.enter_async_context(desk.budget.turn("lists", number)) for number in range(3)]
        desk.somebody_pays()
        desk.time.seconds += 0.001
        await turns[0].step_aside()
    worked, paused = 0.001, desk.time.slept[0]
    assert 3 * worked / (worked + paused) == pytest.approx(1 / (1 + PAUSES))


async def test_when_the_others_have_gone_several_read_again(desk: Desk) -> None:
    desk.somebody_pays()
    async with desk.budget.turn("lists", "key"):
        waiting = [asyncio.create_task(desk.read("lists", number=number)) for number in range(10)]
        await asyncio.sleep(0)
        desk.time.seconds += ACTIVE_SECONDS * 1.5
    await asyncio.gather(*waiting)
    assert desk.most == READS_AT_A_TIME


async def test_too_many_of_one_key_may_not_wait_and_others_may(desk: Desk) -> None:
    desk.somebody_pays()
    async with desk.budget.turn("flood", "a"):
        waiting = [asyncio.create_task(desk.read("flood", "a", number)) for number in range(MOST_OF_A_FLOW)]
        await asyncio.sleep(0)
        with pytest.raises(ThrottledError) as refused:
            await desk.read("flood", "a")
        others = [asyncio.create_task(desk.read("flood", "b")), asyncio.create_task(desk.read("other", "c"))]
        await asyncio.sleep(0)
        assert not any(one.done() for one in (*waiting, *others))
        desk.time.seconds += 2.0
    assert refused.value.seconds >= 1
    await asyncio.gather(*waiting, *others)
    assert len(desk.done) == MOST_OF_A_FLOW + 2


async def test_whoever_is_refused_hears_when_those_before_will_have_been_served(desk: Desk) -> None:
    desk.somebody_pays()
    for _ in range(50):
        async with desk.budget.turn("flood", ("flood", "key")):
            desk.time.seconds += 0.1
        desk.somebody_pays()
    async with desk.budget.turn("flood", ("flood", "key")):
        waiting = [asyncio.create_task(desk.read("flood")) for _ in range(MOST_OF_A_FLOW)]
        await asyncio.sleep(0)
        with pytest.raises(ThrottledError) as refused:
            await desk.read("flood")
        assert refused.value.seconds == round(MOST_OF_A_FLOW * 0.1 + 0.5)
    await asyncio.gather(*waiting)


async def test_where_all_wait_each_seller_may_have_its_part_of_those(desk: Desk) -> None:
    desk.somebody_pays()
    keys = MOST_WAITING // MOST_OF_A_FLOW
    async with desk.budget.turn("flood", "first"):
        waiting = [
            asyncio.create_task(desk.read("flood", str(key))) for key in range(keys) for _ in range(MOST_OF_A_FLOW)
        ]
        await asyncio.sleep(0)
        waiting += [asyncio.create_task(desk.read("other")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ThrottledError):
            await desk.read("flood", "another key")
    await asyncio.gather(*waiting)
    assert sum(done.startswith("other") for done in desk.done[:5]) == 2, "they had their turns among the first"


async def test_who_fails_gives_its_turn_back(desk: Desk) -> None:
    desk.somebody_pays()
    with pytest.raises(LookupError):
        async with desk.budget.turn("lists", "key"):
            raise LookupError
    await desk.read("lists")
    assert desk.done == ["lists key 0"]


async def test_who_gives_up_leaves_the_turn_to_the_next(desk: Desk) -> None:
    desk.somebody_pays()
    async with desk.budget.turn("lists", "key"):
        waiting = [asyncio.create_task(desk.read("lists", number=number)) for number in range(4)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    waiting[1].cancel()  # just when it is its turn
    await asyncio.gather(*waiting, return_exceptions=True)
    assert desk.done == ["lists key 2", "lists key 3"]


async def test_who_gives_up_just_before_its_turn_comes_does_not_take_it(desk: Desk) -> None:
    desk.somebody_pays()
    async with desk.budget.turn("lists", "key"):
        waiting = [asyncio.create_task(desk.read("lists", number=number)) for number in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert desk.done == ["lists key 1"]
    await desk.read("other")
    assert desk.done == ["lists key 1", "other key 0"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # busy machines
@given(
    st.lists(
        st.tuples(st.sampled_from(["read", "cancel", "pay", "rest", "go on"]), st.integers(0, 5), st.integers(0, 2)),
        max_size=60,
    )
)
def test_nobody_is_lost_and_no_more_read_than_may(steps: list[tuple[str, int, int]]) -> None:
    async def story() -> None:
        desk = Desk()
        reads: list[asyncio.Task[None]] = []
        acts: dict[str, Callable[[int, int], object]] = {
            "read": lambda seller, key: reads.append(asyncio.create_task(desk.read(str(seller), str(key)))),
            "cancel": lambda number, _: reads[number % len(reads)].cancel() if reads else None,
            "pay": lambda *_: desk.somebody_pays(),
        }
        for what, first, second in steps:
            if what == "rest":
                desk.time.seconds += ACTIVE_SECONDS
            elif what == "go on":
                await asyncio.sleep(0)
            else:
                acts[what](first, second)
        outcomes = await asyncio.wait_for(asyncio.gather(*reads, return_exceptions=True), 60)
        assert all(isinstance(outcome, asyncio.CancelledError | None) for outcome in outcomes)
        assert len(desk.done) == sum(outcome is None for outcome in outcomes)
        assert desk.most <= READS_AT_A_TIME
        desk.done.clear()
        await asyncio.gather(*(desk.read("last") for _ in range(READS_AT_A_TIME)))
        assert len(desk.done) == READS_AT_A_TIME

    asyncio.run(story())
