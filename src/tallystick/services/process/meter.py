"""What this process did, counted as it goes: cheap enough for the path of a payment.

One event loop counts and reads, so there are no locks. `/metrics` shows everything since the start; pulses
(services/process/heartbeat.py) carry what came between two of them to the operator's pages.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

BOUNDS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the classes of latency; one more class has no bound."""

NO_ACTION: Final = "none"
"""The label of a call that named no existing action: names that callers make up must not become labels of metrics."""

BATCH: Final = "Batch"
"""The label of a request that carries many payments; each of these counts as an action of its own."""

OK: Final = "ok"
"""The outcome of a call that was not refused; the others have the names of refusals."""


@dataclass(slots=True)
class Times:
    """How long calls took: how many in each class of BOUNDS_SECONDS, and all together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    sum_seconds: float = 0.0


@dataclass(slots=True)
class Rounds:
    """What one loop of the worker did: its rounds, the pieces of work in them, the rounds that failed."""

    rounds: int = 0
    pieces: int = 0
    failed: int = 0


@dataclass(slots=True)
class Meter:
    """Counts since the start of the process."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    times: dict[str, Times] = field(default_factory=dict)
    rounds: dict[str, Rounds] = field(default_factory=dict)

    def answered(self, action: str, outcome: str, began: float) -> float:
        """A call was answered; how many seconds that took. `action`: a name of the table or BATCH, else NO_ACTION.

        `outcome`: OK or a refusal's name. `began` is time.perf_counter() when the call arrived.
        """
        seconds = perf_counter() - began
        self.calls[action, outcome] += 1
        times = self.times.get(action)
        if times is None:
            times = self.times[action] = Times()
        times.counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        times.sum_seconds += seconds
        return seconds

    def answered_together(self, action: str, outcomes: Mapping[str, int]) -> None:
        """So many calls, by their outcomes, were carried by one request, which alone has a time of its own."""
        for outcome, count in outcomes.items():
            self.calls[action, outcome] += count

    def worked(self, loop: str, pieces: int) -> None:
        """A round of one of the worker's loops is over, with so many pieces of work in it."""
        rounds = self.rounds.setdefault(loop, Rounds())
        rounds.rounds += 1
        rounds.pieces += pieces

    def failed(self, loop: str) -> None:
        """A round of one of the worker's loops failed."""
        rounds = self.rounds.setdefault(loop, Rounds())
        rounds.rounds += 1
        rounds.failed += 1


def quantile_seconds(counts: Sequence[int], share: float) -> float | None:
    """The latency that `share` of the calls stayed below, as near as the classes tell; None: there were no calls.

    Within a class the calls are taken to be spread evenly. In the last class, which has no end, its beginning counts.
    """
    wanted = sum(counts) * share
    if not wanted:
        return None
    below, start = 0, 0.0
    for bound, count in zip(BOUNDS_SECONDS, counts, strict=False):
        if below + count >= wanted:
            return start + (bound - start) * (wanted - below) / count
        below, start = below + count, bound
    return start


def outcomes_of(counts: Mapping[str, int]) -> Counter[str]:
    """How many calls came to each outcome, over all actions, out of what `flat` gave."""
    outcomes: Counter[str] = Counter()
    for name, count in counts.items():
        if name.startswith("call."):
            outcomes[name.rpartition(".")[2]] += count
    return outcomes


def flat(meter: Meter) -> Mapping[str, int]:
    """The counts by name, so that two moments can be compared: what pulses carry."""
    counts = {f"call.{action}.{outcome}": count for (action, outcome), count in meter.calls.items()}
    classes = zip(*(times.counts for times in meter.times.values()), strict=True)  # over all actions
    counts |= {f"time.{number}": sum(column) for number, column in enumerate(classes)}
    for loop, rounds in meter.rounds.items():
        counts |= {
            f"rounds.{loop}": rounds.rounds,
            f"pieces.{loop}": rounds.pieces,
            f"failed.{loop}": rounds.failed,
        }
    return counts
