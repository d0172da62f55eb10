"""The goals: what each compares, and what is to be reached. The documentation's table and charts are made of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.bench.measures import BESIDE, NEIGHBOUR, TIMES, Goal, Measure

GROWN: Final[Mapping[int, float]] = {10_000_000: 0.9, 100_000_000: 0.8}
"""With so many transactions in the books, the share of a fresh database's rate that must be left."""

REMEMBERED: Final = 100_000
"""Balances that the API remembers when its memory is measured."""

HALF: Final = "half"
MEMORY: Final = "memory"
"""The cases of the measurements that are made once, after all rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a run has found. `half_load`: Pay at half of its peak. `remembered`: balances, when memory was measured."""

    measures: Sequence[Measure]
    half_load: Measure | None = None
    bytes_per_payment: float | None = None
    remembered: int | None = None


@dataclass(frozen=True, slots=True)
class GoalBar:
    """One figure of a goal, with the lowest and the highest that a slice had, where there were slices."""

    label: str
    value: float
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalStanding:
    """How it stands with a goal. `bars`: what is compared; `mark`: how long the first of them should be.

    `incomplete`: slices of it are missing.
    """

    reached: float
    bars: Sequence[GoalBar]
    mark: float
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class At:
    """Which measure: of one of these cases, with so many clients. None: with those that gave the highest rate."""

    cases: tuple[str, ...]
    clients: int | None = None

    def find(self, measures: Iterable[Measure]) -> Measure | None:
        """The measure, if it was made."""
        fitting = [one for one in measures if one.case in self.cases and self.clients in (None, one.clients)]
        return max(fitting, key=lambda one: one.rate, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A goal, before anything was measured. `key`: the name of its chart. `at_most`: less is better.

    `stands`: how it stands with it, of what was found and what is to be reached; None where it was not measured.
    """

    key: str
    name: str
    reach: float
    stands: Callable[[Findings, float], GoalStanding | None]
    unit: str = TIMES
    at_most: bool = False


def _ratio(above: At, below: At) -> Callable[[Findings, float], GoalStanding | None]:
    """A rate beside another rate."""

    def stands(found: Findings, reach: float) -> GoalStanding | None:
        one, other = above.find(found.measures), below.find(found.measures)
        if one is None or other is None or not other.rate:
            return None
        return GoalStanding(
            reached=one.rate / other.rate,
            bars=[_bar(one), _bar(other)],
            mark=reach * other.rate,
            incomplete=bool(one.missing or other.missing),
        )

    return stands


def _figure(which: At, of: Callable[[Measure], float | None]) -> Callable[[Findings, float], GoalStanding | None]:
    """A figure of a measure by itself."""

    def stands(found: Findings, reach: float) -> GoalStanding | None:
        half = [] if found.half_load is None else [found.half_load]
        measure = which.find([*found.measures, *half])
        value = None if measure is None else of(measure)
        if measure is None or value is None:
            return None
        bars = [GoalBar(label_of(measure), value)]
        return GoalStanding(reached=value, bars=bars, mark=reach, incomplete=bool(measure.missing))

    return stands


def _bytes(found: Findings, reach: float) -> GoalStanding | None:
    size = found.bytes_per_payment
    return None if size is None else GoalStanding(reached=size, bars=[GoalBar("bytes a payment", size)], mark=reach)


def _memory(found: Findings, reach: float) -> GoalStanding | None:
    """Only with as many balances as the goal names; what was under way when each was charged is not among them."""
    if (found.remembered or 0) < 0.99 * REMEMBERED:
        return None
    return _figure(At((MEMORY,)), lambda one: one.memory_mb)(found, reach)


def label_of(measure: Measure) -> str:
    """A measure in a few words."""
    return f"{measure.case}, {measure.clients} client{'s' if measure.clients > 1 else ''}"


def _bar(measure: Measure) -> GoalBar:
    return GoalBar(label_of(measure), measure.rate, measure.lowest_rate, measure.highest_rate)


_PGBENCH: Final = ("pgbench",)
_EMPTY: Final = ("empty",)
_PAY: Final = ("pay",)

GOALS: Final[Sequence[Aim]] = (
    Aim(
        key="best-pay",
        name="best Pay / best pgbench",
        reach=3.0,
        stands=_ratio(At(("pay", "tab")), At(_PGBENCH)),
    ),
    Aim(
        key="pay-64",
        name="Pay / pgbench, 64 clients",
        reach=3.0,
        stands=_ratio(At(_PAY, 64), At(_PGBENCH, 64)),
    ),
    Aim(
        key="pay-256",
        name="Pay / pgbench, 256 clients",
        reach=5.5,
        stands=_ratio(At(_PAY, 256), At(_PGBENCH, 256)),
    ),
    Aim(
        key="pay-empty",
        name="Pay / empty handler, 256 clients",
        reach=0.28,
        stands=_ratio(At(_PAY, 256), At(_EMPTY, 256)),
    ),
    Aim(
        key="one-client",
        name="Pay / pgbench, 1 client",
        reach=0.8,
        stands=_ratio(At(_PAY, 1), At(_PGBENCH, 1)),
    ),
    Aim(
        key="json",
        name="best JSON charge / best Pay, prepaid",
        reach=1.3,
        stands=_ratio(At(("json",)), At(_PAY)),
    ),
    Aim(
        key="reads",
        name="best read / best empty handler",
        reach=0.4,
        stands=_ratio(At(("read",)), At(_EMPTY)),
    ),
    Aim(
        key="batch",
        name="best batch / best pgbench",
        reach=8.0,
        stands=_ratio(At(("batch",)), At(_PGBENCH)),
    ),
    Aim(
        key="spread-16",
        name="evenly spread over sellers / one hot seller, 16 clients",
        reach=0.85,
        stands=_ratio(At(("spread",), 16), At(_PAY, 16)),
    ),
    Aim(
        key="spread-64",
        name="evenly spread over sellers / one hot seller, 64 clients",
        reach=0.95,
        stands=_ratio(At(("spread",), 64), At(_PAY, 64)),
    ),
    Aim(
        key="mix",
        name="best mix / best Pay, prepaid",
        reach=0.85,
        stands=_ratio(At(("mix",)), At(_PAY)),
    ),
    Aim(
        key="half-load",
        name="p99 of Pay at half its peak",
        reach=12,
        stands=_figure(At((HALF,)), lambda one: one.p99_ms),
        unit="ms",
        at_most=True,
    ),
    Aim(key="bytes", name="bytes a payment", reach=500, stands=_bytes, unit="bytes", at_most=True),
    Aim(
        key="log",
        name="write-ahead log a payment, 64 clients",
        reach=850,
        stands=_figure(At(_PAY, 64), lambda one: one.log_bytes),
        unit="bytes",
        at_most=True,
    ),
    Aim(
        key="two-64",
        name="two API processes on one hot book / one, 64 clients",
        reach=1,
        stands=_ratio(At(("two",), 64), At(_PAY, 64)),
    ),
    Aim(
        key="two-256",
        name="two API processes on one hot book / one, 256 clients",
        reach=1,
        stands=_ratio(At(("two",), 256), At(_PAY, 256)),
    ),
    Aim(
        key="two-pinned",
        name="the same on processors of their own, 64 clients",
        reach=1,
        stands=_ratio(At(("two pinned",), 64), At(("pay pinned",), 64)),
    ),
    Aim(
        key="memory",
        name=f"memory of the API process with {REMEMBERED:,} balances remembered",
        reach=200,
        stands=_memory,
        unit="MB",
        at_most=True,
    ),
)


def _beside(flood: str) -> Callable[[Findings, float], GoalStanding | None]:
    def stands(found: Findings, reach: float) -> GoalStanding | None:
        calm, beside = (At((case,)).find(found.measures) for case in (NEIGHBOUR, BESIDE + flood))
        if calm is None or beside is None or not calm.p99_ms or not beside.p99_ms:
            return None
        return GoalStanding(
            reached=beside.p99_ms / calm.p99_ms,
            bars=[GoalBar(f"beside {flood}, ms", beside.p99_ms), GoalBar("calm, ms", calm.p99_ms)],
            mark=reach * calm.p99_ms,
            incomplete=bool(calm.missing or beside.missing),
        )

    return stands


NEIGHBOURS: Final[Sequence[Aim]] = tuple(
    Aim(
        key=f"beside-{flood}",
        name=f"a neighbour's p99 beside {flood} / calm",
        reach=2,
        stands=_beside(flood),
        at_most=True,
    )
    for flood in ("flood", "lists")
)
"""How much longer a seller waits beside another's flood."""

ALL: Final = (*GOALS, *NEIGHBOURS)


def wanted_of(aim: Aim) -> str:
    """What is to be reached, in words."""
    return f"{'≤' if aim.at_most else '≥'} {aim.reach:g} {aim.unit}"


def goals(found: Findings) -> tuple[Goal, ...]:
    """The goals for which there are measures."""
    return tuple(
        Goal(
            key=aim.key,
            name=aim.name,
            wanted=aim.reach,
            reached=standing.reached,
            unit=aim.unit,
            at_most=aim.at_most,
            incomplete=standing.incomplete,
        )
        for aim, standing in standings(found)
    )


def standings(found: Findings) -> Iterator[tuple[Aim, GoalStanding]]:
    """The goals for which there are measures, with what is compared."""
    for aim in ALL:
        standing = aim.stands(found, aim.reach)
        if standing is not None:
            yield aim, standing
