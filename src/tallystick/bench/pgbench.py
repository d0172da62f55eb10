"""PostgreSQL's own benchmark, pgbench with its TPC-B-like transaction, on the same server: what we compare with."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tallystick.bench.wrk import LoadError
from tallystick.ledger.embedded import find_program

DATABASE: Final = "pgbench"
SCALE: Final = 20
_TABLES: Final = ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history")
_RATE: Final = re.compile(r"^tps = ([0-9.]+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tpcb:
    """One run: transactions per second with so many clients."""

    clients: int
    rate: float


def beside(dsn: str) -> str:
    """The address of pgbench's own database on the server at `dsn`."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{DATABASE}"))


async def prepare(dsn: str, database_dsn: str) -> None:
    """Make a database of its own for pgbench on the server at `dsn` and fill it. Raises LoadError.

    Autovacuum leaves its tables alone; it would work on them while something else is measured. pgbench itself vacuums
    what needs it, before each run.
    """
    await _execute(dsn, f"DROP DATABASE IF EXISTS {DATABASE}", f"CREATE DATABASE {DATABASE}")
    await _pgbench("--initialize", "--quiet", f"--scale={SCALE}", database_dsn)
    await _execute(database_dsn, *(f"ALTER TABLE {table} SET (autovacuum_enabled = false)" for table in _TABLES))


async def run(database_dsn: str, clients: int, seconds: float) -> Tpcb:
    """One run with prepared statements, vacuumed before. Raises LoadError."""
    seconds_option = f"--time={max(1, round(seconds))}"
    output = await _pgbench(
        "--protocol=prepared", f"--client={clients}", f"--jobs={min(2, clients)}", seconds_option, database_dsn
    )
    return read_output(output, clients)


def read_output(output: str, clients: int) -> Tpcb:
    """The rate as pgbench prints it, without the time in which clients connect. Raises LoadError."""
    rate = _RATE.search(output)
    if rate is None:
        raise LoadError(f"pgbench printed no rate: {output[-500:]}")
    return Tpcb(clients, float(rate[1]))


async def _execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _pgbench(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        find_program("pgbench"), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise LoadError(f"pgbench failed: {errors.decode(errors='replace')[-500:]}")
    return output.decode()
