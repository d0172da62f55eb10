"""How throughput changes as the books fill: the same load on a database that grows and on one that stays fresh.

Both are measured in turn at every stage, slice by slice, so that changes in the machine's speed affect both alike.
filling.py fills one of them; signed requests over HTTP are what is measured, as everywhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

from msgspec import Struct
from rich.table import Table

from tallystick.bench.cases import PAY
from tallystick.bench.goals import GROWN
from tallystick.bench.interruption import goes_on_to_report, is_ended_by
from tallystick.bench.load.slices import Slice, together
from tallystick.bench.load.wrk import LoadError, find_wrk
from tallystick.bench.measures import TIMES, Machine, Measure
from tallystick.bench.plan import Plan
from tallystick.bench.proof import BooksProof
from tallystick.bench.rounds import FAILURES, text_of
from tallystick.bench.target.filling import Filler, check_room
from tallystick.bench.target.machine import this_machine
from tallystick.bench.target.provisioning import Stock, provision, tidy
from tallystick.bench.target.sellers import Progress
from tallystick.bench.target.server import find_postmaster
from tallystick.bench.target.service import Target
from tallystick.bench.target.serving import serving_service
from tallystick.bench.target.sizes import TABLES, bytes_per_payment, count_transactions
from tallystick.bench.warming import until_calm, until_proven
from tallystick.services.context import Service
from tallystick.wiring import open_service

CLIENTS: Final = 64
_STAGES: Final = (0.1, 0.2, 0.5, 1.0)


class GrowthStage(Struct, frozen=True, kw_only=True):
    """The measurements with so many transactions in the books. Sizes in bytes, the tables' with their indexes.

    `log_bytes`: write-ahead log for each payment of the measurement.
    """

    transactions: int
    rate: float
    p99_ms: float | None
    fresh_rate: float
    fresh_p99_ms: float | None
    log_bytes: float
    bytes_per_payment: float
    index_bytes: dict[str, int]

    @property
    def ratio(self) -> float:
        """The rate beside that of the fresh database."""
        return self.rate / self.fresh_rate


class Growth(Struct, frozen=True, kw_only=True):
    """A whole run. `problems`: what `verify` found. `failures`: why stages are missing.

    `interrupted`: somebody ended the run early; `verify` did not run then.
    """

    machine: Machine
    stages: tuple[GrowthStage, ...]
    problems: tuple[str, ...]
    failures: tuple[str, ...] = ()
    interrupted: bool = False


async def grow(plan: Plan, transactions: int, progress: Progress, on_stage: Callable[[GrowthStage], None]) -> Growth:
    """Fill one database with up to `transactions` and measure beside a fresh one.

    A stage that fails, or whoever interrupts the run, leaves those before. Raises LoadError, CancelledError and so on:
    there is none yet.
    """
    find_wrk()
    check_room(transactions, plan.instruments)
    plan = replace(plan, cases=(PAY,))
    fresh_plan = replace(plan, directory=plan.directory / "fresh")
    grown_plan = replace(plan, directory=plan.directory / "grown")
    for directory in (fresh_plan.directory, grown_plan.directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    stages: list[GrowthStage] = []
    failures: list[str] = []
    proof = BooksProof()
    async with open_service(fresh_plan.settings) as fresh, open_service(grown_plan.settings) as grown:
        version = await grown.pool.fetchval("SHOW server_version")
        fresh_stock = await provision(fresh, fresh_plan, progress)
        stock = await provision(grown, grown_plan, progress)
        filler = Filler(grown, stock.sellers[0], progress)
        try:
            for wanted in (int(transactions * share) for share in _STAGES):
                if wanted != transactions and await count_transactions(grown.pool) >= wanted:
                    continue  # so small that what was measured so far has filled as much
                await filler.fill(wanted)
                await tidy(grown_plan)
                begun = grown.clock()
                async with (
                    _served(fresh_plan, fresh, fresh_stock) as beside,
                    _served(grown_plan, grown, stock) as target,
                ):
                    stages.append(await _stage(plan, target, beside, progress, begun))
                on_stage(stages[-1])
        except (asyncio.CancelledError, *FAILURES) as error:
            if not stages:
                raise
            if not is_ended_by(error):
                failures.append(text_of(error))
            elif goes_on_to_report(has_figures=True):
                proof.interrupted = True
            else:
                raise
        await proof.prove(progress, grown.pool, fresh.pool)
    return Growth(
        machine=this_machine(version),
        stages=tuple(stages),
        problems=tuple(proof.problems),
        failures=tuple(failures),
        interrupted=proof.interrupted,
    )


@asynccontextmanager
async def _served(plan: Plan, service: Service, stock: Stock) -> AsyncIterator[Target]:
    async with serving_service(plan) as served:
        yield Target(plan.directory, service, served, stock.sellers, await find_postmaster(service.pool))


async def _stage(plan: Plan, target: Target, beside: Target, progress: Progress, begun: datetime) -> GrowthStage:
    """Slices of both in turn, once their servers know what is charged, and have nothing else to do.

    `begun`: the moment before they were started. Raises LoadError.
    """
    grown: list[Slice] = []
    fresh: list[Slice] = []
    for one in (beside, target):
        await one.every(PAY, CLIENTS, len(one.sellers[0].balances))
    for one in (beside, target):
        pool = one.service.pool
        if busy := [*await until_calm(pool, progress), *await until_proven(pool, begun, progress)]:
            raise LoadError("; ".join(busy))
    for _ in range(plan.rounds):
        fresh.append(await beside.slice(PAY, CLIENTS, plan.slice_seconds))
        grown.append(await target.slice(PAY, CLIENTS, plan.slice_seconds))
    return await _found(target.service, together(grown), together(fresh))


async def _found(service: Service, measured: Measure, fresh: Measure) -> GrowthStage:
    pool = service.pool
    indexes = await pool.fetch(
        "SELECT indexrelname AS name, pg_relation_size(indexrelid) AS size FROM pg_stat_user_indexes"
        " WHERE relname = ANY($1::text[]) ORDER BY pg_relation_size(indexrelid) DESC",
        list(TABLES),
    )
    return GrowthStage(
        transactions=await count_transactions(pool),
        rate=measured.rate,
        p99_ms=measured.p99_ms,
        fresh_rate=fresh.rate,
        fresh_p99_ms=fresh.p99_ms,
        log_bytes=measured.log_bytes or 0.0,
        bytes_per_payment=await bytes_per_payment(pool) or 0.0,
        index_bytes={row["name"]: row["size"] for row in indexes},
    )


def wanted_at(transactions: int) -> float:
    """The share of a fresh database's rate that must be left with so many transactions."""
    return next((share for count, share in GROWN.items() if transactions < 2 * count), min(GROWN.values()))


