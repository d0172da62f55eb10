"""The service under measurement, with the sellers whose balances and tabs are charged."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import psutil

from tallystick.bench.cases import BATCH, Case
from tallystick.bench.load.requests import RequestSigner
from tallystick.bench.load.slices import ResourceUsage, Slice
from tallystick.bench.load.wrk import Load, LoadError, request_file, send
from tallystick.bench.target.processes import ServerProcess, cpu_seconds, cpu_used, memory_mb
from tallystick.bench.target.sellers import BenchmarkSeller
from tallystick.domain.ids import transaction_ids_from
from tallystick.services.context import Service

_LONELY_SHARE: Final = 0.3
"""The share of the likely rate that a single client may reach, so that not too many requests are prepared for it."""

_LAST_ONES_SECONDS: Final = 0.5

Cpu = tuple[dict[int, float], dict[int, float] | None]


@dataclass(slots=True)
class Target:
    """The service under measurement. `served` answers; `service`, in this process, has the same books to check them.

    `directory`: where requests wait to be sent. `postmaster`: of the database, where it is on this machine.
    """

    directory: Path
    service: Service
    served: ServerProcess
    sellers: list[BenchmarkSeller]
    postmaster: psutil.Process | None
    _requests: dict[tuple[str, int], Iterator[bytes]] = field(default_factory=dict)
    _rates: dict[tuple[str, int], float] = field(default_factory=dict)

    async def slice(self, case: Case, clients: int, seconds: float, pause_ms: int = 0) -> Slice:
        """Measure a slice; its requests continue where those of the slice before ended.

        Raises LoadError, also when the books do not have what was answered.
        """
        while True:
            rate = self._rates.setdefault((case.name, clients), _likely_rate(case, clients))
            count = int(rate * seconds) + clients
            measured = await self._slice(case, clients, seconds, pause_ms, count)
            if measured.load is None or measured.load.requests <= count - clients:
                return measured
            self._rates[case.name, clients] = 2 * rate  # the requests ran out: measure again, with twice as many

    async def _slice(self, case: Case, clients: int, seconds: float, pause_ms: int, count: int) -> Slice:
        """Measure a slice with `count` requests. If they run out before its end, the rate is too low."""
        asked_for: list[int] = []
        requests = _noting(self._requests_of(case, clients), case, asked_for)
        with request_file(self.directory, requests, count) as file:
            gc.collect()
            since, before = self.service.clock(), self._cpu()
            load = await send(f"{self.served.url}/", clients, seconds, file, pause_ms)
            used = self._used(before)
        await self._check_books(since, load, asked_for)
        return Slice(
            case=case.name,
            clients=clients,
            units=load.requests * (case.payments or 1),
            seconds=load.seconds,
            load=load,
            used=used,
        )

    def _requests_of(self, case: Case, clients: int) -> Iterator[bytes]:
        key = case.name, clients
        if key not in self._requests:
            self._requests[key] = case.requests(RequestSigner(self.served.url, self.service.clock), self.sellers)
        return self._requests[key]

    async def _check_books(self, since: datetime, load: Load, asked_for: Sequence[int]) -> None:
        """Check that every answered payment is in the books, and no more than were in flight when the load ended."""
        if not any(asked_for):
            return
        await asyncio.sleep(_LAST_ONES_SECONDS)  # for the last requests, whose clients have disconnected
        first = transaction_ids_from(int(since.timestamp() * 1000))
        made = 0
        for seller in self.sellers:
            made += await self.service.pool.fetchval(
                "SELECT count(*) FROM transaction"
                " WHERE book_id = $1 AND transaction_id >= $2 AND status = 'Success'"
                " AND operation IN ('Pay', 'Refund')",
                seller.book_id,
                first,
            )
        minimum, maximum = due(asked_for, load)
        if not minimum <= made <= maximum:
            raise LoadError(
                f"{minimum} payments at least were answered, {maximum} at most, and {made} are in the books"
            )

    def _cpu(self) -> Cpu:
        served = cpu_seconds(self.served.processes())
        if self.postmaster is None:
            return served, None
        return served, cpu_seconds([self.postmaster, *self.postmaster.children(recursive=True)])

    def _used(self, before: Cpu) -> ResourceUsage:
        after = self._cpu()
        return ResourceUsage(
            cpu_used(before[0], after[0]),
            None if before[1] is None or after[1] is None else cpu_used(before[1], after[1]),
            max(memory_mb(process) for process in self.served.processes()),
        )


def _noting(requests: Iterator[bytes], case: Case, asked_for: list[int]) -> Iterator[bytes]:
    """The requests; the number of transactions that each makes is appended to `asked_for`."""
    for request in requests:
        asked_for.append(case.payments or writes(request))
        yield request


def writes(request: bytes) -> int:
    """How many transactions a request of the query API makes."""
    return int(b"Action=Pay&" in request or b"Action=Refund&" in request)


def due(asked_for: Sequence[int], load: Load) -> tuple[int, int]:
    """The least and the greatest number of transactions that may be in the books.

    Requests were sent in their order. Each client has one in flight when the load ends, done or not.
    """
    sent = asked_for[: load.requests + load.clients]
    under_way = sorted(sent, reverse=True)[: load.clients]
    return sum(sent) - sum(under_way), sum(sent)


def _likely_rate(case: Case, clients: int) -> float:
    return case.likely_rate * (_LONELY_SHARE if clients == 1 and case is not BATCH else 1)
