"""Slices of one case, which were measured at different times, add up to one measure."""

from __future__ import annotations

import pytest

from tallystick.bench.load.slices import Noise, ResourceUsage, Slice, percentile_ms, together
from tallystick.bench.load.wrk import Load
from tallystick.bench.rounds import HALF_LOAD_CLIENTS, pause_for
from tallystick.bench.run import disturbed
from tallystick.bench.target.cpu import CpuTime, DatabaseTime


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


def cpu(api: float, database: DatabaseTime | None, load: float = 0.04) -> CpuTime:
    return CpuTime(api, database, load, others=0.0, stolen=0.0)


def test_cpu_is_that_of_a_thousand_and_memory_the_highest() -> None:
    much = ResourceUsage(cpu(0.3, DatabaseTime(0.1, 0.02)), memory_mb=130, log_bytes=900_000)
    little = ResourceUsage(cpu(0.1, DatabaseTime(0.05, 0.03)), memory_mb=120, log_bytes=500_000)
    slices = [
        Slice(case="pay", clients=4, units=1500, seconds=1, used=much),
        Slice(case="pay", clients=4, units=500, seconds=1, used=little),
    ]

    measure = together(slices)

    assert (measure.api_cpu, measure.load_cpu) == pytest.approx((0.2, 0.04))
    assert (measure.database_cpu, measure.backends_cpu) == pytest.approx((0.1, 0.075))
    assert (measure.memory_mb, measure.log_bytes) == pytest.approx((130, 700))


def test_a_database_on_another_machine_has_no_cpu_time() -> None:
    used = ResourceUsage(cpu(0.3, None), memory_mb=130)
    measure = together([Slice(case="pay", clients=4, units=1500, seconds=1, used=used)])
    assert (measure.database_cpu, measure.backends_cpu, measure.log_bytes) == (None,) * 3
    assert measure.api_cpu == pytest.approx(0.2)


def test_notifications_that_arrived_are_a_share_of_the_payments() -> None:
    slices = [Slice(case="notified", clients=4, units=1000, seconds=1, delivered=count) for count in (100, 300)]
    assert together(slices).delivered == pytest.approx(0.2)


def test_slices_during_which_others_were_at_work_are_told() -> None:
    quiet, busy, stolen = (
        Slice(case="pay", clients=4, units=1, seconds=1, noise=noise)
        for noise in (Noise(1, 2), Noise(35, 0), Noise(9, 12))
    )
    unknown = Slice(case="pay", clients=4, units=1, seconds=1)

    assert disturbed([quiet, unknown]) == []
    assert [line.split(":")[0] for line in disturbed([quiet, busy, stolen, unknown])] == [
        "during 1 of 3 slices other programs used 10 % of the processors or more, at most 35 %",
        "during 1 of 3 slices other machines had 10 % of the processors or more, at most 12 %",
    ]
    worst = together([quiet, busy, stolen])
    assert (worst.others_percent, worst.stolen_percent) == (35, 12)


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
