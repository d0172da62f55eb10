"""What `/metrics` tells: the counters of all processes of this `serve`, for Prometheus.

The process that is asked collects from its peers and labels each one's samples. They are not added up: the sums would
fall whenever a process restarts and its counters begin at zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from tallystick.services.operations import monitoring
from tallystick.services.process.meter import BOUNDS_SECONDS

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.monitoring import DatabaseStatus, Queue

_PROCESS: Final = "process"
"""The label of the process."""


class Family(msgspec.Struct, frozen=True, array_like=True):
    """A metric family as one process sends it to another: its samples with name, labels and value."""

    name: str
    text: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


async def metrics_of_all(service: Service, accept: str) -> tuple[bytes, str]:
    """All metrics in the best format for the value of an Accept header, and its content type."""
    peers = await service.peers.ask()
    processes = {service.peers.name: _counted(service)} | {name: _decode(encoded) for name, encoded in peers.items()}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(AllMetrics(processes, await monitoring.observe(service)))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def export_metrics(service: Service) -> bytes:
    """This process's metrics, encoded for the peer process that asks."""
    return msgspec.json.encode(_counted(service))


def _counted(service: Service) -> list[Family]:
    families = [*ProcessMetrics(service).collect(), *ProcessCollector(registry=None).collect()]
    return [
        Family(
            family.name,
            family.documentation,
            family.type,
            [(sample.name, dict(sample.labels), float(sample.value)) for sample in family.samples],
        )
        for family in families
    ]


def _decode(encoded: bytes | None) -> list[Family] | None:
    """Decode a peer process's metrics; None when it did not answer, or broke off."""
    try:
        return None if encoded is None else msgspec.json.decode(encoded, type=list[Family])
    except msgspec.DecodeError:
        return None


@dataclass(frozen=True, slots=True, eq=False)  # a registry keeps it in a dictionary
class AllMetrics(Collector):
    """The metrics of every process and of the database.

    `processes`: None for one that does not answer. `observed`: None when the database does not.
    """

    processes: Mapping[str, Sequence[Family] | None]
    observed: DatabaseStatus | None

    def collect(self) -> Iterator[Metric]:
        """All families of metrics."""
        merged: dict[str, Metric] = {}
        running = GaugeMetricFamily("tallystick_process_up", "Whether the process answered.", labels=[_PROCESS])
        for process, families in sorted(self.processes.items()):
            running.add_metric([process], 0 if families is None else 1)
            for family in families or ():
                metric = merged.setdefault(family.name, Metric(family.name, family.text, family.kind))
                for name, labels, value in family.samples:
                    metric.add_sample(name, labels | {_PROCESS: process}, value)
        yield from merged.values()
        yield running
        up = GaugeMetricFamily("tallystick_database_up", "Whether the database answered this scrape.")
        up.add_metric([], 0 if self.observed is None else 1)
        yield up
        if self.observed is not None:
            yield from _queues(self.observed)
            yield from _last_verification(self.observed)
            yield from _running_proof(self.observed)


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """Converts the meter's counters when they are scraped, so that counting itself stays cheap."""

    service: Service

    def collect(self) -> Iterator[Metric]:
        """The metric families of this process."""
        yield from self._calls()
        yield from self._commits()
        yield from self._worker()
        off = "How far the clock of the process is ahead of the database's."
        yield GaugeMetricFamily("tallystick_clock_off_seconds", off, value=monitoring.clock_off_seconds(self.service))
        believed = "Whether clocks are believed: else no money moves."
        yield GaugeMetricFamily(
            "tallystick_clock_believed", believed, value=0 if monitoring.wrong_clock(self.service) else 1
        )

        if (room := monitoring.disk(self.service)) is not None:
            for name, text, value in (
                ("free", "Room that is left on the disk of the data directory.", room.free),
                ("total", "Size of the disk of the data directory.", room.total),
            ):
                yield GaugeMetricFamily(f"tallystick_disk_{name}_bytes", text, value=value)

    def _calls(self) -> Iterator[Metric]:
        meter = self.service.meter
        calls = CounterMetricFamily(
            "tallystick_requests",
            "API calls by action and outcome: ok, or the code of the refusal.",
            labels=["action", "outcome"],
        )
        for (action, outcome), count in meter.calls.items():
            calls.add_metric([action, outcome], count)
        yield calls
        seconds = HistogramMetricFamily("tallystick_request_seconds", "How long API calls took.", labels=["action"])
        bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
        for action, times in meter.times.items():
            seconds.add_metric(
                [action], list(zip(bounds, accumulate(times.counts), strict=True)), sum_value=times.sum_seconds
            )
        yield seconds

    def _commits(self) -> Iterator[Metric]:
        done = self.service.committer.statistics
        memory = self.service.committer.memory
        for name, text, count in (
            ("remembered_payments", "Payments that were decided from memory.", memory.hits),
            ("unremembered_payments", "Payments from instruments that had to be read for.", memory.misses),
            ("memory_clashes", "Groups that were decided from memory in vain.", memory.clashes),
            ("groups", "Commits of money, each for a group of commands of one book.", done.groups),
            ("commands", "Commands in those groups.", done.commands),
            (
                "overtaken_groups",
                "Groups of payments that had to lock, since others were faster.",
                done.version_conflicts,
            ),
            ("retried_groups", "Groups that failed, and whose commands were tried one by one.", done.retried_groups),
        ):
            yield CounterMetricFamily(f"tallystick_commit_{name}", text, value=count)

    def _worker(self) -> Iterator[Metric]:
        families = {
            name: CounterMetricFamily(f"tallystick_worker_{name}", text, labels=["loop"])
            for name, text in (
                ("rounds", "Rounds of the worker's loops."),
                ("pieces", "Pieces of work in those rounds."),
                ("failed_rounds", "Rounds that came to a bad end."),
            )
        }
        for loop, rounds in self.service.meter.rounds.items():
            families["rounds"].add_metric([loop], rounds.rounds)
            families["pieces"].add_metric([loop], rounds.pieces)
            families["failed_rounds"].add_metric([loop], rounds.failed)
        yield from families.values()


