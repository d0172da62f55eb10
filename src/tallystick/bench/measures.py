"""What was measured, compared with the goals. Every figure is of one run on one machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

TIMES: Final = "\N{MULTIPLICATION SIGN}"

NEIGHBOUR: Final = "neighbour"
BESIDE: Final = "beside "
"""The names of a neighbour's measures beside a flood: this, and the flood's own."""


class Measure(Struct, frozen=True, kw_only=True):
    """One case with so many clients.

    `rate`: requests (pgbench: transactions; batches: payments) per second, in all its slices; `lowest_rate` and
    `highest_rate`: in one of them. Latencies in milliseconds; not known of pgbench. CPU in seconds per 1,000 of the
    same. `memory_mb`: resident memory of the API process, its highest.
    """

    case: str
    clients: int
    rate: float
    lowest_rate: float
    highest_rate: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    api_cpu: float | None = None
    database_cpu: float | None = None
    memory_mb: float | None = None


class Goal(Struct, frozen=True, kw_only=True):
    """A goal. `reached` is what was measured. `at_most`: less is better."""

    name: str
    wanted: float
    reached: float
    unit: str = TIMES
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether it was."""
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted


class Machine(Struct, frozen=True, kw_only=True):
    """The machine of the run. `compiled`: whether the functions with a compiled twin were compiled at installation."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str
    compiled: bool
    postgresql: str


class BenchReport(Struct, frozen=True, kw_only=True):
    """A whole run. `problems` is what `verify` found in the books afterwards: nothing, if all is well.

    `half_load`: Pay at half of its best rate; None where Pay was not measured. `late_payments`: those that were under
    way when their slice ended, and begun during another. `failures`: why slices are missing. `interrupted`: somebody
    ended the run early; `verify` did not run then.
    """

    version: str
    started_at: str
    machine: Machine
    settings: Mapping[str, int | float]
    measures: tuple[Measure, ...]
    half_load: Measure | None
    goals: tuple[Goal, ...]
    problems: tuple[str, ...]
    payments_in_books: int
    late_payments: int = 0
    failures: tuple[str, ...] = ()
    interrupted: bool = False


def best(measures: Iterable[Measure], case: str) -> float:
    """The best rate of a case with any number of clients; 0 where it was not measured."""
    return max((measure.rate for measure in measures if measure.case == case), default=0.0)


def of(measures: Iterable[Measure], case: str, clients: int) -> Measure | None:
    """One measure."""
    return next((one for one in measures if (one.case, one.clients) == (case, clients)), None)


def goals(measures: tuple[Measure, ...], half_load: Measure | None) -> tuple[Goal, ...]:
    """The goals for which there are measures. `half_load`: Pay at half of its peak rate."""
    found: list[Goal] = []

    def ratio(name: str, wanted: float, above: float, below: float) -> None:
        if above and below:
            found.append(Goal(name=name, wanted=wanted, reached=above / below))

    def rate(case: str, clients: int) -> float:
        one = of(measures, case, clients)
        return one.rate if one else 0.0

    pgbench = best(measures, "pgbench")
    pay = max(best(measures, "pay"), best(measures, "tab"))
    ratio("best Pay / best pgbench", 1.6, pay, pgbench)
    for clients, wanted in ((64, 2.2), (256, 4.0)):
        ratio(f"Pay / pgbench, {clients} clients", wanted, rate("pay", clients), rate("pgbench", clients))
    ratio("Pay / empty handler, 256 clients", 0.25, rate("pay", 256), rate("empty", 256))
    ratio("Pay / pgbench, 1 client", 0.8, rate("pay", 1), rate("pgbench", 1))
    ratio("best JSON charge / best Pay, prepaid", 1.3, best(measures, "json"), best(measures, "pay"))
    ratio("best read / best empty handler", 0.3, best(measures, "read"), best(measures, "empty"))
    ratio("hot seller / spread sellers", 0.85, best(measures, "tab"), best(measures, "spread"))
    ratio("best batch / best pgbench", 4.5, best(measures, "batch"), pgbench)
    if half_load is not None and half_load.p99_ms is not None:
        reached = half_load.p99_ms
        found.append(Goal(name="p99 of Pay at half its peak", wanted=20, reached=reached, unit="ms", at_most=True))
    memory = [measure.memory_mb for measure in measures if measure.memory_mb is not None]
    if memory:
        found.append(Goal(name="memory of the API process", wanted=150, reached=max(memory), unit="MB", at_most=True))
    return (*found, *_goals_of_neighbours(measures))


def _goals_of_neighbours(measures: Iterable[Measure]) -> Iterator[Goal]:
    """How much longer a seller waits beside another's flood."""
    p99_ms = {one.case: one.p99_ms for one in measures}
    calm = p99_ms.get(NEIGHBOUR)
    for case, beside in p99_ms.items():
        if case.startswith(BESIDE) and beside and calm:
            name = f"a neighbour's p99 {case} / calm"
            yield Goal(name=name, wanted=2, reached=beside / calm, at_most=True)
