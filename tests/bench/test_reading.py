"""What the load generator and pgbench print is read right, and figures are held against the goals."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from tallystick.bench.load import pgbench, wrk
from tallystick.bench.load.wrk import LoadError
from tallystick.bench.measures import BenchReport, Goal, Machine, Measure, goals
from tallystick.bench.report import closing_lines, goals_table, measures_table
from tallystick.bench.target.databases import beside

SUMMARY = (
    'Running 1s test\n{"requests":5000,"duration_us":1250000,"latencies_us":[1500,9250],"connect":0,"read":0,'
    '"write":0,"timeout":0,"status":%d}\n'
)


def test_the_summary_of_wrk() -> None:
    load = wrk.read_summary(SUMMARY % 0, 64)

    assert (load.clients, load.requests, load.seconds) == (64, 5000, 1.25)
    assert load.latencies_ms == (1.5, 9.25)


def test_a_load_that_was_not_answered_well_is_no_measurement() -> None:
    with pytest.raises(LoadError, match="'status': 3"):
        wrk.read_summary(SUMMARY % 3, 64)


def test_a_load_without_an_answer_is_no_measurement() -> None:
    with pytest.raises(wrk.NothingAnsweredError, match="measure for longer") as nothing:
        wrk.read_summary((SUMMARY % 0).replace("5000", "0"), 64)
    assert (nothing.value.load.clients, nothing.value.load.requests) == (64, 0)


def test_requests_are_written_with_their_lengths(tmp_path: Path) -> None:
    path = tmp_path / "requests"
    assert wrk.write_requests(path, iter([b"GET 1\r\n\r\n", b"GET 22\r\n\r\n", b"never"]), 2) == 2
    assert path.read_bytes() == b"9\nGET 1\r\n\r\n10\nGET 22\r\n\r\n"


def test_too_few_requests_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(LoadError), wrk.request_file(tmp_path, iter([b"one"]), 2):
        pytest.fail("there is one request only")
    assert list(tmp_path.iterdir()) == []


PROGRESS = "progress: %.1f s, %.1f tps, lat 3.106 ms stddev 0.781, 0 failed\n"


def test_what_pgbench_tells_of_each_second_after_its_warm_up() -> None:
    output = (
        PROGRESS % (1.0, 100.5)
        + PROGRESS % (2.1, 900)
        + PROGRESS % (3.1, 4000)
        + PROGRESS % (4.0, 5000)
        + "transaction type: <builtin: TPC-B (sort of)>\ntps = 3162.1 (without initial connection time)\n"
    )
    assert pgbench.read_progress(output, 2) == pytest.approx((4000 * 1.0 + 5000 * 0.9) / 1.9)


def test_a_pgbench_that_tells_too_little_is_no_measurement() -> None:
    assert pgbench.read_progress(PROGRESS % (1.0, 100) + PROGRESS % (2.0, 200), 2) is None


def test_pgbench_has_a_database_of_its_own_on_the_same_server() -> None:
    assert (
        beside("postgresql://me@/tallystick?host=/run/x&port=5432", pgbench.DATABASE)
        == "postgresql://me@/tallystick_bench_pgbench?host=/run/x&port=5432"
    )
    assert beside("postgresql:///postgres?host=/run/x", "other") == "postgresql:///other?host=/run/x"
    assert beside("postgresql://me:p%40@db:5433/postgres", "other") == "postgresql://me:p%40@db:5433/other"


def measure(case: str, clients: int, rate: float, **more: float) -> Measure:
    return Measure(case=case, clients=clients, rate=rate, lowest_rate=0.9 * rate, highest_rate=1.2 * rate, **more)


MEASURES = (
    measure("pgbench", 1, 1000),
    measure("pgbench", 256, 2000),
    measure("empty", 256, 40_000),
    measure("pay", 1, 900, p50_ms=1, p99_ms=2, api_cpu=0.5, database_cpu=0.25, memory_mb=120),
    measure("pay", 256, 5000, p50_ms=10, p99_ms=40, memory_mb=160),
    measure("batch", 4, 8000),
)
MACHINE = Machine(
    processor="Abacus", cores=2, memory_gb=24.0, system="Linux", python="3.11.7", compiled=True, postgresql="18.0"
)
HALF = measure("pay", 64, 2500, p99_ms=15)


def report_of(
    measures: tuple[Measure, ...], goals: tuple[Goal, ...] = (), problems: tuple[str, ...] = ()
) -> BenchReport:
    return BenchReport(
        version="0.1",
        started_at="2027-03-01T12:00:00+00:00",
        machine=MACHINE,
        settings={"seconds": 10},
        measures=measures,
        half_load=HALF,
        goals=goals,
        problems=problems,
        payments_in_books=12_345,
    )


def test_goals_are_told_of_what_was_measured() -> None:
    found = {goal.name: goal for goal in goals(MEASURES, HALF)}

    assert found["best Pay / best pgbench"] == Goal(name="best Pay / best pgbench", wanted=1.6, reached=2.5)
    assert found["Pay / pgbench, 256 clients"].reached == 2.5
    assert not found["Pay / pgbench, 256 clients"].met
    assert found["Pay / pgbench, 1 client"].met
    assert found["Pay / empty handler, 256 clients"].reached == 0.125
    assert not found["best batch / best pgbench"].met
    assert found["p99 of Pay at half its peak"].met
    assert not found["memory of the API process"].met
    assert "Pay / pgbench, 64 clients" not in found
    assert "hot seller / spread sellers" not in found


@pytest.mark.parametrize(("problems", "said"), [((), "unexplained: 0.00"), (("book 7 is off",), "book 7 is off")])
def test_a_report_for_people(problems: tuple[str, ...], said: str) -> None:
    report = report_of(MEASURES, goals=goals(MEASURES, HALF), problems=problems)
    console = Console(width=160, record=True)
    console.print(measures_table(report.measures))
    console.print(goals_table(report.goals))
    text = console.export_text()

    assert "signed Pay, prepaid, one seller" in text
    assert "5,000" in text
    assert "not met" in text
    lines = closing_lines(report)
    assert lines[0].startswith("Abacus, 2 cores")
    assert "12,345 payments" in lines[1]
    assert said in lines[1]
