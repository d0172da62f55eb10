"""What goes wrong between the service and the fake: as often as a test says, in an order that its seed decides."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum, unique
from random import Random


@unique
class Fault(StrEnum):
    """One thing that may happen to a request."""

    DROPPED_BEFORE = "dropped before"  # the connection ends, and nothing was done
    DROPPED_AFTER = "dropped after"  # it was done, and the connection ends instead of an answer
    DELAYED = "delayed"
    TOO_MANY = "too many"  # 429; nothing was done, nothing is remembered
    UNAVAILABLE = "unavailable"  # 503; the same
    BROKEN = "broken"  # it was done, and 500 is what is remembered for the key


@dataclass
class Faults:
    """`share` of all requests meets a fault; `planned` ones come first, one for each POST."""

    seed: int = 0
    share: float = 0.0
    planned: deque[Fault] = field(default_factory=deque)
    happened: Counter[Fault] = field(default_factory=Counter)
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - repeatable

    def plan(self, *faults: Fault) -> None:
        """Let the next requests that change something meet these."""
        self.planned.extend(faults)

    def next(self, *, changes: bool) -> Fault | None:
        """What this request meets."""
        fault = None
        if changes and self.planned:
            fault = self.planned.popleft()
        elif self._random.random() < self.share:
            fault = self._random.choice(list(Fault))
        if fault is not None:
            self.happened[fault] += 1
        return fault

    def chance(self, share: float) -> bool:
        """Whether something happens that happens so often."""
        return self._random.random() < share
