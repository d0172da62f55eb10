"""What was measured is held against the goals, each with what it compares."""

from __future__ import annotations

import pytest
from tests.bench.test_reading import measure

from tallystick.bench.goals import ALL, REMEMBERED, At, Findings, GoalBar, goals, standings
from tallystick.bench.growth import wanted_at
from tallystick.bench.measures import Measure

MEASURES = (
    measure("pgbench", 1, 1_000),
    measure("pgbench", 64, 2_000),
    measure("pgbench", 256, 1_500),
    measure("empty", 16, 50_000),
    measure("empty", 256, 40_000),
    measure("pay", 1, 900),
    measure("pay", 16, 4_000),
    measure("pay", 64, 6_000, log_bytes=851),
    measure("pay", 256, 8_000),
    measure("tab", 256, 9_000),
    measure("json", 64, 10_000),
    measure("spread", 16, 3_600),
    measure("spread", 64, 5_400),
    measure("mix", 256, 6_000),
    measure("read", 64, 20_000),
    measure("batch", 4, 16_000),
    measure("two", 64, 6_600),
    measure("two", 256, 7_200),
    measure("pay pinned", 64, 6_000),
    measure("two pinned", 64, 9_000),
    measure("memory", 64, 3_000, memory_mb=180),
    measure("neighbour", 4, 100, p99_ms=10),
    measure("beside flood", 4, 100, p99_ms=20),
    measure("beside lists", 4, 100, p99_ms=25),
)
HALF = measure("half", 64, 4_500, p99_ms=12)
REACHED = {
    "best-pay": (4.5, True),
    "pay-64": (3.0, True),
    "pay-256": (8_000 / 1_500, False),
    "pay-empty": (0.2, False),
    "one-client": (0.9, True),
    "json": (1.25, False),
    "reads": (0.4, True),
    "batch": (8.0, True),
    "spread-16": (0.9, True),
    "spread-64": (0.9, False),
    "mix": (0.75, False),
    "half-load": (12, True),
    "bytes": (501, False),
    "log": (851, False),
    "two-64": (1.1, True),
    "two-256": (0.9, False),
    "two-pinned": (1.5, True),
    "memory": (180, True),
    "beside-flood": (2.0, True),
    "beside-lists": (2.5, False),
}


def found(measures: tuple[Measure, ...] = MEASURES, half: Measure | None = HALF, size: float | None = 501) -> Findings:
    return Findings(measures=measures, half_load=half, bytes_per_payment=size, remembered=99_950)


def test_every_goal_is_compared_with_what_was_measured() -> None:
    assert [aim.key for aim in ALL] == list(REACHED)
    held = {goal.key: goal for goal in goals(found())}
    assert held.keys() == REACHED.keys()
    for key, (reached, met) in REACHED.items():
        assert held[key].reached == pytest.approx(reached), key
        assert held[key].met == met, key
        assert not held[key].incomplete


def test_the_first_figure_is_as_long_as_its_mark_where_the_goal_is_just_met() -> None:
    for aim, standing in standings(found()):
        share = standing.bars[0].value / standing.mark
        assert share == pytest.approx(standing.reached / aim.reach), aim.key


def test_figures_have_the_range_of_their_slices() -> None:
    standing = next(standing for aim, standing in standings(found()) if aim.key == "pay-64")
    pay, pgbench = (At((case,), 64).find(MEASURES) for case in ("pay", "pgbench"))
    assert pay is not None
    assert pgbench is not None
    assert standing.bars == [
        GoalBar("pay, 64 clients", pay.rate, pay.lowest_rate, pay.highest_rate),
        GoalBar("pgbench, 64 clients", pgbench.rate, pgbench.lowest_rate, pgbench.highest_rate),
    ]


def test_what_was_not_measured_has_no_goal() -> None:
    assert goals(found(measures=(), half=None, size=None)) == ()
    only = tuple(one for one in MEASURES if one.case in {"pay", "pgbench"} and one.clients == 64)
    assert {goal.key for goal in goals(found(only, half=None, size=None))} == {"best-pay", "pay-64", "log"}


def test_a_goal_is_incomplete_where_slices_of_one_side_are_missing() -> None:
    measures = (measure("pgbench", 64, 2_000, missing=1), measure("pay", 64, 6_000), measure("mix", 64, 5_000))
    held = {goal.key: goal.incomplete for goal in goals(found(measures, half=None, size=None))}
    assert held == {"best-pay": True, "pay-64": True, "mix": False}


def test_memory_is_that_with_many_balances_remembered() -> None:
    assert REMEMBERED == 100_000
    assert "100,000 balances" in next(aim.name for aim in ALL if aim.key == "memory")
    few = Findings(measures=MEASURES, remembered=50_000)
    assert "memory" not in {goal.key for goal in goals(few)}


@pytest.mark.parametrize(
    ("transactions", "wanted"), [(2_500, 0.9), (10_100_000, 0.9), (19_999_999, 0.9), (100_400_000, 0.8)]
)
def test_what_growing_may_cost(transactions: int, wanted: float) -> None:
    assert wanted_at(transactions) == wanted
