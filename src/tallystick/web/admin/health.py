"""Health at a glance: what all processes did lately, what waits, how large the database is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from litestar import get
from litestar.response import Response

from tallystick.services.operations import monitoring, running_proof, verification
from tallystick.services.operations.monitoring import Queue, Queues
from tallystick.services.process import heartbeat
from tallystick.services.process.heartbeat import EVERY, KEPT, Minute, Pulse
from tallystick.services.process.meter import BOUNDS_SECONDS, OK, outcomes_of, quantile_seconds
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.charts import Chart, ChartLine, Words, columns
from tallystick.web.common.filters import many
from tallystick.web.common.shared import PageRequest

LATELY: Final = timedelta(minutes=5)
SILENT_AFTER: Final = 3 * EVERY
"""A process without a heartbeat for longer than this has ended, or hangs."""

LATE_AFTER: Final = timedelta(minutes=2)
"""Work that should have begun this long ago means that no worker runs, or that it cannot keep up."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the service, from its heartbeats. `calls`, `groups`, `commands`, `work`: in the last minutes."""

    process_id: str
    kind: str
    started_at: datetime
    seen_at: datetime
    silent: bool
    calls: int
    groups: int
    commands: int
    work: dict[str, int]
    failed_rounds: int


@dataclass(frozen=True, slots=True)
class RecentActivity:
    """What all processes did in the last minutes. Rates are per second, latencies in seconds."""

    calls: int
    calls_a_second: float
    refused: int
    faults: int
    median_seconds: float | None
    slow_seconds: float | None
    groups: int
    commands: int
    retried: int
    outcomes: list[tuple[str, int]]

    @property
    def group_size(self) -> float | None:
        """Commands that shared a commit, on average."""
        return self.commands / self.groups if self.groups else None


@get(HOME)
async def show_health(request: PageRequest) -> Response[Any]:
    """Health at a glance."""

    async def step(operator: OperatorContext) -> Response[Any]:
        service, now = operator.service, operator.now
        beats = await heartbeat.pulses_since(service, now - LATELY)
        standing = await monitoring.queues_of(service)
        runs = await verification.latest(service, 1)
        return operator.page(
            "admin/health.html",
            lately=recent_activity(beats),
            chart=chart(hour(await heartbeat.minutes_since(service, now - KEPT), now)),
            processes=processes(beats, now),
            rails=standing.rails,
            notifications=standing.notifications,
            mail=standing.mail,
            mail_leaves=service.settings.smtp_url is not None,
            late=[name for name, queue in _named(standing) if is_late(queue, now)],
            database=await monitoring.database_size(service),
            run=runs[0] if runs else None,
            proof=await running_proof.last_proof(service),
        )

    return await for_operator(request, step)


def _named(standing: Queues) -> list[tuple[str, Queue]]:
    rails = [(f"The rail {name}", queue) for name, queue in standing.rails.items()]
    return [*rails, ("Notifications", standing.notifications)]


def is_late(queue: Queue, now: datetime) -> bool:
    """Whether the queue's oldest due work is overdue by more than LATE_AFTER."""
    return queue.due_at is not None and now - queue.due_at > LATE_AFTER


def recent_activity(beats: Sequence[Pulse]) -> RecentActivity:
    """The last minutes, added up."""
    counts = _total(beats)
    outcomes = outcomes_of(counts)
    calls = outcomes.total()
    times = [counts[f"time.{number}"] for number in range(len(BOUNDS_SECONDS) + 1)]
    return RecentActivity(
        calls=calls,
        calls_a_second=calls / LATELY.total_seconds(),
        refused=calls - outcomes[OK],
        faults=outcomes["InternalError"] + outcomes["ServiceUnavailable"],
        median_seconds=quantile_seconds(times, 0.5),
        slow_seconds=quantile_seconds(times, 0.99),
        groups=counts["commits.groups"],
        commands=counts["commits.commands"],
        retried=counts["commits.retried"],
        outcomes=[(name, count) for name, count in outcomes.most_common() if name != OK],
    )


def hour(found: Sequence[Minute], now: datetime) -> list[Minute]:
    """The last hour, minute by minute, the present one last, also those without a call."""
    present = now.replace(second=0, microsecond=0)
    count = int(KEPT / timedelta(minutes=1))
    starts = [present - timedelta(minutes=back) for back in range(count - 1, -1, -1)]
    known = {minute.start: minute for minute in found}
    return [known.get(start, Minute(start, 0, 0)) for start in starts]


def chart(found: Sequence[Minute]) -> Chart | None:
    """The last hour as a picture; None when there was no call in it."""
    calls = sum(minute.calls for minute in found)
    if not calls:
        return None
    words = Words(
        name="calls",
        title="Calls a minute, the last hour",
        summary=f"{many(calls)} calls, {many(sum(minute.refused for minute in found))} of them refused.",
        step="Minute (UTC)",
        written=many,
        short=many,
    )
    answered = ChartLine("Answered", [minute.calls - minute.refused for minute in found])
    refused = ChartLine("Refused", [minute.refused for minute in found])
    return columns(words, [f"{minute.start:%H:%M}" for minute in found], [answered, refused], stacked=True)


def processes(beats: Sequence[Pulse], now: datetime) -> list[Process]:
    """Every process with a heartbeat in the last minutes, the longest running first."""
    recent: dict[str, list[Pulse]] = {}
    for pulse in beats:
        recent.setdefault(pulse.process_id, []).append(pulse)
    return sorted((_process(of_one, now) for of_one in recent.values()), key=lambda process: process.started_at)


def _process(beats: Sequence[Pulse], now: datetime) -> Process:
    last, counts = beats[-1], _total(beats)
    return Process(
        process_id=last.process_id,
        kind=last.kind,
        started_at=last.started_at,
        seen_at=last.at,
        silent=now - last.at > SILENT_AFTER,
        calls=sum(pulse.calls for pulse in beats),
        groups=counts["commits.groups"],
        commands=counts["commits.commands"],
        work={name.partition(".")[2]: count for name, count in counts.items() if name.startswith("pieces.")},
        failed_rounds=sum(count for name, count in counts.items() if name.startswith("failed.")),
    )


def _total(beats: Sequence[Pulse]) -> Counter[str]:
    total: Counter[str] = Counter()
    for pulse in beats:
        total.update(pulse.counts)
    return total
