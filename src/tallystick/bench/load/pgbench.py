"""PostgreSQL's own benchmark, pgbench with its TPC-B-like transaction, on the same server: what we compare with."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tallystick.bench.load.programs import output_of
from tallystick.bench.load.wrk import LoadError
from tallystick.bench.target.databases import execute, recreated
from tallystick.db.embedded.binaries import NoBinariesError, find_binaries

DATABASE: Final = "tallystick_bench_pgbench"
"""The name of pgbench's own database: on a server that is given, a database of this name is dropped."""

MAX_SCALE: Final = 20
"""Of a run of a hundred thousand instruments, as it is by default, and of larger ones."""

_TABLES: Final = ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history")
WARM_UP_SECONDS: Final = 2
"""The warm-up that is left out of each run: every client has a new connection, which first reads the catalogue."""

_PROGRESS: Final = re.compile(r"^progress: ([0-9.]+) s, ([0-9.]+) tps", re.MULTILINE)


@asynccontextmanager
async def database_on(dsn: str, scale: int) -> AsyncIterator[str]:
    """The address of a filled database of pgbench's own on the server at `dsn`, dropped at the end. Raises LoadError.

    Autovacuum leaves its tables alone; it would work on them while something else is measured. pgbench itself vacuums
    what needs it, before each run.
    """
    async with recreated(dsn, DATABASE) as database_dsn:
        await _pgbench("--initialize", "--quiet", f"--scale={scale}", database_dsn)
        await execute(database_dsn, *(f"ALTER TABLE {table} SET (autovacuum_enabled = false)" for table in _TABLES))
        yield database_dsn


async def run(database_dsn: str, clients: int, seconds: int) -> float:
    """Transactions per second with prepared statements, tables vacuumed before. Raises LoadError.

    On a busy machine pgbench may report late, and of nothing after its warm-up: then it runs again, for longer.
    """
    output = ""
    for longer in (1, 2, 4):
        output = await _pgbench(
            "--protocol=prepared",
            f"--client={clients}",
            f"--jobs={min(2, clients)}",
            f"--time={WARM_UP_SECONDS + longer * seconds + 1}",  # it may end without reporting its last second
            "--progress=1",
            database_dsn,
        )
        rate = read_progress(output, WARM_UP_SECONDS)
        if rate is not None:
            return rate
    raise LoadError(f"pgbench told of no second after its warm-up: {output[-500:]}")


def read_progress(output: str, warm_up_seconds: int) -> float | None:
    """The rate after the warm-up, from pgbench's report for each second; None where it told of none."""
    transactions = spent = before = 0.0
    for moment, rate in _PROGRESS.findall(output):
        if before > warm_up_seconds - 0.5:
            transactions += float(rate) * (float(moment) - before)
            spent += float(moment) - before
        before = float(moment)
    return transactions / spent if transactions else None


async def _pgbench(*arguments: str) -> str:
    try:
        program = find_binaries().program("pgbench")
    except NoBinariesError as error:
        raise LoadError(str(error)) from error
    status, output, errors = await output_of(program, *arguments)
    text = errors + output
    if status != 0:
        raise LoadError(f"pgbench failed: {text[-500:]}")
    return text
