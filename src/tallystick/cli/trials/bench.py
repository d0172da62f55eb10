"""`tallystick bench`: measure this machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from tallystick.bench import growth
from tallystick.bench.cases import CASES, Case
from tallystick.bench.load.slices import Slice, percentile_ms
from tallystick.bench.peers import comparison
from tallystick.bench.plan import Plan
from tallystick.bench.report import closing_lines, goals_table, measures_table, parts_table
from tallystick.bench.rounds import FAILURES, text_of
from tallystick.bench.run import bench as run_bench
from tallystick.bench.target.machine import BUSY_PERCENT, busy_percent, busy_warning
from tallystick.bench.target.sellers import Progress as ProgressCallback
from tallystick.cli.console import INTERRUPTED, NO, ProblemError, complain, run
from tallystick.db.database import NoDatabaseError
from tallystick.settings import TEST_PREFIX

Found = TypeVar("Found")

_CASES = {case.name: case for case in CASES}


def bench(
    seconds: Annotated[float, typer.Option(min=1, help="For each case, with each number of clients.")] = 10,
    rounds: Annotated[
        int, typer.Option(min=1, help="How many slices that time is cut into: all cases have one in each round.")
    ] = 5,
    clients: Annotated[str, typer.Option(help="Numbers of clients, with commas.")] = "1,16,64,256",
    instruments: Annotated[int, typer.Option(min=100, help="Balances and tabs that are charged.")] = 100_000,
    sellers: Annotated[int, typer.Option(min=2, help="Over how many sellers 'spread' spreads.")] = 8,
    workers: Annotated[int, typer.Option(min=1, help="API processes.")] = 1,
    only: Annotated[str | None, typer.Option(help=f"Cases, with commas: {', '.join(_CASES)}.")] = None,
    peers: Annotated[
        bool,
        typer.Option("--peers", help="Instead: side by side with other programs that are installed."),
    ] = False,
    peers_in: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="The virtual environment that has them; else this one.")
    ] = None,
    grow: Annotated[
        int | None, typer.Option(metavar="TRANSACTIONS", help="Instead: fill up to so many and measure on the way.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="Keep the database here; else it is deleted.")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the figures here, too.")] = None,
) -> None:
    """Measure signed payments beside PostgreSQL's own benchmark, in one run, with durable settings throughout.

    Uses wrk, and takes the whole machine: leave it alone meanwhile. Exit status 1: the books did not balance,
    or a slice is missing. Ctrl-C or SIGTERM ends it with what it has so far.

    The database is an embedded one, or on the server that TALLYSTICK_TEST_DATABASE_URL names, where databases of the
    run's own are made and dropped again. Other settings do not count.
    """
    server = os.environ.get(f"{TEST_PREFIX}DATABASE_URL") or None
    if server is not None and (grow is not None or peers):
        raise ProblemError("--grow and --peers measure embedded databases; unset TALLYSTICK_TEST_DATABASE_URL")
    if json is not None and (json.is_dir() or not json.absolute().parent.is_dir()):
        raise ProblemError(f"--json: {json} cannot be written")  # fail before measuring, not after
    chosen_clients, chosen_cases = tuple(_numbers(clients)), tuple(_cases(only))
    warning = busy_warning(busy_percent())
    before = () if warning is None else (warning,)
    for each in before:
        complain(f"WARNING: {each}")
    with _directory(data) as directory:
        plan = Plan(
            directory=directory,
            instruments=instruments,
            sellers=sellers,
            seconds=seconds,
            rounds=rounds,
            clients=chosen_clients,
            workers=workers,
            cases=chosen_cases,
        )
        if peers:
            problems = _compare(plan, peers_in, json)
        else:
            problems = _grow(plan, grow, json) if grow is not None else _bench(plan, server, json, before)
    if problems:
        raise typer.Exit(NO)


def _bench(plan: Plan, server: str | None, json: Path | None, before: Sequence[str]) -> tuple[str, ...]:
    console = Console()
    with _progress(console) as progress:
        report = _measured(run_bench(plan, progress, lambda measured: console.print(_line(measured)), server))
    report = msgspec.structs.replace(report, warnings=(*before, *report.warnings))
    console.print(measures_table(report.measures))
    console.print(parts_table(report.measures))
    console.print(goals_table(report.goals))
    for line in closing_lines(report):
        console.print(line)
    _write(json, report)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    return (*report.problems, *report.failures)


def _grow(plan: Plan, transactions: int, json: Path | None) -> tuple[str, ...]:
    console = Console()
    with _progress(console) as progress:
        report = _measured(growth.grow(plan, transactions, progress, lambda stage: console.print(growth.line(stage))))
    console.print(growth.table(report))
    console.print(growth.indexes_table(report))
    for line in growth.closing_lines(report):
        console.print(line)
    _write(json, report)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    return (*report.problems, *report.failures)


def _compare(plan: Plan, environment: Path | None, json: Path | None) -> tuple[str, ...]:
    console = Console()
    with _progress(console) as progress:
        found = _measured(comparison.compare(plan, environment, progress))
    console.print(comparison.comparison_table(found))
    for line in comparison.comparison_lines(found):
        console.print(line)
    _write(json, found)
    if found.interrupted:
        raise typer.Exit(INTERRUPTED)
    return (*found.problems, *found.failures)


def _measured(measuring: Coroutine[Any, Any, Found]) -> Found:
    try:
        return run(measuring)
    except (*FAILURES, NoDatabaseError) as error:
        raise ProblemError(text_of(error)) from None


def _write(json: Path | None, report: msgspec.Struct) -> None:
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def _line(measured: Slice) -> str:
    latency = "" if measured.load is None else f"  p99 {percentile_ms([measured.load], 99):.1f} ms"
    noise = measured.noise
    disturbed = noise is not None and noise.others + noise.stolen >= BUSY_PERCENT
    beside = f"  others used {noise.others + noise.stolen:.0f} %" if noise is not None and disturbed else ""
    return f"{measured.case:12} {measured.clients:4} clients {measured.rate:10,.0f} per second{latency}{beside}"


@contextmanager
def _progress(console: Console) -> Iterator[ProgressCallback]:
    """A progress bar for each preparation, and one for the measurement."""
    with Progress(console=console, transient=True) as bars:
        tasks = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield tell


@contextmanager
def _directory(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data.expanduser().absolute()
        return
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as directory:
        yield Path(directory)


def _numbers(text: str) -> Iterator[int]:
    for part in text.split(","):
        if not part.strip().isdecimal() or int(part) == 0:
            raise ProblemError(f"numbers of clients look like 1,16,64,256, not {text!r}")
        yield int(part)


def _cases(only: str | None) -> Iterator[Case]:
    for name in _CASES if only is None else only.split(","):
        if name.strip() not in _CASES:
            raise ProblemError(f"there is no case {name!r}; there are {', '.join(_CASES)}")
        yield _CASES[name.strip()]
