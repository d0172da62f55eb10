"""What is measured, in turn: all cases have a slice in each round, and some have their turn after all rounds."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import asyncpg
import httpx
import psutil

from tallystick.bench.cases import (
    BATCH,
    FLOODS,
    JSON,
    MEMORY,
    NEIGHBOUR,
    NOTIFIED,
    PAY,
    PINNED,
    TWO,
    TWO_PROCESSES,
    WARM_UP,
    Case,
)
from tallystick.bench.goals import HALF
from tallystick.bench.interruption import goes_on_to_report, is_ended_by
from tallystick.bench.load import pgbench
from tallystick.bench.load.slices import Slice, together
from tallystick.bench.load.wrk import LoadError, send
from tallystick.bench.measures import BESIDE, Measure, best
from tallystick.bench.plan import Plan
from tallystick.bench.target.cpu import Watched
from tallystick.bench.target.notified import notified
from tallystick.bench.target.pinning import ENOUGH, pinned
from tallystick.bench.target.processes import ServerProcess
from tallystick.bench.target.sellers import Progress
from tallystick.bench.target.service import Crowd, Target, noise_of
from tallystick.bench.warming import WARMING_CLIENTS, until_calm, warm_up
from tallystick.db.connections import UNAVAILABLE

BATCH_CLIENTS: Final = (1, 4)
HALF_LOAD_CLIENTS: Final = 64
NEIGHBOUR_CLIENTS: Final = 4
NEIGHBOUR_PAUSE_MS: Final = 20
"""Of each of its clients: together about a hundred payments a second, which a calm service does not notice."""
HEAD_START_SECONDS: Final = 0.5
"""A flood begins so long before the neighbour is measured, and ends so long afterwards."""

FAILURES: Final = (
    LoadError,
    *UNAVAILABLE,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    httpx.HTTPError,
    psutil.Error,
)
"""What a slice may fail by without the run: its load, its server, its database, or a process of theirs that ended."""

_REMEMBERED: Final = re.compile(
    r"^tallystick_commit_remembered_payments_total(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE
)

OnSlice = Callable[[Slice], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a round: what it measures, as figures are named, and how."""

    figures: Sequence[tuple[str, int]]
    measure: Callable[[], Awaitable[Sequence[Slice]]]

    @property
    def name(self) -> str:
        """What it measures, for people."""
        return ", ".join(f"{case} with {clients} clients" for case, clients in self.figures)


