"""The service under measurement, with the sellers whose balances and tabs are charged."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import psutil

from tallystick.bench.cases import BATCH, Case, Whose
from tallystick.bench.load.references import Asked, Unanswered, noting
from tallystick.bench.load.requests import RequestSigner
from tallystick.bench.load.slices import Noise, ResourceUsage, Slice
from tallystick.bench.load.wrk import Load, LoadError, NothingAnsweredError, request_file, send
from tallystick.bench.target.cpu import Watched
from tallystick.bench.target.processes import ServerProcess, memory_mb
from tallystick.bench.target.sellers import BenchmarkSeller
from tallystick.domain.ids import transaction_ids_from
from tallystick.services.context import Service

_LONELY_SHARE: Final = 0.3
"""The share of the likely rate that a single client may reach, so that not too many requests are prepared for it."""

_LAST_ONES_SECONDS: Final = 0.5

_LOOKED_AT: Final = 1
"""Of prepared requests wrk sends all but the first, at which it only looks."""

_LONG_SECONDS: Final = 600
"""Of a load that ends with its requests: longer than they can take."""

_SPARE: Final = 2
"""How many times as many requests are prepared as were answered in the slice before."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Clients that send one kind of load. `pause_ms`: of each between an answer and its next request.

    `later`: how many seconds after the others of the same slice they begin, and how many before them they end.
    """

    case: Case
    clients: int
    pause_ms: int = 0
    later: float = 0


@dataclass(slots=True)
class Target:
    """The service under measurement. `served` answers; `service`, in this process, has the same books to check them.

    `many`: the sellers of cases that charge many small ones. `beside`: other ways to run the service, by their names
    in `cases.py`, on the same books. `directory`: where requests wait to be sent. `postmaster`: of the database, where
    it is on this machine. `longest_seconds`: a slice in which nothing is answered is measured again for twice as long,
    up to so long.
    """

    directory: Path
    service: Service
    served: ServerProcess
    sellers: list[BenchmarkSeller]
    postmaster: psutil.Process | None
    many: list[BenchmarkSeller] = field(default_factory=list)
    beside: Mapping[str, ServerProcess] = field(default_factory=dict)
    longest_seconds: float = 60
    unanswered: Unanswered = field(default_factory=Unanswered)
    _requests: dict[tuple[str, int], Iterator[bytes]] = field(default_factory=dict)
    _rates: dict[tuple[str, int], float] = field(default_factory=dict)

    async def slice(self, case: Case, clients: int, seconds: float, pause_ms: int = 0) -> Slice:
        """Measure a slice; its requests continue where those of the slice before ended.

        Raises LoadError, also when the books do not have what was answered.
        """
        return (await self.slices([Crowd(case, clients, pause_ms)], seconds))[0]

    async def slices(self, crowds: Sequence[Crowd], seconds: float) -> list[Slice]:
        """Measure several loads at the same time. Raises LoadError, as `slice` does.

        On a busy machine one batch of a thousand payments can take longer than a slice: it is measured again then.
        """
        while True:
            counts = [self._count(one, seconds) for one in crowds]
            measured = await self._slices(crowds, seconds, counts)
            silent = [one for one in measured if not one.units]
            if silent:
                if seconds >= self.longest_seconds:
                    raise LoadError(f"nothing was answered to {silent[0].clients} clients in {seconds:g} s")
                seconds *= 2
                continue
            short = [
                crowd
                for crowd, count, one in zip(crowds, counts, measured, strict=True)
                if one.load is not None and one.load.requests >= count - _LOOKED_AT - crowd.clients
            ]
            if not short:
                self._prepare_fewer(crowds, measured)
                return measured
            for crowd in short:  # the requests ran out: measure again, with twice as many
                self._rates[crowd.case.name, crowd.clients] *= 2

    async def every_balance(self, case: Case, clients: int) -> Slice:
        """Charge every balance once. Raises LoadError, as `slice` does."""
        return await self.every(case, clients, sum(len(seller.balances) for seller in self.charged_by(case)))

    async def every(self, case: Case, clients: int, count: int) -> Slice:
        """Send so many requests of a case, however long that takes. Raises LoadError, as `slice` does."""
        return (await self._slices([Crowd(case, clients)], _LONG_SECONDS, [count + _LOOKED_AT]))[0]

    def _prepare_fewer(self, crowds: Sequence[Crowd], measured: Sequence[Slice]) -> None:
        """Signing requests that nobody sends takes longer than sending the others."""
        for crowd, one in zip(crowds, measured, strict=True):
            if one.load is not None and not crowd.pause_ms:
                key = crowd.case.name, crowd.clients
                self._rates[key] = min(self._rates[key], _SPARE * one.load.requests / one.seconds)

    def _count(self, crowd: Crowd, seconds: float) -> int:
        """How many requests to prepare. If they run out before the end of the slice, the rate would be too low."""
        rate = self._rates.setdefault((crowd.case.name, crowd.clients), _likely_rate(crowd.case, crowd.clients))
        return int(rate * seconds) + crowd.clients + _LOOKED_AT

    async def _slices(self, crowds: Sequence[Crowd], seconds: float, counts: Sequence[int]) -> list[Slice]:
        asked: list[list[tuple[str, ...]]] = [[] for _ in crowds]
        with ExitStack() as stack:
            files = []
            for number, (crowd, count) in enumerate(zip(crowds, counts, strict=True)):
                requests = noting(self._requests_of(crowd.case, crowd.clients), asked[number])
                files.append(stack.enter_context(request_file(self.directory, requests, count, f"requests-{number}")))
            gc.collect()
            since, written, watched = self.service.clock(), await self._written(), Watched()
            served = self._answering(crowds[0].case).processes()
            with watched.watch(served, self.postmaster):
                loads = await asyncio.gather(
                    *(
                        self._send(crowd, seconds, file, note_answers=any(references))
                        for crowd, file, references in zip(crowds, files, asked, strict=True)
                    )
                )
            used = ResourceUsage(watched.time, memory_of(served), await self._written() - written)
        await self._check_books(since, crowds, list(zip(asked, loads, strict=True)))
        return [
            Slice(
                case=crowd.case.name,
                clients=crowd.clients,
                units=load.requests * (crowd.case.payments or 1),
                seconds=load.seconds,
                load=load,
                used=used if len(crowds) == 1 else None,  # of several together, nobody knows whose it was
                noise=noise_of(watched),
            )
            for crowd, load in zip(crowds, loads, strict=True)
        ]

    async def _send(self, crowd: Crowd, seconds: float, file: Path, *, note_answers: bool) -> Load:
        """A load without an answer is one of no requests: what was sent is looked for in the books like any other."""
        await asyncio.sleep(crowd.later)
        try:
            return await send(
                f"{self._answering(crowd.case).url}/",
                crowd.clients,
                seconds - 2 * crowd.later,
                file,
                crowd.pause_ms,
                note_answers=note_answers,
            )
        except NothingAnsweredError as error:
            return error.load

    def _requests_of(self, case: Case, clients: int) -> Iterator[bytes]:
        key = case.name, clients
        if key not in self._requests:
            signer = RequestSigner(self._answering(case).url, self.service.clock)
            self._requests[key] = case.requests(signer, self.charged_by(case))
        return self._requests[key]

    def charged_by(self, case: Case) -> list[BenchmarkSeller]:
        """The sellers whose balances a case charges."""
        few, many = case.whose is not Whose.MANY, case.whose is not Whose.FEW
        return [*(self.sellers if few else ()), *(self.many if many else ())]

    def _answering(self, case: Case) -> ServerProcess:
        return self.beside.get(case.server, self.served)

    async def _check_books(self, since: datetime, crowds: Sequence[Crowd], loads: Sequence[tuple[Asked, Load]]) -> None:
        """Check that every answered payment is in the books, and nothing that nobody asked for."""
        if not any(any(asked) for asked, _ in loads):
            return
        await asyncio.sleep(_LAST_ONES_SECONDS)  # for the last requests, whose clients have disconnected
        books = {seller.book_id for crowd in crowds for seller in self.charged_by(crowd.case)}
        books.update(seller.book_id for seller in self.sellers)
        rows = await self.service.pool.fetch(
            "SELECT transaction_id, caller_reference FROM transaction"
            " WHERE book_id = ANY($1::bigint[]) AND transaction_id >= $2 AND status = 'Success'"
            " AND operation IN ('Pay', 'Refund')",
            list(books),
            transaction_ids_from(int(since.timestamp() * 1000)),
        )
        problems = self.unanswered.compare(loads, [(row["transaction_id"], row["caller_reference"]) for row in rows])
        if problems:
            raise LoadError("; ".join(problems))

    async def _written(self) -> float:
        """Bytes of write-ahead log that the server has written so far."""
        return float(await self.service.pool.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"))


def memory_of(served: Sequence[psutil.Process]) -> float:
    """Resident memory of the largest of these processes, in units of 10⁶ bytes; 0 where they have all ended."""
    sizes = []
    for process in served:
        with suppress(psutil.Error):
            sizes.append(memory_mb(process))
    return max(sizes, default=0.0)


def noise_of(watched: Watched) -> Noise | None:
    """What others had of the processors; None where the system does not say."""
    others = watched.time.others
    return None if others is None else Noise(watched.share(others), watched.share(watched.time.stolen))


def _likely_rate(case: Case, clients: int) -> float:
    return case.likely_rate * (_LONELY_SHARE if clients == 1 and case is not BATCH else 1)
