"""What a payment costs as the books fill: the same load on a database that grows and on one that stays fresh.

Both are measured in turn at every stage, so that the machine's moods touch both alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice
from typing import Final

from msgspec import Struct
from rich.table import Table

from tallystick.actions.service import Service
from tallystick.bench.cases import PAY
from tallystick.bench.machine import this_machine
from tallystick.bench.measures import TIMES, Machine, Measure
from tallystick.bench.run import Plan, Run, serving_nothing, serving_service, stock
from tallystick.bench.stall import CHARGE_MICROS, Progress, Stall, request_of
from tallystick.bench.wrk import find_wrk
from tallystick.domain.commands import Pay
from tallystick.ledger.verify import verify
from tallystick.wiring import open_service

CLIENTS: Final = 64
_AT_A_TIME: Final = 500
_TABLES: Final = ("transaction", "transfer", "answered_reference")
_STAGES: Final = (0.1, 0.25, 0.5, 1.0)


class Stage(Struct, frozen=True, kw_only=True):
    """What was found with so many transactions in the books. Sizes in bytes, the tables' with their indexes."""

    transactions: int
    rate: float
    p99_ms: float | None
    fresh_rate: float
    fresh_p99_ms: float | None
    bytes_per_payment: float
    index_bytes: dict[str, int]

    @property
    def ratio(self) -> float:
        """The rate beside that of the fresh database."""
        return self.rate / self.fresh_rate


class Growth(Struct, frozen=True, kw_only=True):
    """A whole run. `problems`: what `verify` found."""

    machine: Machine
    stages: tuple[Stage, ...]
    problems: tuple[str, ...]


async def grow(plan: Plan, transactions: int, progress: Progress, told: Callable[[Stage], None]) -> Growth:
    """Fill one database with up to `transactions` and measure beside a fresh one. Raises LoadError."""
    find_wrk()
    fresh_plan = replace(plan, directory=plan.directory / "fresh")
    grown_plan = replace(plan, directory=plan.directory / "grown")
    for directory in (fresh_plan.directory, grown_plan.directory):
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    async with open_service(fresh_plan.settings) as fresh, open_service(grown_plan.settings) as grown:
        fresh_stalls = await stock(fresh, fresh_plan, progress)
        stalls = await stock(grown, grown_plan, progress)
        stages = []
        for share in _STAGES:
            await _fill(grown, stalls[0], int(transactions * share), progress)
            beside = await _measure(fresh_plan, fresh, fresh_stalls)
            measured = await _measure(grown_plan, grown, stalls)
            stages.append(await _stage(grown, measured, beside))
            told(stages[-1])
        problems = [*(await verify(grown.pool)).problems, *(await verify(fresh.pool)).problems]
        version = await grown.pool.fetchval("SHOW server_version")
    return Growth(machine=this_machine(version), stages=tuple(stages), problems=tuple(problems))


async def _fill(service: Service, stall: Stall, wanted: int, progress: Progress) -> None:
    """Charge until there are `wanted` transactions, by the one way in which money changes."""
    there = await service.pool.fetchval("SELECT count(*) FROM transaction")
    tokens = cycle([token for _, token in stall.balances])

    async def some(count: int) -> None:
        now = service.clock()
        charges = [Pay(request_of(stall, now), token, CHARGE_MICROS) for token in islice(tokens, count)]
        outcomes = await service.committer.perform_all(stall.book_id, charges)
        refused = next((outcome for outcome in outcomes if isinstance(outcome, Exception)), None)
        if refused is not None:
            raise refused

    start = there
    while there < wanted:
        count = min(2 * _AT_A_TIME, wanted - there)
        await asyncio.gather(some(count - count // 2), some(count // 2))
        there += count
        progress(f"{wanted:,} transactions", there - start, wanted - start)
    await service.pool.execute("VACUUM (ANALYZE)")


async def _measure(plan: Plan, service: Service, stalls: list[Stall]) -> Measure:
    async with serving_service(plan) as served, serving_nothing() as empty:
        run = Run(plan, service, served, empty, "", stalls, lambda _: None)
        return await run.case(PAY, CLIENTS)


async def _stage(service: Service, measured: Measure, beside: Measure) -> Stage:
    pool = service.pool
    count = await pool.fetchval("SELECT count(*) FROM transaction")
    size = sum([await pool.fetchval("SELECT pg_total_relation_size($1::text::regclass)", name) for name in _TABLES])
    indexes = await pool.fetch(
        "SELECT indexrelname AS name, pg_relation_size(indexrelid) AS size FROM pg_stat_user_indexes"
        " WHERE relname = ANY($1::text[]) ORDER BY pg_relation_size(indexrelid) DESC",
        list(_TABLES),
    )
    return Stage(
        transactions=count,
        rate=measured.rate,
        p99_ms=measured.p99_ms,
        fresh_rate=beside.rate,
        fresh_p99_ms=beside.p99_ms,
        bytes_per_payment=size / count,
        index_bytes={row["name"]: row["size"] for row in indexes},
    )


def line(stage: Stage) -> str:
    """A stage in a line."""
    return (
        f"{stage.transactions:12,} transactions {stage.rate:8,.0f} payments per second, "
        f"{stage.ratio:.2f} {TIMES} the fresh database's {stage.fresh_rate:,.0f}"
    )


def table(growth: Growth) -> Table:
    """A row for each stage."""
    found = Table(title=f"Pay with {CLIENTS} clients as the books fill", title_justify="left")
    for name in ("transactions", "per second", "p99 ms", "fresh", "fresh p99 ms", "ratio", "bytes a payment"):
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
        )
    return found
