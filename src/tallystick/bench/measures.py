"""What was measured. Every figure is of one run on one machine; `goals.py` compares them with what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    same: of the API's processes, of all of the database's, of those of its clients among them, of the load generator.
    `memory_mb`: resident memory of the API process, its highest. `log_bytes`: write-ahead log for each of the same.
    `delivered`: of notifications, the share that had arrived when the load ended.
    `others_percent`, `stolen_percent`: what programs that are no part of the run, and other machines on the same
    processors, had of all processors, in the worst slice. `missing`: slices that failed; the others are the figure.
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
    backends_cpu: float | None = None
    load_cpu: float | None = None
    memory_mb: float | None = None
    log_bytes: float | None = None
    delivered: float | None = None
    others_percent: float | None = None
    stolen_percent: float | None = None
    missing: int = 0


class Goal(Struct, frozen=True, kw_only=True):
    """A goal. `reached` is what was measured. `at_most`: less is better. `key`: the name of its chart.

    `incomplete`: a slice is missing from a figure that it compares.
    """

    key: str
    name: str
    wanted: float
    reached: float
    unit: str = TIMES
    at_most: bool = False
    incomplete: bool = False

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
    ended the run early; `verify` did not run then. `bytes_per_payment`: of the tables that grow, with their indexes.
    `remembered`: balances that the API remembered when its memory was measured. `warnings`: why figures are doubtful.
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
    bytes_per_payment: float | None = None
    remembered: int | None = None
    warnings: tuple[str, ...] = ()


def best(measures: Iterable[Measure], case: str) -> float:
    """The best rate of a case with any number of clients; 0 where it was not measured."""
    return max((measure.rate for measure in measures if measure.case == case), default=0.0)


def of(measures: Iterable[Measure], case: str, clients: int) -> Measure | None:
    """One measure."""
    return next((one for one in measures if (one.case, one.clients) == (case, clients)), None)