def _queues(observed: DatabaseStatus) -> Iterator[Metric]:
    named: dict[str, Queue] = {
        **{f"rail:{name}": queue for name, queue in observed.queues.rails.items()},
        "notifications": observed.queues.notifications,
        "mail": observed.queues.mail,
    }
    waiting = GaugeMetricFamily("tallystick_queue_waiting", "Pieces of work that wait.", labels=["queue"])
    oldest = GaugeMetricFamily("tallystick_queue_oldest_seconds", "How long the oldest waits.", labels=["queue"])
    overdue = GaugeMetricFamily(
        "tallystick_queue_overdue_seconds", "How long ago the next try should have begun.", labels=["queue"]
    )
    troubled = GaugeMetricFamily("tallystick_queue_troubled", "Those that failed at least once.", labels=["queue"])
    given_up = GaugeMetricFamily("tallystick_queue_given_up", "Those that nobody tries any more.", labels=["queue"])
    for name, queue in named.items():
        waiting.add_metric([name], queue.waiting)
        oldest.add_metric([name], _seconds_since(queue.oldest_at, observed.now))
        overdue.add_metric([name], _seconds_since(queue.due_at, observed.now))
        troubled.add_metric([name], queue.troubled)
        given_up.add_metric([name], queue.given_up)
    yield from (waiting, oldest, overdue, troubled, given_up)


def _last_verification(observed: DatabaseStatus) -> Iterator[Metric]:
    """The last verification run that came to a result."""
    run = observed.last_proof
    if run is None or run.finished_at is None or run.problems is None or run.unexplained_micros is None:
        return
    for name, text, value in (
        ("finished_timestamp_seconds", "When the last proof of the books was done.", run.finished_at.timestamp()),
        ("problems", "Problems that it observed.", run.problems),
        ("unexplained_micros", "How far balances are from their transfers, in micro-units.", run.unexplained_micros),
    ):
        yield GaugeMetricFamily(f"tallystick_proof_{name}", text, value=value)


def _running_proof(observed: DatabaseStatus) -> Iterator[Metric]:
    """What the proof that goes on all the time found last."""
    proof = observed.running_proof
    if proof is None:
        return
    for name, text, value in (
        (
            "finished_timestamp_seconds",
            "When the books were last proven up to the moment.",
            proof.proven_at.timestamp(),
        ),
        ("problems", "Problems that were found then.", len(proof.problems)),
        (
            "unexplained_micros",
            "How far balances were from their transfers then, in micro-units.",
            proof.unexplained_micros,
        ),
    ):
        yield GaugeMetricFamily(f"tallystick_running_proof_{name}", text, value=value)


def _seconds_since(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
