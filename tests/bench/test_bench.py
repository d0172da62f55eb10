"""The benchmark itself, as short as it can be: nothing here looks at how fast anything was."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import MakeDatabase
from tests.stories.operations.program import Command, one_process, tallystick
from tests.support.owner import TEST_DATABASE_URL

from tallystick.bench.cases import PAY, Case
from tallystick.bench.load.slices import Slice
from tallystick.bench.report import closing_lines
from tallystick.bench.run import Plan, bench
from tallystick.bench.target.databases import beside, execute

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
    plain = {"pgbench", "empty", "pay", "json", "tab", "spread", "mix", "read", "batch"}
    assert measured.keys() == plain | {"neighbour", "beside flood", "flood", "beside lists", "lists"}
    assert all(measure["rate"] > 0 for measure in measured.values())
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
    others = beside(durable, "pgbench")
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
async def test_a_service_that_is_faster_than_thought_is_measured_again(durable: str, tmp_path: Path) -> None:
    slow = replace(PAY, likely_rate=20)
    plan = Plan(directory=tmp_path, instruments=100, sellers=2, seconds=1, rounds=1, clients=(2,), cases=(slow,))

    report = await bench(plan, lambda *_: None, lambda _: None, durable)

    assert {measure.case for measure in report.measures} == {"pgbench", "empty", "pay"}
    assert report.problems == ()


@pytest.mark.usefixtures("needs_wrk")
async def test_whoever_interrupts_it_hears_what_it_has(durable: str, tmp_path: Path) -> None:
    plan = Plan(directory=tmp_path, instruments=100, sellers=2, seconds=50, rounds=50, clients=(2,), cases=(PAY,))
    seen: list[Slice] = []

    def on_slice(measured: Slice) -> None:
        seen.append(measured)
        if measured.case == "pay":
            running.cancel()

    running = asyncio.create_task(bench(plan, lambda *_: None, on_slice, durable))
    report = await running

    assert report.interrupted
    assert {measure.case for measure in report.measures} == {one.case for one in seen} == {"pgbench", "empty", "pay"}
    assert closing_lines(report)[-1].endswith("; not verified: the run was interrupted")


@pytest.mark.usefixtures("needs_wrk")
async def test_a_slice_that_fails_leaves_the_others(durable: str, tmp_path: Path) -> None:
    refused = Case("refused", "calls without a signature", lambda *_: repeat(b"GET /?a=b HTTP/1.1\r\n\r\n"), 0, 10_000)
    plan = Plan(directory=tmp_path, instruments=100, sellers=2, seconds=1, rounds=1, clients=(2,), cases=(refused,))

    report = await bench(plan, lambda *_: None, lambda _: None, durable)

    assert {measure.case for measure in report.measures} == {"pgbench", "empty"}
    assert len(report.failures) == 1
    assert "not every request was answered well" in report.failures[0]
    assert f"a slice is missing: {report.failures[0]}" in closing_lines(report)


async def test_where_figures_cannot_go_is_told_at_once(tmp_path: Path, command: Command) -> None:
    for nowhere in (tmp_path, tmp_path / "nowhere" / "figures.json"):
        done = await command("bench", "--json", str(nowhere), settings={})
        assert done.status == 2
        assert str(nowhere) in done.complaint


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
