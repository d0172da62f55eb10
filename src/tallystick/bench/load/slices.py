"""A run is cut into slices, one of each case in each round: changes in the machine's speed affect all cases alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.bench.load.wrk import Load
from tallystick.bench.measures import Measure


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Resources used: CPU seconds of the API and of the database, and resident memory of the API, in 10⁶ bytes.

    `database_seconds`: None where the database is on another machine.
    """

    api_seconds: float
    database_seconds: float | None
    memory_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One case under load for a few seconds. `units`: requests, transactions, or payments of batches that were done.

    `load`: what the load generator measured; None of pgbench. `used`: None where it was not measured.
    """

    case: str
    clients: int
    units: float
    seconds: float
    load: Load | None = None
    used: ResourceUsage | None = None

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.units / self.seconds


def together(slices: Sequence[Slice]) -> Measure:
    """The total of slices of one case and number of clients: sums over sums, and percentiles of all requests."""
    first = slices[0]
    thousands = sum(one.units for one in slices) / 1000
    loads = [one.load for one in slices if one.load is not None]
    used = [one.used for one in slices if one.used is not None]
    spent = [one.database_seconds for one in used if one.database_seconds is not None]
    return Measure(
        case=first.case,
        clients=first.clients,
        rate=1000 * thousands / sum(one.seconds for one in slices),
        lowest_rate=min(one.rate for one in slices),
        highest_rate=max(one.rate for one in slices),
        p50_ms=percentile_ms(loads, 50) if loads else None,
        p99_ms=percentile_ms(loads, 99) if loads else None,
        api_cpu=sum(one.api_seconds for one in used) / thousands if used else None,
        database_cpu=sum(spent) / thousands if spent else None,
        memory_mb=max((one.memory_mb for one in used), default=None),
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
