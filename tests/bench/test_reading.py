"""What the load generator and pgbench print is read right, and figures are held against the goals."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from msgspec import structs
from rich.console import Console
from rich.table import Table

from tallystick.bench.goals import Findings, goals
from tallystick.bench.load import pgbench, wrk
from tallystick.bench.load.wrk import LoadError
from tallystick.bench.measures import BenchReport, Goal, Machine, Measure
from tallystick.bench.report import closing_lines, goals_table, measures_table, parts_table
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


def measure(case: str, clients: int, rate: float, *, missing: int = 0, **more: float) -> Measure:
    low, high = 0.9 * rate, 1.2 * rate
    return Measure(case=case, clients=clients, rate=rate, lowest_rate=low, highest_rate=high, missing=missing, **more)


MEASURES = (
    measure("pgbench", 1, 1000),
    measure("pgbench", 256, 2000),
    measure("empty", 256, 40_000),
    measure("pay", 1, 900, p50_ms=1, p99_ms=2, api_cpu=0.5, database_cpu=0.25, backends_cpu=0.2, load_cpu=0.031),
    measure("pay", 256, 5000, p50_ms=10, p99_ms=40, api_cpu=0.1, database_cpu=0.05, memory_mb=160),
    measure("two", 256, 6000, api_cpu=0.12, database_cpu=0.05, others_percent=3.2, stolen_percent=1.6),
    measure("batch", 4, 8000, missing=2),
    measure("notified", 64, 3000, delivered=0.125),
)
MACHINE = Machine(
    processor="Abacus", cores=2, memory_gb=24.0, system="Linux", python="3.11.7", compiled=True, postgresql="18.0"
)
HALF = measure("half", 64, 2500, p99_ms=15)


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


@pytest.mark.parametrize(("problems", "said"), [((), "unexplained: 0.00"), (("book 7 is off",), "book 7 is off")])
def test_a_report_for_people(problems: tuple[str, ...], said: str) -> None:
    found = Findings(measures=MEASURES, half_load=HALF, bytes_per_payment=420)
    report = report_of(MEASURES, goals=goals(found), problems=problems)
    text = printed(measures_table(report.measures), goals_table(report.goals))

    assert "signed Pay, prepaid, one seller" in text
    assert "5,000" in text
    assert "not met" in text
    lines = closing_lines(report)
    assert lines[0].startswith("Abacus, 2 cores")
    assert "12,345 payments" in lines[-1]
    assert said in lines[-1]


def test_a_figure_of_which_slices_are_missing_is_marked_and_so_is_its_goal() -> None:
    text = printed(measures_table(MEASURES), goals_table(goals(Findings(measures=MEASURES))))
    assert "8,000*" in text
    assert "* slices of it are missing" in text
    assert "* slices of what it compares are missing" in text
    assert "not met*" in next(line for line in text.splitlines() if "best batch" in line)
    assert "*" not in next(line for line in text.splitlines() if "best Pay" in line)


def test_cpu_time_is_told_by_part_in_microseconds() -> None:
    lines = printed(parts_table(MEASURES)).splitlines()
    assert next(line for line in lines if line.split()[:2] == ["pay", "1"]).split() == [
        "pay", "1", "500", "200", "50", "31",
    ]  # fmt: skip
    assert not any("batch " in line and "4 " in line for line in lines), "of what was not measured there is no row"


def test_what_disturbed_a_run_and_what_arrived_is_told() -> None:
    text = printed(measures_table(MEASURES))
    assert next(line for line in text.splitlines() if line.split()[:1] == ["two"]).split()[-1] == "5"
    assert "12% of the notifications had arrived when a slice was over" in text
    warned = structs.replace(report_of(MEASURES), warnings=("others were at work",), remembered=99_990)
    assert "WARNING: others were at work" in closing_lines(warned)
    assert "memory of the API process with 99,990 balances remembered: 0 MB" in closing_lines(warned)


def test_what_two_processes_would_come_to_is_told_by_cpu_time() -> None:
    """100 µs of one API process, 60 of each of two; the database has time for 20,000 a second."""
    told = [line for line in closing_lines(report_of(MEASURES)) if line.startswith("by CPU time")]
    assert len(told) == 1
    assert told[0].endswith(
        "256 clients: 10,000 a second with one process, 16,667 with two, 1.67 \N{MULTIPLICATION SIGN}"
    )


def printed(*tables: Table) -> str:
    console = Console(width=160, record=True, file=StringIO())
    for each in tables:
        console.print(each)
    return console.export_text()
