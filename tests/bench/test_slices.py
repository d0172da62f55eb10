"""Slices of one case, which were measured at different times, add up to one measure."""

from __future__ import annotations

import pytest

from tallystick.bench.load.slices import ResourceUsage, Slice, percentile_ms, together
from tallystick.bench.load.wrk import Load
from tallystick.bench.run import HALF_LOAD_CLIENTS, pause_for


def load(requests: int, *latencies_ms: float) -> Load:
    return Load(clients=4, requests=requests, seconds=2, latencies_ms=latencies_ms)


def test_rates_are_sums_over_sums() -> None:
    fast = Slice(case="pay", clients=4, units=9000, seconds=1)
    slow = Slice(case="pay", clients=4, units=1000, seconds=3)

    measure = together([fast, slow])

    assert (measure.case, measure.clients) == ("pay", 4)
    assert measure.rate == 2500
    assert (measure.lowest_rate, measure.highest_rate) == pytest.approx((1000 / 3, 9000))
    assert (measure.p50_ms, measure.p99_ms, measure.api_cpu, measure.database_cpu, measure.memory_mb) == (None,) * 5


def test_cpu_is_that_of_a_thousand_and_memory_the_highest() -> None:
    slices = [
        Slice(case="pay", clients=4, units=1500, seconds=1, used=ResourceUsage(0.3, 0.1, 130)),
        Slice(case="pay", clients=4, units=500, seconds=1, used=ResourceUsage(0.1, 0.1, 120)),
    ]

    measure = together(slices)

    assert (measure.api_cpu, measure.database_cpu, measure.memory_mb) == pytest.approx((0.2, 0.1, 130))


def test_percentiles_are_those_of_all_requests_together() -> None:
    many, few = load(9000, 1, 2, 3), load(1000, 10, 20)

    assert percentile_ms([many], 50) == 2
    assert percentile_ms([many, few], 30) == 1
    assert percentile_ms([many, few], 90) == 3, "a slice with more requests weighs more"
    assert percentile_ms([many, few], 95) == 10
    assert percentile_ms([many, few], 99) == 20
    assert percentile_ms([many, few], 100) == 20


def test_a_measure_has_the_percentiles_of_its_slices() -> None:
    slices = [
        Slice(case="read", clients=4, units=each.requests, seconds=each.seconds, load=each)
        for each in (load(100, 1, 3), load(100, 2, 4))
    ]
    measure = together(slices)
    assert (measure.p50_ms, measure.p99_ms) == (2, 4)


def test_clients_at_half_load_pause_for_what_answers_leave_of_their_turn() -> None:
    rate = 10 * HALF_LOAD_CLIENTS  # ten requests a second from each
    assert pause_for(rate) == 100
    assert pause_for(rate, answer_ms=7.6) == 92
    assert pause_for(rate, answer_ms=250) == 1, "they cannot do better than not to pause"