def line(stage: GrowthStage) -> str:
    """A stage in a line."""
    return (
        f"{stage.transactions:12,} transactions {stage.rate:8,.0f} payments per second, "
        f"{stage.ratio:.2f} {TIMES} the fresh database's {stage.fresh_rate:,.0f}"
    )


def table(growth: Growth) -> Table:
    """A row for each stage."""
    found = Table(title=f"Pay with {CLIENTS} clients as the books fill", title_justify="left")
    names = ("transactions", "per second", "p99 ms", "fresh", "fresh p99 ms", "ratio", "bytes a payment", "log bytes")
    for name in names:
        found.add_column(name, justify="right")
    for stage in growth.stages:
        found.add_row(
            f"{stage.transactions:,}",
            f"{stage.rate:,.0f}",
            f"{stage.p99_ms:.1f}",
            f"{stage.fresh_rate:,.0f}",
            f"{stage.fresh_p99_ms:.1f}",
            f"{stage.ratio:.2f}",
            f"{stage.bytes_per_payment:,.0f}",
            f"{stage.log_bytes:,.0f}",
        )
    return found


def indexes_table(growth: Growth) -> Table:
    """A row for each index of the tables that grow, with its size in megabytes at each stage."""
    found = Table(title="indexes, MB", title_justify="left")
    found.add_column("index")
    for stage in growth.stages:
        found.add_column(f"{stage.transactions:,}", justify="right")
    for name in growth.stages[-1].index_bytes:
        found.add_row(name, *(f"{stage.index_bytes.get(name, 0) / 1e6:,.1f}" for stage in growth.stages))
    return found


def closing_lines(growth: Growth) -> list[str]:
    """The comparison with the goal, and the result of `verify`."""
    last = growth.stages[-1]
    wanted = wanted_at(last.transactions)
    standing = "met" if last.ratio >= wanted else "not met"
    reached = f"{last.ratio:.2f} {TIMES} the fresh rate at {last.transactions:,} transactions"
    finding = growth.problems[0] if growth.problems else "unexplained: 0.00"
    if growth.interrupted:
        finding = "not verified: the run was interrupted"
    failures = [f"a stage is missing: {failure}" for failure in growth.failures]
    return [*failures, f"{reached}; wanted: {wanted:g} {TIMES} ({standing})", f"verify: {finding}"]
