"""How throughput changes as the books fill: the same load on a database that grows and on one that stays fresh.

Both are measured in turn at every stage, slice by slice, so that changes in the machine's speed affect both alike.
filling.py fills one of them; signed requests over HTTP are what is measured, as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from msgspec import Struct
from rich.table import Table

from tallystick.bench.cases import PAY
from tallystick.bench.load.slices import Slice, together
from tallystick.bench.load.wrk import find_wrk
from tallystick.bench.measures import TIMES, Machine, Measure
from tallystick.bench.run import Plan, provision, serving_service, tidy
from tallystick.bench.target.filling import Filler, check_room
from tallystick.bench.target.machine import this_machine
from tallystick.bench.target.sellers import Progress
from tallystick.bench.target.server import find_postmaster
from tallystick.bench.target.service import Target
from tallystick.services.context import Service
from tallystick.store.ledger.verify import verify
from tallystick.wiring import open_service

CLIENTS: Final = 64
_TABLES: Final = ("transaction", "transfer", "answered_reference")
_STAGES: Final = (0.1, 0.2, 0.5, 1.0)
WANTED: Final = 0.8
"""The goal: the share of the fresh database's rate that must be left at the end."""


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
    """A whole run. `problems`: what `verify` found."""

    machine: Machine
    stages: tuple[GrowthStage, ...]
    problems: tuple[str, ...]


async def grow(plan: Plan, transactions: int, progress: Progress, on_stage: Callable[[GrowthStage], None]) -> Growth:
    """Fill one database with up to `transactions` and measure beside a fresh one. Raises LoadError."""
    find_wrk()
    check_room(transactions, plan.instruments)
    fresh_plan = replace(plan, directory=plan.directory / "fresh")
    grown_plan = replace(plan, directory=plan.directory / "grown")
    for directory in (fresh_plan.directory, grown_plan.directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with open_service(fresh_plan.settings) as fresh, open_service(grown_plan.settings) as grown:
        fresh_sellers = await provision(fresh, fresh_plan, progress)
        sellers = await provision(grown, grown_plan, progress)
        filler = Filler(grown, sellers[0], progress)
        stages = []
        for share in _STAGES:
            wanted = int(transactions * share)
            if wanted != transactions and await filler.count() >= wanted:
                continue  # so small that what was measured so far has filled as much
            await filler.fill(wanted)
            await tidy(grown_plan)
            async with serving_service(fresh_plan) as served_fresh, serving_service(grown_plan) as served:
                beside = Target(
                    fresh_plan.directory, fresh, served_fresh, fresh_sellers, await find_postmaster(fresh.pool)
                )
                target = Target(grown_plan.directory, grown, served, sellers, await find_postmaster(grown.pool))
                stages.append(await _stage(plan, target, beside))
            on_stage(stages[-1])
        problems = [*(await verify(grown.pool)).problems, *(await verify(fresh.pool)).problems]
        version = await grown.pool.fetchval("SHOW server_version")
    return Growth(machine=this_machine(version), stages=tuple(stages), problems=tuple(problems))


async def _written(service: Service) -> int:
    """Bytes of log that the server has written so far."""
    written: int = await service.pool.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
    return written


async def _stage(plan: Plan, target: Target, beside: Target) -> GrowthStage:
    """Slices of both in turn, after one warm-up slice each."""
    grown: list[Slice] = []
    fresh: list[Slice] = []
    for one in (beside, target):
        await one.slice(PAY, CLIENTS, plan.slice_seconds)
    log_bytes = 0
    for _ in range(plan.rounds):
        fresh.append(await beside.slice(PAY, CLIENTS, plan.slice_seconds))
        before = await _written(target.service)
        grown.append(await target.slice(PAY, CLIENTS, plan.slice_seconds))
        log_bytes += await _written(target.service) - before
    return await _found(target.service, together(grown), together(fresh), log_bytes / sum(one.units for one in grown))


async def _found(service: Service, measured: Measure, fresh: Measure, log_bytes: float) -> GrowthStage:
    pool = service.pool
    count = await pool.fetchval("SELECT count(*) FROM transaction")
    size = sum([await pool.fetchval("SELECT pg_total_relation_size($1::text::regclass)", name) for name in _TABLES])
    indexes = await pool.fetch(
        "SELECT indexrelname AS name, pg_relation_size(indexrelid) AS size FROM pg_stat_user_indexes"
        " WHERE relname = ANY($1::text[]) ORDER BY pg_relation_size(indexrelid) DESC",
        list(_TABLES),
    )
    return GrowthStage(
        transactions=count,
        rate=measured.rate,
        p99_ms=measured.p99_ms,
        fresh_rate=fresh.rate,
        fresh_p99_ms=fresh.p99_ms,
        log_bytes=log_bytes,
        bytes_per_payment=size / count,
        index_bytes={row["name"]: row["size"] for row in indexes},
    )


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
    standing = "met" if last.ratio >= WANTED else "not met"
    reached = f"{last.ratio:.2f} {TIMES} the fresh rate at {last.transactions:,} transactions"
    finding = growth.problems[0] if growth.problems else "unexplained: 0.00"
    return [f"{reached}; wanted: {WANTED:g} {TIMES} ({standing})", f"verify: {finding}"]
