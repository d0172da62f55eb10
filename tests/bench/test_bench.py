"""The benchmark itself, as short as it can be: nothing here looks at how fast anything was."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import chain, islice, repeat
from pathlib import Path

import asyncpg
import psutil
import pytest
from tests.conftest import MakeDatabase
from tests.stories.operations.program import Command, one_process, start, tallystick
from tests.support.owner import TEST_DATABASE_URL

from tallystick.bench.cases import CASES, PAY, Case
from tallystick.bench.plan import Plan
from tallystick.bench.report import closing_lines
from tallystick.bench.run import bench
from tallystick.bench.target.databases import beside as beside_it
from tallystick.bench.target.databases import execute
from tallystick.cli.console import INTERRUPTED

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
async def command() -> AsyncIterator[Command]:
    """Commands that fail before they measure share a process."""
    async with one_process() as run:
        yield run


@pytest.mark.usefixtures("needs_wrk")
async def test_a_short_run_measures_everything_and_the_books_balance(data_directory: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--seconds", "1", "--rounds", "1", "--instruments", "200", "--clients", "2"]

    done = await tallystick("bench", *options, "--data", str(data_directory), "--json", str(figures), settings={})

    assert done.status == 0, done.out + done.complaint
    report = json.loads(figures.read_text())
    assert report["problems"] == []
    measured = {measure["case"]: measure for measure in report["measures"]}
    beside = {"beside flood", "flood", "beside lists", "lists"}
    assert measured.keys() == {"pgbench", "empty", *(case.name for case in CASES)} | beside
    assert all(measure["rate"] > 0 for measure in measured.values())
    for measure in (measured["pay"], measured["two"], measured["many"]):
        assert min(measure[part] for part in ("api_cpu", "database_cpu", "backends_cpu", "load_cpu", "log_bytes")) > 0
    assert measured["notified"]["delivered"] > 0
    assert 100 < report["remembered"] <= 200, "of all balances, but for those that were under way at the end"
    assert report["bytes_per_payment"] > 0
    assert report["half_load"]["p99_ms"] > 0
    goals = {goal["name"]: goal for goal in report["goals"]}
    for flood in ("flood", "lists"):
        goal = goals[f"a neighbour's p99 beside {flood} / calm"]
        assert goal["at_most"]
        assert goal["reached"] == measured[f"beside {flood}"]["p99_ms"] / measured["neighbour"]["p99_ms"]
    assert report["payments_in_books"] > 0
    assert "unexplained: 0.00" in done.out


@pytest.mark.usefixtures("needs_wrk")
async def test_growth_is_measured_beside_a_fresh_database(data_directory: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--seconds", "1", "--rounds", "1", "--instruments", "200", "--grow", "2500"]

    done = await tallystick("bench", *options, "--data", str(data_directory), "--json", str(figures), settings={})

    assert done.status == 0, done.out + done.complaint
    report = json.loads(figures.read_text())
    assert report["problems"] == []
    last = report["stages"][-1]
    assert last["transactions"] >= 2500
    assert last["bytes_per_payment"] > 0
    assert "transaction_pkey" in last["index_bytes"]


@pytest.mark.usefixtures("needs_wrk")
async def test_a_given_server_is_measured_in_rounds_and_no_other_setting_counts(
    durable: str, tmp_path: Path, make_database: MakeDatabase
) -> None:
    configured = await make_database()
    others = beside_it(durable, "pgbench")
    await execute(durable, "CREATE DATABASE pgbench")
    await execute(others, "CREATE TABLE theirs ()")
    figures = tmp_path / "figures.json"
    options = ["--seconds", "2", "--rounds", "2", "--instruments", "200", "--clients", "2", "--only", "pay,batch"]
    settings = {
        "TALLYSTICK_TEST_DATABASE_URL": durable,
        "TALLYSTICK_DATABASE_URL": configured,
        "TALLYSTICK_KEEP_REQUESTS_DAYS": "0",
    }

    done = await tallystick("bench", *options, "--json", str(figures), settings=settings)

    assert done.status == 0, done.out + done.complaint
    report = json.loads(figures.read_text())
    assert report["problems"] == []
    assert report["payments_in_books"] > 0
    measures = report["measures"]
    assert all(measure["lowest_rate"] <= measure["rate"] <= measure["highest_rate"] for measure in measures)
    pay = next(measure for measure in measures if measure["case"] == "pay")
    assert pay["database_cpu"] > 0
    assert await _count(durable, "SELECT count(*) FROM pg_database WHERE datname ~ 'bench'") == 1
    assert await _count(others, "SELECT count(*) FROM theirs") == 0
    assert await _count(configured, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


@pytest.mark.usefixtures("needs_wrk")
async def test_a_server_that_may_lose_what_it_commits_is_not_measured(server_url: str, command: Command) -> None:
    if os.environ.get(TEST_DATABASE_URL):
        pytest.skip("only the server of our own is known to be one that may lose something: its fsync is off")

    done = await command("bench", settings={"TALLYSTICK_TEST_DATABASE_URL": server_url})

    assert done.status == 2
    assert "fsync = off" in done.complaint


@pytest.mark.usefixtures("needs_wrk")
async def test_a_server_with_too_few_connections_is_told_at_once(durable: str, command: Command) -> None:
    taken = await _count(durable, "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'")

    done = await command("bench", "--clients", str(taken - 20), settings={"TALLYSTICK_TEST_DATABASE_URL": durable})

    assert done.status == 2
    assert f"takes {taken} connections" in done.complaint
    assert await _count(durable, "SELECT count(*) FROM pg_database WHERE datname ~ 'tallystick_bench'") == 0


@pytest.mark.usefixtures("needs_wrk")
@pytest.mark.parametrize(("signal_number", "given"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
async def test_whoever_interrupts_it_hears_what_it_has_and_nothing_is_left_running(
    signal_number: signal.Signals, *, given: bool, durable: str, data_directory: Path, tmp_path: Path
) -> None:
    """In the middle of a measurement, with its own database and with one that is given, which stays."""
    figures = tmp_path / "figures.json"
    options = ["--seconds", "200", "--rounds", "200", "--instruments", "100", "--clients", "2", "--only", "pay"]
    options += ["--data", str(data_directory), "--json", str(figures)]
    running = await start("bench", *options, settings={"TALLYSTICK_TEST_DATABASE_URL": durable} if given else {})
    assert running.stdout is not None
    while not (line := await running.stdout.readline()).startswith(b"pay "):
        assert line, "it has ended"
    started = psutil.Process(running.pid).children(recursive=True)
    if not given:
        started.append(postmaster_of(data_directory))

    running.send_signal(signal_number)
    out, complaint = await running.communicate()

    assert running.returncode == INTERRUPTED, complaint.decode()
    assert b"not verified: the run was interrupted" in out
    report = json.loads(figures.read_bytes())
    assert report["interrupted"]
    assert {measure["case"] for measure in report["measures"]} == {"pgbench", "empty", "pay"}
    assert report["payments_in_books"] > 0
    assert len(started) >= 2
    assert not [one for one in started if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert await _count(durable, "SELECT count(*) FROM pg_database WHERE datname ~ 'tallystick_bench'") == 0


@pytest.mark.usefixtures("needs_wrk")
async def test_a_slice_that_fails_leaves_the_others_and_marks_its_figure(durable: str, tmp_path: Path) -> None:
    """Pays are answered well in the first round and not in the second, reads without a signature never."""
    refused = repeat(b"GET /?a=b HTTP/1.1\r\n\r\n")
    unsigned = Case("unsigned", "calls without a signature", lambda *_: refused, 0, likely_rate=10_000)
    enough = 8_000
    spoilt = replace(
        PAY, requests=lambda *given: chain(islice(PAY.requests(*given), enough + 2), refused), likely_rate=enough
    )
    plan = Plan(
        directory=tmp_path, instruments=100, sellers=2, seconds=2, rounds=2, clients=(2,), cases=(spoilt, unsigned)
    )

    report = await bench(plan, lambda *_: None, lambda _: None, durable)

    assert {measure.case: measure.missing for measure in report.measures} == {"pgbench": 0, "empty": 0, "pay": 1}
    assert [failure.partition(":")[0] for failure in report.failures] == [
        "unsigned with 2 clients",
        "pay with 2 clients",
        "unsigned with 2 clients",
    ]
    assert all("not every request was answered well" in failure for failure in report.failures)
    assert [goal.incomplete for goal in report.goals if goal.key == "best-pay"] == [True]
    assert f"a slice is missing: {report.failures[0]}" in closing_lines(report)
    assert report.problems == ()


async def test_where_figures_cannot_go_is_told_at_once(tmp_path: Path, command: Command) -> None:
    for nowhere in (tmp_path, tmp_path / "nowhere" / "figures.json"):
        done = await command("bench", "--json", str(nowhere), settings={})
        assert done.status == 2
        assert str(nowhere) in done.complaint


def postmaster_of(directory: Path) -> psutil.Process:
    """The database server that a run has started for itself."""
    [noted] = directory.rglob("postmaster.pid")
    return psutil.Process(int(noted.read_text().splitlines()[0]))


async def _count(dsn: str, query: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


@pytest.mark.parametrize("options", [["--clients", "a"], ["--clients", "0"], ["--only", "nothing"]])
async def test_options_that_make_no_sense_are_told(options: list[str], command: Command) -> None:
    done = await command("bench", *options, settings={})
    assert done.status == 2
    assert options[1] in done.complaint
