"""A run is cut into slices, one of each case in each round: changes in the machine's speed affect all cases alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.bench.load.wrk import Load
from tallystick.bench.measures import Measure
from tallystick.bench.target.cpu import CpuTime


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Resources used: CPU time by part, resident memory of the API in 10⁶ bytes, bytes of write-ahead log.

    `log_bytes`: None where the database is on another machine.
    """

    cpu: CpuTime
    memory_mb: float
    log_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """What others had of the processors while a slice was measured, in per cent of all of them.

    `others`: programs that are no part of the run; `stolen`: other machines on the same processors.
    """

    others: float
    stolen: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One case under load for a few seconds. `units`: requests, transactions, or payments of batches that were done.

    `load`: what the load generator measured; None of pgbench. `used`, `noise`: None where it was not measured.
    `delivered`: of notifications about these payments, how many had arrived. `p99_ms`: as whoever has no `load` says.
    """

    case: str
    clients: int
    units: float
    seconds: float
    load: Load | None = None
    used: ResourceUsage | None = None
    noise: Noise | None = None
    delivered: int | None = None
    p99_ms: float | None = None

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.units / self.seconds


def together(slices: Sequence[Slice], missing: int = 0) -> Measure:
    """The total of slices of one case and number of clients: sums over sums, and percentiles of all requests.

    `missing`: how many of them failed.
    """
    first = slices[0]
    thousands = sum(one.units for one in slices) / 1000
    loads = [one.load for one in slices if one.load is not None]
    used = [one.used for one in slices if one.used is not None]
    database = [one.cpu.database for one in used if one.cpu.database is not None]
    written = [one.log_bytes for one in used if one.log_bytes is not None]
    delivered = [one.delivered for one in slices if one.delivered is not None]
    noises = [one.noise for one in slices if one.noise is not None]
    told = [one.p99_ms for one in slices if one.p99_ms is not None]
    backends = sum(one.backends for one in database) / thousands if database else None
    return Measure(
        case=first.case,
        clients=first.clients,
        rate=1000 * thousands / sum(one.seconds for one in slices),
        lowest_rate=min(one.rate for one in slices),
        highest_rate=max(one.rate for one in slices),
        p50_ms=percentile_ms(loads, 50) if loads else None,
        p99_ms=percentile_ms(loads, 99) if loads else max(told, default=None),
        api_cpu=sum(one.cpu.api for one in used) / thousands if used else None,
        database_cpu=sum(one.backends + one.auxiliaries for one in database) / thousands if database else None,
        backends_cpu=backends,
        load_cpu=sum(one.cpu.load for one in used) / thousands if used else None,
        memory_mb=max((one.memory_mb for one in used), default=None),
        log_bytes=sum(written) / (1000 * thousands) if written else None,
        delivered=sum(delivered) / (1000 * thousands) if delivered else None,
        others_percent=max((one.others for one in noises), default=None),
        stolen_percent=max((one.stolen for one in noises), default=None),
        missing=missing,
    )


def percentile_ms(loads: Sequence[Load], percent: float) -> float:
    """The percentile over all requests of these loads; each latency of a load stands for as many of its requests."""
    weighted = sorted(
        (latency, load.requests / len(load.latencies_ms)) for load in loads for latency in load.latencies_ms
    )
    left = sum(weight for _, weight in weighted) * percent / 100
    for latency, weight in weighted:
        left -= weight
        if left <= 0:
            return latency
    return weighted[-1][0]
