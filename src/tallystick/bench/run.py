"""One run: everything is measured in turn on one machine and one database server, then the books are verified."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import tallystick
from tallystick.bench.cases import BATCH, CASES, FLOODS, NEIGHBOUR, PAY, Case
from tallystick.bench.load import pgbench
from tallystick.bench.load.slices import Slice, together
from tallystick.bench.load.wrk import LoadError, find_wrk, send
from tallystick.bench.measures import BESIDE, BenchReport, Measure, best, goals
from tallystick.bench.target.databases import execute
from tallystick.bench.target.machine import this_machine
from tallystick.bench.target.processes import HOST, ServerProcess, free_port, serving
from tallystick.bench.target.sellers import REFUNDABLE_MICROS, BenchmarkSeller, Progress, Provisioner, open_seller
from tallystick.bench.target.server import database_on, find_postmaster
from tallystick.bench.target.service import Crowd, Target
from tallystick.db.database import check_reachable
from tallystick.services.context import Service
from tallystick.settings import PREFIX, Settings
from tallystick.store.ledger.verify import verify
from tallystick.wiring import MAX_CONNECTIONS, MONEY_CONNECTIONS, database_address, open_service

CLIENTS: Final = (1, 16, 64, 256)
BATCH_CLIENTS: Final = (1, 4)
HALF_LOAD_CLIENTS: Final = 64
MAX_CHARGES: Final = 5_000
INSTRUMENTS_PER_BRANCH: Final = 5_000
"""For so many instruments pgbench has one branch, of a hundred thousand rows: both databases grow together."""
NEIGHBOUR_CLIENTS: Final = 4
NEIGHBOUR_PAUSE_MS: Final = 20
"""Of each of its clients: together about a hundred payments a second, which a calm service does not notice."""
HEAD_START_SECONDS: Final = 0.5
"""A flood begins so long before the neighbour is measured, and ends so long afterwards."""
_CONNECTIONS_OF_A_PROCESS: Final = MAX_CONNECTIONS + MONEY_CONNECTIONS + 4  # some to spare

OnSlice = Callable[[Slice], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure. `instruments` in all: four of five are balances, spread over `sellers`; the rest tabs of one.

    `seconds`: how long each case is measured with each number of clients, cut into `rounds` slices. `database_url`: on
    a server that is given; None: an embedded one, in `directory`.
    """

    directory: Path
    database_url: str | None = None
    instruments: int = 100_000
    sellers: int = 8
    seconds: float = 10
    rounds: int = 5
    clients: tuple[int, ...] = CLIENTS
    workers: int = 1
    cases: tuple[Case, ...] = CASES

    @property
    def settings(self) -> Settings:
        """The settings of the service under measurement: the defaults, except where its data is."""
        return Settings(data_directory=self.directory, database_url=self.database_url, log_level="error")

    @property
    def charges(self) -> int:
        """How many charges there are to be read and refunded."""
        return min(MAX_CHARGES, self.instruments)

    @property
    def pgbench_scale(self) -> int:
        """The size of pgbench's database, in branches."""
        return min(pgbench.MAX_SCALE, max(1, self.instruments // INSTRUMENTS_PER_BRANCH))

    @property
    def slice_seconds(self) -> int:
        """The length of a slice, in whole seconds, as the load generators need."""
        return max(1, round(self.seconds / self.rounds))


@dataclass(slots=True)
class BenchRun:
    """The parts of a run that is under way."""

    plan: Plan
    target: Target
    empty: ServerProcess
    pgbench_dsn: str
    progress: Progress
    on_slice: OnSlice
    failures: list[str] = field(default_factory=list)
    """Why slices are missing."""
    interrupted: bool = False
    _slices: defaultdict[tuple[str, int], list[Slice]] = field(default_factory=lambda: defaultdict(list))

    async def everything(self) -> tuple[tuple[Measure, ...], Measure | None]:
        """All cases in rounds, and Pay at half of its best rate afterwards, if Pay is among them.

        A slice that fails leaves the others as they are; whoever interrupts the run hears what it has. Raises
        LoadError, CancelledError: there is nothing yet.
        """
        half_load = None
        try:
            await self._rounds()
            if self._slices and PAY in self.plan.cases:
                half_load = await self._half_load(best(self._measures(), PAY.name))
        except LoadError as error:
            self.failures.append(str(error))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not self._slices:
                raise
            task.uncancel()
            self.interrupted = True
        if not self._slices:
            raise LoadError("; ".join(self.failures))
        return self._measures(), half_load

    def _measures(self) -> tuple[Measure, ...]:
        return tuple(together(slices) for slices in self._slices.values())

    async def _rounds(self) -> None:
        for warm_up in self._of_neighbours():  # first calls find no caches, and would be the slowest hundredth
            await warm_up()
        steps = [*self._steps()] * self.plan.rounds
        for number, step in enumerate(steps):
            self.progress("measuring", number, len(steps))
            try:
                slices = await step()
            except LoadError as error:
                self.failures.append(str(error))
                continue
            for measured in slices:
                self._slices[measured.case, measured.clients].append(measured)
                self.on_slice(measured)
        self.progress("measuring", len(steps), len(steps))

    def _steps(self) -> Iterator[Callable[[], Awaitable[Sequence[Slice]]]]:
        """What is measured in a round, in order."""
        own_clients = (BATCH, NEIGHBOUR)
        others = [case for case in self.plan.cases if case not in own_clients]
        for clients in self.plan.clients if others or BATCH in self.plan.cases else ():
            yield partial(self._pgbench, clients)
            yield partial(self._empty, clients)
            for case in others:
                yield partial(self._case, case, clients)
        if BATCH in self.plan.cases:
            for clients in BATCH_CLIENTS:
                yield partial(self._case, BATCH, clients)
        yield from self._of_neighbours()

    def _of_neighbours(self) -> Iterator[Callable[[], Awaitable[Sequence[Slice]]]]:
        if NEIGHBOUR in self.plan.cases:
            yield self._calm
            for flood, clients in FLOODS:
                yield partial(self._beside, flood, clients)

    async def _case(self, case: Case, clients: int) -> Sequence[Slice]:
        return [await self.target.slice(case, clients, self.plan.slice_seconds)]

    async def _calm(self) -> Sequence[Slice]:
        neighbour = Crowd(NEIGHBOUR, NEIGHBOUR_CLIENTS, NEIGHBOUR_PAUSE_MS)
        return await self.target.slices([neighbour], self.plan.slice_seconds)

    async def _beside(self, flood: Case, clients: int) -> Sequence[Slice]:
        """The neighbour again, for as long, while another seller floods the service."""
        neighbour = Crowd(NEIGHBOUR, NEIGHBOUR_CLIENTS, NEIGHBOUR_PAUSE_MS, later=HEAD_START_SECONDS)
        seconds = self.plan.slice_seconds + 2 * HEAD_START_SECONDS
        beside, flooding = await self.target.slices([neighbour, Crowd(flood, clients)], seconds)
        return replace(beside, case=BESIDE + flood.name), flooding

    async def _half_load(self, best_rate: float) -> Measure:
        """Measure Pay at half of its best rate, from clients that pause between requests; a trial finds the pause."""
        pause_ms = pause_for(best_rate / 2)
        tried = await self.target.slice(PAY, HALF_LOAD_CLIENTS, self.plan.slice_seconds, pause_ms)
        pause_ms = pause_for(best_rate / 2, answer_ms=1000 * HALF_LOAD_CLIENTS / tried.rate - pause_ms)
        half = await self.target.slice(PAY, HALF_LOAD_CLIENTS, self.plan.seconds, pause_ms)
        self.on_slice(replace(half, case="pay, half"))
        return together([half])

    async def _pgbench(self, clients: int) -> Sequence[Slice]:
        seconds = self.plan.slice_seconds
        rate = await pgbench.run(self.pgbench_dsn, clients, seconds)
        return [Slice(case="pgbench", clients=clients, units=rate * seconds, seconds=seconds)]

    async def _empty(self, clients: int) -> Sequence[Slice]:
        load = await send(f"{self.empty.url}/", clients, self.plan.slice_seconds)
        return [Slice(case="empty", clients=clients, units=load.requests, seconds=load.seconds, load=load)]


def pause_for(rate: float, answer_ms: float = 0) -> int:
    """The pause of each client at half load, in milliseconds, for `rate` over all clients and this response time."""
    return max(1, round(1000 * HALF_LOAD_CLIENTS / rate - answer_ms))


async def bench(plan: Plan, progress: Progress, on_slice: OnSlice, server: str | None = None) -> BenchReport:
    """Measure, verify, report: on a database of its own on `server`, if that is given.

    Raises LoadError, EmbeddedPostgresError, NoDatabaseError.
    """
    find_wrk()
    if server is None:
        return await _bench(plan, progress, on_slice)
    await check_reachable(server)
    async with database_on(server) as dsn:
        return await _bench(replace(plan, database_url=dsn), progress, on_slice)


async def _bench(plan: Plan, progress: Progress, on_slice: OnSlice) -> BenchReport:
    started_at = datetime.now(UTC)
    async with database_address(plan.settings) as address, open_service(plan.settings) as service:
        await _check_connections(service, plan)
        sellers = await provision(service, plan, progress)
        progress("pgbench's tables", 0, 1)
        async with (
            pgbench.database_on(address.admin, plan.pgbench_scale) as pgbench_dsn,
            serving_service(plan) as served,
            serving_nothing(plan.workers) as empty,
        ):
            progress("pgbench's tables", 1, 1)
            target = Target(plan.directory, service, served, sellers, await find_postmaster(service.pool))
            running = BenchRun(plan, target, empty, pgbench_dsn, progress, on_slice)
            measures, half_load = await running.everything()
        problems = [] if running.interrupted else (await verify(service.pool)).problems
        payments = await service.pool.fetchval("SELECT count(*) FROM transaction WHERE operation = 'Pay'")
        version = await service.pool.fetchval("SHOW server_version")
    return BenchReport(
        version=tallystick.__version__,
        started_at=started_at.isoformat(timespec="seconds"),
        machine=this_machine(version),
        settings={
            "instruments": plan.instruments,
            "sellers": plan.sellers,
            "seconds": plan.seconds,
            "rounds": plan.rounds,
            "workers": plan.workers,
        },
        measures=measures,
        half_load=half_load,
        goals=goals(measures, half_load),
        problems=tuple(problems),
        payments_in_books=payments,
        late_payments=target.unanswered.late,
        failures=tuple(running.failures),
        interrupted=running.interrupted,
    )


async def _check_connections(service: Service, plan: Plan) -> None:
    """Raises LoadError: pgbench, of which each client has a connection, would fail in the middle of the run."""
    maximum = int(await service.pool.fetchval("SHOW max_connections"))
    free = maximum - _CONNECTIONS_OF_A_PROCESS * (plan.workers + 1)
    if max(plan.clients) > free:
        raise LoadError(
            f"the database server takes {maximum} connections, too few for so many clients; --clients: {free}"
        )


async def provision(service: Service, plan: Plan, progress: Progress) -> list[BenchmarkSeller]:
    """Create sellers with balances; the first also gets tabs and charges."""
    provisioner = Provisioner(service, progress)
    sellers = [await open_seller(service) for _ in range(plan.sellers)]
    balances = plan.instruments * 4 // 5
    await provisioner.balances(sellers[0], balances // 2)
    for seller in sellers[1:]:
        await provisioner.balances(seller, balances // 2 // (plan.sellers - 1))
    await provisioner.tabs(sellers[0], plan.instruments - balances)
    await provisioner.charges(sellers[0], plan.charges, REFUNDABLE_MICROS)
    await tidy(plan)
    return sellers


async def tidy(plan: Plan) -> None:
    """Leave the database as one that has been in use for long: with statistics, and nothing to be written yet."""
    async with database_address(plan.settings) as address:
        await execute(address.admin, "VACUUM (ANALYZE)", "CHECKPOINT")


@asynccontextmanager
async def serving_service(plan: Plan) -> AsyncIterator[ServerProcess]:
    """The service on a free port, as `tallystick serve` runs it, its worker included."""
    port = free_port()
    arguments = ["tallystick", "serve", "--host", HOST, "--port", str(port)]
    if plan.workers > 1:
        arguments += ["--workers", str(plan.workers)]
    environment = {f"{PREFIX}DATA_DIRECTORY": str(plan.directory), f"{PREFIX}LOG_LEVEL": "error"}
    if plan.database_url is not None:
        environment[f"{PREFIX}DATABASE_URL"] = plan.database_url
    async with serving(arguments, environment, port=port) as served:
        yield served


@asynccontextmanager
async def serving_nothing(workers: int = 1) -> AsyncIterator[ServerProcess]:
    """The empty handler on a free port, in as many processes as the service has."""
    port = free_port()
    async with AsyncExitStack() as stack:
        arguments = ["tallystick.cli.serving.empty_handler", str(port)]
        if workers > 1:
            arguments += ["shared"]
        served = await stack.enter_async_context(serving(arguments, {}, port=port))
        for _ in range(1, workers):
            await stack.enter_async_context(serving(arguments, {}, port=port))
        yield served