@dataclass(slots=True)
class BenchRun:
    """The measurements of a run that is under way."""

    plan: Plan
    target: Target
    empty: ServerProcess
    pgbench_dsn: str
    progress: Progress
    on_slice: OnSlice
    failures: list[str] = field(default_factory=list)
    """Why slices are missing."""
    warnings: list[str] = field(default_factory=list)
    """What else disturbed the measurement."""
    interrupted: bool = False
    half_load: Measure | None = None
    remembered: int | None = None
    _slices: defaultdict[tuple[str, int], list[Slice]] = field(default_factory=lambda: defaultdict(list))
    _missing: Counter[tuple[str, int]] = field(default_factory=Counter)

    async def everything(self) -> None:
        """All cases in rounds; then Pay at half of its best rate and the memory of the API, where they are to be had.

        A slice that fails leaves the others as they are; whoever interrupts the run hears what it has. Raises
        LoadError, CancelledError: there is nothing yet.
        """
        try:
            await self._warm_up()
            await self._rounds()
            await self._afterwards()
        except asyncio.CancelledError:
            if not goes_on_to_report(has_figures=bool(self._slices)):
                raise
            self.interrupted = True
        if not self._slices:
            raise LoadError("; ".join(self.failures))

    def measures(self) -> tuple[Measure, ...]:
        """What was measured so far."""
        return tuple(together(slices, self._missing[key]) for key, slices in self._slices.items())

    def slices(self) -> Iterator[Slice]:
        """All slices so far."""
        for slices in self._slices.values():
            yield from slices

    async def _warm_up(self) -> None:
        servers = sorted({case.server for case in self.plan.cases})
        for number, server in enumerate(servers):
            self.progress("warming up", number, len(servers))
            charge = partial(warm_up, self.target, server, in_json=JSON in self.plan.cases)
            await self._take(Turn([(WARM_UP.name, WARMING_CLIENTS)], charge), keep=False)
        self.progress("warming up", len(servers), len(servers))
        self.warnings += await until_calm(self.target.service.pool, self.progress)

    async def _rounds(self) -> None:
        for turn in self._of_neighbours():  # first calls find no caches, and would be the slowest hundredth
            await self._take(turn, keep=False)
        turns = [*self._turns()] * self.plan.rounds
        for number, turn in enumerate(turns):
            self.progress("measuring", number, len(turns))
            await self._take(turn)
        self.progress("measuring", len(turns), len(turns))

    async def _afterwards(self) -> None:
        if PAY in self.plan.cases and (peak := best(self.measures(), PAY.name)):
            await self._take(Turn([(HALF, HALF_LOAD_CLIENTS)], partial(self._half_load, peak)), keep=False)
        if MEMORY in self.plan.cases:
            await self._take(Turn([(MEMORY.name, HALF_LOAD_CLIENTS)], self._every_balance))

    async def _take(self, turn: Turn, *, keep: bool = True) -> None:
        """Measure once more. `keep`: whether it is one of the slices of figures. Raises CancelledError."""
        try:
            slices = await turn.measure()
        except FAILURES as error:
            if is_ended_by(error):
                raise asyncio.CancelledError from error
            self.failures.append(f"{turn.name}: {text_of(error)}")
            self._missing.update(turn.figures if keep else ())
            return
        for measured in slices if keep else ():
            self._slices[measured.case, measured.clients].append(measured)
            self.on_slice(measured)

    def _turns(self) -> Iterator[Turn]:
        """What is measured in a round, in order."""
        own_turn = (BATCH, NEIGHBOUR, NOTIFIED, MEMORY)
        others = [case for case in self.plan.cases if case not in own_turn]
        alone = {NEIGHBOUR, MEMORY}.issuperset(self.plan.cases)
        for clients in () if alone else self.plan.clients:
            yield Turn([("pgbench", clients)], partial(self._pgbench, clients))
            yield Turn([("empty", clients)], partial(self._empty, clients))
            for case in others:
                if clients in case.clients_of(self.plan.clients):
                    yield Turn([(case.name, clients)], partial(self._case, case, clients))
        if BATCH in self.plan.cases:
            for clients in BATCH_CLIENTS:
                yield Turn([(BATCH.name, clients)], partial(self._case, BATCH, clients))
        if NOTIFIED in self.plan.cases:
            for clients in NOTIFIED.clients_of(self.plan.clients):
                yield Turn([(NOTIFIED.name, clients)], partial(self._notified, clients))
        if TWO in self.plan.cases and (psutil.cpu_count() or 1) >= ENOUGH:
            clients = TWO.clients_of(self.plan.clients)[0]
            for case in PINNED:
                yield Turn([(case.name, clients)], partial(self._pinned, case, clients))
        yield from self._of_neighbours()

    def _of_neighbours(self) -> Iterator[Turn]:
        if NEIGHBOUR in self.plan.cases:
            yield Turn([(NEIGHBOUR.name, NEIGHBOUR_CLIENTS)], self._calm)
            for flood, clients in FLOODS:
                figures = [(BESIDE + flood.name, NEIGHBOUR_CLIENTS), (flood.name, clients)]
                yield Turn(figures, partial(self._beside, flood, clients))

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

    async def _notified(self, clients: int) -> Sequence[Slice]:
        """Pay while its seller is notified; the empty handler takes the notifications."""
        seller = self.target.sellers[0]
        async with notified(self.target.service, seller, f"{self.empty.url}/") as told:
            measured = await self.target.slice(NOTIFIED, clients, self.plan.slice_seconds)
        return [replace(measured, delivered=told.delivered)]

    async def _pinned(self, case: Case, clients: int) -> Sequence[Slice]:
        """A case with a processor for each API process, one for the load generator, the others for the database."""
        served = self.target.beside[TWO_PROCESSES] if case.server == TWO_PROCESSES else self.target.served
        database: list[psutil.Process] = []
        if self.target.postmaster is not None:
            database = [self.target.postmaster, *self.target.postmaster.children(recursive=True)]
        with pinned(served.processes(), database, range(psutil.cpu_count() or 1)):
            return await self._case(case, clients)

    async def _half_load(self, best_rate: float) -> Sequence[Slice]:
        """Measure Pay at half of its best rate, from clients that pause between requests; a trial finds the pause."""
        pause_ms = pause_for(best_rate / 2)
        tried = await self.target.slice(PAY, HALF_LOAD_CLIENTS, self.plan.slice_seconds, pause_ms)
        pause_ms = pause_for(best_rate / 2, answer_ms=1000 * HALF_LOAD_CLIENTS / tried.rate - pause_ms)
        half = replace(await self.target.slice(PAY, HALF_LOAD_CLIENTS, self.plan.seconds, pause_ms), case=HALF)
        self.on_slice(half)
        self.half_load = together([half])
        return [half]

    async def _every_balance(self) -> Sequence[Slice]:
        """Every balance once, so that it is remembered, and once more, which tells how many were."""
        await self.target.every_balance(MEMORY, HALF_LOAD_CLIENTS)
        before = await self._from_memory()
        measured = await self.target.every_balance(MEMORY, HALF_LOAD_CLIENTS)
        self.remembered = await self._from_memory() - before
        return [measured]

    async def _from_memory(self) -> int:
        """How many payments the service says that it has decided from memory. Raises LoadError: it does not say."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.target.served.url}/metrics")
        told = _REMEMBERED.findall(answer.text)  # a line for each process
        if not told:
            raise LoadError(
                f"/metrics does not tell how many payments were decided from memory: {answer.status_code} "
                f"{answer.text[:200]!r}"
            )
        return sum(int(float(count)) for count in told)

    async def _pgbench(self, clients: int) -> Sequence[Slice]:
        seconds, watched = self.plan.slice_seconds, Watched()
        with watched.watch([], self.target.postmaster):
            rate = await pgbench.run(self.pgbench_dsn, clients, seconds)
        return [Slice(case="pgbench", clients=clients, units=rate * seconds, seconds=seconds, noise=noise_of(watched))]

    async def _empty(self, clients: int) -> Sequence[Slice]:
        watched = Watched()
        with watched.watch([], self.target.postmaster):
            load = await send(f"{self.empty.url}/", clients, self.plan.slice_seconds)
        return [
            Slice(
                case="empty",
                clients=clients,
                units=load.requests,
                seconds=load.seconds,
                load=load,
                noise=noise_of(watched),
            )
        ]


def text_of(error: BaseException) -> str:
    """What went wrong, also where an error has no words of its own."""
    return str(error) or type(error).__name__


def pause_for(rate: float, answer_ms: float = 0) -> int:
    """The pause of each client at half load, in milliseconds, for `rate` over all clients and this response time."""
    return max(1, round(1000 * HALF_LOAD_CLIENTS / rate - answer_ms))
