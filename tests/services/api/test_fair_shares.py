"""Turns of callers who want more than there is, and how often each may call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.api_without_books import Api, Rows

from tallystick.services.api.fair_shares import (
    ACTIVE_SECONDS,
    MOST_BUCKETS,
    CallRates,
    FairShares,
)


class Now:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def test_who_is_alone_has_everything() -> None:
    shares = FairShares(alone=1_000, together=8, least=2, clock=Now())
    assert all(shares.begins("flood") for _ in range(1_000))
    assert not shares.begins("flood")


async def test_each_has_a_share_as_soon_as_there_are_two() -> None:
    shares = FairShares(alone=1_000, together=8, least=2, clock=Now())
    assert shares.begins("neighbour")
    assert [shares.begins("flood") for _ in range(6)] == [True] * 4 + [False] * 2
    assert [shares.begins("neighbour") for _ in range(4)] == [True] * 3 + [False]


def test_many_sellers_have_as_much_each_as_two(tmp_path: Path) -> None:
    """So groups of commits are as large as with one seller; small ones cost each payment more."""
    shares = Api(Rows(), tmp_path, None).service.calls
    sellers = range(16)
    assert all(shares.begins(seller) for seller in sellers)

    more = [[shares.begins(seller) for _ in range(8)] for seller in sellers]

    assert more == [[True] * 7 + [False]] * len(sellers)


async def test_who_has_not_called_for_a_while_does_not_share() -> None:
    now = Now()
    shares = FairShares(alone=1_000, together=8, least=2, clock=now)
    assert shares.begins("neighbour")
    shares.ended("neighbour")
    now.seconds += ACTIVE_SECONDS * 1.5
    assert all(shares.begins("flood") for _ in range(100))


async def test_the_keys_of_one_caller_take_turns() -> None:
    shares = FairShares(alone=1, together=1, least=1, clock=Now())
    done: list[str] = []

    async def call(key: str, number: int) -> None:
        async with shares.turn("caller", flow=key):
            await asyncio.sleep(0)
            done.append(f"{key}{number}")

    await asyncio.gather(*(call("a", number) for number in range(4)), call("b", 0), call("b", 1))
    assert done == ["a0", "a1", "b0", "a2", "b1", "a3"]


async def test_it_is_known_whether_others_have_called() -> None:
    now = Now()
    shares = FairShares(alone=1_000, together=8, least=2, clock=now)
    assert shares.begins("seller", flow="key")
    assert not shares.anybody_but("key")
    assert shares.anybody_but("another key of the seller")
    now.seconds += ACTIVE_SECONDS * 1.5
    assert not shares.anybody_but("another key of the seller")


async def test_batches_are_told_from_single_calls() -> None:
    now = Now()
    shares = FairShares(alone=1_000, together=8, least=2, clock=now)
    assert shares.begins("batches", 50, flow="batches' key")
    assert (shares.anybody_but("key"), shares.anybody_single_but("key")) == (True, False)
    assert shares.begins("neighbour", flow="neighbour's key")
    assert shares.anybody_single_but("key")
    assert not shares.anybody_single_but("neighbour's key")
    now.seconds += ACTIVE_SECONDS * 1.5
    assert not shares.anybody_but("key")


async def test_turns_come_in_order_and_none_is_lost() -> None:
    shares = FairShares(alone=2, together=2, least=2, clock=Now())
    done: list[int] = []

    async def call(number: int) -> None:
        async with shares.turn("caller"):
            await asyncio.sleep(0.001)
            done.append(number)

    await asyncio.gather(*(call(number) for number in range(50)))
    assert done == list(range(50))


async def test_who_gives_up_leaves_the_turn_to_the_next() -> None:
    shares = FairShares(alone=1, together=1, least=1, clock=Now())
    assert shares.begins("caller")

    async def call() -> str:
        async with shares.turn("caller"):
            return "done"

    waiting = [asyncio.create_task(call()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    shares.ended("caller")
    waiting[1].cancel()  # just when it is its turn
    assert await waiting[2] == "done"
    assert shares.begins("caller")


async def test_what_weighs_more_than_a_share_waits_until_it_is_the_only_one() -> None:
    shares = FairShares(alone=10, together=10, least=2, clock=Now())
    assert shares.begins("caller", 1_000)
    assert not shares.begins("caller")
    shares.ended("caller", 1_000)
    assert shares.begins("caller")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # busy machines
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_nobody_has_more_than_the_burst_and_what_was_filled_since(pauses: list[int]) -> None:
    now = Now()
    rates, began, taken = CallRates(per_second=5, burst=10, clock=now), now.seconds, 0
    for pause in pauses:
        now.seconds += pause / 100
        taken += rates.take("caller") == 0
        assert taken <= 10 + (now.seconds - began) * 5 + 1e-6


@pytest.mark.parametrize(("calls", "seconds"), [(1, 1), (5, 1), (6, 2), (10, 2), (1_000, 2)])
def test_it_is_told_when_to_come_again(calls: int, seconds: int) -> None:
    now = Now()
    rates = CallRates(per_second=5, burst=10, clock=now)
    assert rates.take("caller", 10) == 0
    assert rates.take("caller", calls) == seconds
    assert rates.take("other", 10) == 0
    now.seconds += seconds
    assert rates.take("caller", calls) == 0


def test_a_caller_may_have_a_rate_of_its_own() -> None:
    now = Now()
    rates = CallRates(per_second=0, burst=0, clock=now)
    assert [rates.take("caller", own=1) for _ in range(4)] == [0, 0, 1, 1]
    assert rates.take("other") == 0
    now.seconds += 1
    assert [rates.take("caller", own=1) for _ in range(2)] == [0, 1]


def test_who_is_remembered_is_forgotten_when_the_bucket_is_full_by_its_own_rate() -> None:
    now = Now()
    rates = CallRates(per_second=0, burst=0, clock=now)
    assert rates.take("slow", 2, own=1) == 0
    now.seconds += 1
    for number in range(MOST_BUCKETS):
        assert rates.take(number, own=1_000) == 0
    assert rates.take("slow", 2, own=1) == 1  # half full, so it is remembered


def test_without_a_rate_there_is_no_limit() -> None:
    rates = CallRates(per_second=0, burst=0)
    assert [rates.take("caller", 1_000) for _ in range(100)] == [0] * 100
