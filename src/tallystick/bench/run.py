"""One run: everything is measured in turn on one machine and one database server, then the books are verified."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import tallystick
from tallystick.actions.service import Service
from tallystick.bench import pgbench
from tallystick.bench.cases import BATCH, CASES, PAY, Case
from tallystick.bench.machine import this_machine
from tallystick.bench.measures import Measure, Report, best, goals
from tallystick.bench.processes import (
    HOST,
    Served,
    cpu_seconds,
    cpu_used,
    database_processes,
    free_port,
    memory_mb,
    serving,
)
from tallystick.bench.requests import Signer
from tallystick.bench.stall import REFUNDABLE_MICROS, Progress, Stall, Stocker, open_stall
from tallystick.bench.wrk import Load, LoadError, find_wrk, request_file, send
from tallystick.domain.ids import transaction_ids_from
from tallystick.ledger.verify import verify
from tallystick.settings import Settings
from tallystick.wiring import database_address, open_service

CLIENTS: Final = (1, 16, 64, 256)
BATCH_CLIENTS: Final = (1, 4)
HALF_LOAD_CLIENTS: Final = 64
CHARGES: Final = 5_000
_LONELY_SHARE: Final = 0.3
"""Of the likely rate, what one client alone may reach: not too many requests are prepared for it."""

Told = Callable[[Measure], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure. `instruments` in all: four of five are balances, spread over `sellers`; the rest tabs of one."""

    directory: Path
    instruments: int = 100_000
    sellers: int = 8
    seconds: float = 10
    clients: tuple[int, ...] = CLIENTS
    workers: int = 1
    cases: tuple[Case, ...] = CASES

    @property
    def settings(self) -> Settings:
        """Of the service under measurement: the defaults, but for where its data is."""
        return Settings(data_directory=self.directory, log_level="error")


@dataclass(slots=True)
class Run:
    """The parts of a run that is under way."""

    plan: Plan
    service: Service
    served: Served
    empty: Served
    pgbench_dsn: str
    stalls: list[Stall]
    told: Told
    measures: list[Measure] = field(default_factory=list)

    async def everything(self) -> Measure | None:
        """All cases with one client, then with more. What comes back is Pay at half its peak."""
        for clients in self.plan.clients:
            await self._pgbench(clients)
            await self._empty(clients)
            for case in self.plan.cases:
                if case is not BATCH:
                    await self.case(case, clients)
        for clients in BATCH_CLIENTS if BATCH in self.plan.cases else ():
            await self.case(BATCH, clients)
        return await self._half_load() if PAY in self.plan.cases else None

    async def case(self, case: Case, clients: int, pause_ms: int = 0) -> Measure:
        """One case with so many clients. Raises LoadError, also when the books do not have what was answered."""
        signer = Signer(self.served.url, self.service.clock())
        share = _LONELY_SHARE if clients == 1 and case is not BATCH else 1
        count = int(case.likely_rate * self.plan.seconds * share) + clients
        with request_file(self.plan.directory, case.requests(signer, self.stalls), count) as file:
            gc.collect()
            since, before = self.service.clock(), self._cpu()
            load = await send(f"{self.served.url}/", clients, self.plan.seconds, file, pause_ms)
            used = self._used(before)
        if load.requests > count - clients:
            raise LoadError(f"{case.name} was faster than what was prepared for; its figure would be too low")
        if case.payments:
            await self._check_books(since, load, case.payments)
        units = case.payments or 1
        thousands = load.requests * units / 1000
        measure = Measure(
            case=case.name,
            clients=clients,
            rate=load.rate * units,
            p50_ms=load.p50_ms,
            p99_ms=load.p99_ms,
            api_cpu=used[0] / thousands,
            database_cpu=used[1] / thousands,
            memory_mb=max(memory_mb(process) for process in self.served.processes()),
        )
        if not pause_ms:
            self.measures.append(measure)
        self.told(measure)
        return measure

    async def _check_books(self, since: datetime, load: Load, payments: int) -> None:
        """Every payment that was answered is there, and no more than were under way when the load ended."""
        await asyncio.sleep(0.5)  # the last ones, whose clients have gone
        first = transaction_ids_from(int(since.timestamp() * 1000))
        made = 0
        for stall in self.stalls:
            made += await self.service.pool.fetchval(
                "SELECT count(*) FROM transaction"
                " WHERE book_id = $1 AND transaction_id >= $2 AND operation = 'Pay' AND status = 'Success'",
                stall.book_id,
                first,
            )
        answered = load.requests * payments
        if not answered <= made <= answered + load.clients * payments:
            raise LoadError(f"{answered} payments were answered, and {made} are in the books")

    async def _half_load(self) -> Measure:
        """Pay at about half the rate that was its best, from clients that pause between their requests."""
        pause_ms = round(1000 * HALF_LOAD_CLIENTS / (best(self.measures, PAY.name) / 2))
        return await self.case(PAY, HALF_LOAD_CLIENTS, pause_ms)

    async def _pgbench(self, clients: int) -> None:
        result = await pgbench.run(self.pgbench_dsn, clients, self.plan.seconds)
        self._keep(Measure(case="pgbench", clients=clients, rate=result.rate))

    async def _empty(self, clients: int) -> None:
        load = await send(f"{self.empty.url}/", clients, self.plan.seconds)
        self._keep(Measure(case="empty", clients=clients, rate=load.rate, p50_ms=load.p50_ms, p99_ms=load.p99_ms))

    def _keep(self, measure: Measure) -> None:
        self.measures.append(measure)
        self.told(measure)

    def _cpu(self) -> tuple[dict[int, float], dict[int, float]]:
        database = database_processes(self.plan.directory / "postgres")
        return cpu_seconds(self.served.processes()), cpu_seconds(database)

    def _used(self, before: tuple[dict[int, float], dict[int, float]]) -> tuple[float, float]:
        after = self._cpu()
        return cpu_used(before[0], after[0]), cpu_used(before[1], after[1])


