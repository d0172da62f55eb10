"""A run that somebody ends keeps its figures, whatever the ended work says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import psutil
import pytest
from tests.conftest import MakeDatabase
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY

from tallystick.bench.cases import BATCH, Case
from tallystick.bench.load.slices import Slice
from tallystick.bench.plan import Plan
from tallystick.bench.proof import BooksProof
from tallystick.bench.report import closing_lines
from tallystick.bench.rounds import BenchRun
from tallystick.bench.run import report_of
from tallystick.bench.target.processes import ServerProcess
from tallystick.bench.target.sellers import Progress
from tallystick.bench.target.service import Target
from tallystick.db.database import open_pool
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.wiring import open_service


def silent(*_: object) -> None:
    """Nobody looks at the progress."""


async def ended_in_words_of_the_driver() -> None:
    """Somebody ends this task in the middle of a statement, and the driver tells what became of the statement."""
    ended = asyncio.current_task()
    assert ended is not None
    ended.cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        raise asyncpg.QueryCanceledError("canceling statement due to user request") from None


@dataclass(slots=True)
class EndedTarget(Target):
    """A service of which the second slice is ended."""

    measured: int = 0

    async def every(self, case: Case, clients: int, count: int) -> Slice:  # noqa: ARG002 - nothing is warm here
        return Slice(case=case.name, clients=clients, units=1, seconds=1)

    async def slice(self, case: Case, clients: int, seconds: float, pause_ms: int = 0) -> Slice:  # noqa: ARG002
        self.measured += 1
        if self.measured == 2:
            await ended_in_words_of_the_driver()
        return Slice(case=case.name, clients=clients, units=1, seconds=seconds)


@pytest.fixture(scope="module")
async def service(make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    settings = Settings(
        data_directory=tmp_path_factory.mktemp("data"), database_url=await make_migrated(), master_key=MASTER_KEY
    )
    async with open_service(settings, TestClock()) as opened:
        yield opened


def a_run(service: Service, directory: Path, progress: Progress = silent) -> BenchRun:
    itself = ServerProcess("http://nowhere.invalid", psutil.Process())
    plan = Plan(directory=directory, instruments=100, rounds=2, clients=(), cases=(BATCH,))
    return BenchRun(plan, EndedTarget(directory, service, itself, [], None), itself, "", progress, silent)


async def test_a_slice_that_fails_since_somebody_ends_the_run_is_its_end(service: Service, tmp_path: Path) -> None:
    run = a_run(service, tmp_path)

    await run.everything()

    assert run.interrupted
    assert run.failures == []
    assert [(one.case, one.missing) for one in run.measures()] == [("batch", 0)]
    report = await report_of(run, datetime.now(UTC), "18")
    assert report.interrupted
    assert report.problems == ()


async def test_whoever_ends_it_while_the_books_are_proved_keeps_the_figures(service: Service, tmp_path: Path) -> None:
    def progress(what: str, done: int, _count: int) -> None:
        if (what, done) == ("proving the books", 0) and (task := asyncio.current_task()) is not None:
            task.cancel()

    report = await report_of(a_run(service, tmp_path, progress), datetime.now(UTC), "18")

    assert report.interrupted
    assert report.problems == ()
    assert any("not verified: the run was interrupted" in line for line in closing_lines(report))
    assert await service.pool.fetchval("SELECT 1") == 1, "the connection that was interrupted can be used again"


async def test_books_that_are_proved_to_the_end_are_no_interruption(service: Service, tmp_path: Path) -> None:
    report = await report_of(a_run(service, tmp_path), datetime.now(UTC), "18")

    assert (report.interrupted, report.problems) == (False, ())
    assert any("verify: 0 payments in the books, unexplained: 0.00" in line for line in closing_lines(report))


async def test_the_driver_s_words_for_an_end_are_no_problem_of_the_books() -> None:
    proof = BooksProof()
    with proof.looking():
        await ended_in_words_of_the_driver()
    assert (proof.interrupted, proof.problems) == (True, [])


async def test_a_database_that_does_not_answer_is_a_problem(service: Service) -> None:
    assert service.settings.database_url is not None
    gone = await open_pool(service.settings.database_url, max_size=1)
    await gone.close()
    proof = BooksProof()

    await proof.prove(silent, gone)

    assert not proof.interrupted
    assert [problem.partition(":")[0] for problem in proof.problems] == ["the books could not be verified"]