async def bench(plan: Plan, progress: Progress, told: Told) -> Report:
    """Measure, verify, report. Raises LoadError, EmbeddedPostgresError."""
    find_wrk()
    started_at = datetime.now(UTC)
    async with database_address(plan.settings) as dsn, open_service(plan.settings) as service:
        stalls = await stock(service, plan, progress)
        pgbench_dsn = pgbench.beside(dsn)
        progress("pgbench's tables", 0, 1)
        await pgbench.prepare(dsn, pgbench_dsn)
        progress("pgbench's tables", 1, 1)
        async with serving_service(plan) as served, serving_nothing() as empty:
            run = Run(plan, service, served, empty, pgbench_dsn, stalls, told)
            half_load = await run.everything()
        report = await verify(service.pool)
        payments = await service.pool.fetchval("SELECT count(*) FROM transaction WHERE operation = 'Pay'")
        version = await service.pool.fetchval("SHOW server_version")
    measures = tuple(run.measures)
    return Report(
        version=tallystick.__version__,
        started_at=started_at.isoformat(timespec="seconds"),
        machine=this_machine(version),
        settings={
            "instruments": plan.instruments,
            "sellers": plan.sellers,
            "seconds": plan.seconds,
            "workers": plan.workers,
        },
        measures=measures,
        goals=goals(measures, half_load),
        problems=tuple(report.problems),
        payments_in_books=payments,
    )


async def stock(service: Service, plan: Plan, progress: Progress) -> list[Stall]:
    """Sellers with balances, and one of them with tabs and charges too."""
    stocker = Stocker(service, progress)
    stalls = [await open_stall(service) for _ in range(plan.sellers)]
    balances = plan.instruments * 4 // 5
    await stocker.balances(stalls[0], balances // 2)
    for stall in stalls[1:]:
        await stocker.balances(stall, balances // 2 // (plan.sellers - 1))
    await stocker.tabs(stalls[0], plan.instruments - balances)
    await stocker.charges(stalls[0], CHARGES, REFUNDABLE_MICROS)
    await service.pool.execute("VACUUM (ANALYZE)")
    await service.pool.execute("CHECKPOINT")
    return stalls


@asynccontextmanager
async def serving_service(plan: Plan) -> AsyncIterator[Served]:
    """The service on a free port, as `tallystick serve` runs it, its worker included."""
    port = free_port()
    arguments = ["tallystick", "serve", "--host", HOST, "--port", str(port)]
    if plan.workers > 1:
        arguments += ["--workers", str(plan.workers)]
    environment = {"TALLYSTICK_DATA_DIRECTORY": str(plan.directory), "TALLYSTICK_LOG_LEVEL": "error"}
    async with serving(arguments, environment, port=port) as served:
        yield served


@asynccontextmanager
async def serving_nothing() -> AsyncIterator[Served]:
    """The empty handler on a free port."""
    port = free_port()
    async with serving(["tallystick.cli.empty_handler", str(port)], {}, port=port) as served:
        yield served
