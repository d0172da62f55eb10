"""A run as text for people: a table of figures, compared with the goals."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from tallystick.bench.cases import CASES, FLOODS, NEIGHBOUR
from tallystick.bench.measures import BESIDE, BenchReport, Goal, Measure

_TITLES = {"pgbench": "pgbench, TPC-B-like", "empty": "empty handler"} | {case.name: case.title for case in CASES}
for _flood, _clients in FLOODS:
    _TITLES[BESIDE + _flood.name] = f"{NEIGHBOUR.name}, while {_clients} clients of another seller send a flood"
    _TITLES[_flood.name] = _flood.title
_COLUMNS = ("clients", "per second", "slowest", "fastest", "p50 ms", "p99 ms", "API CPU", "DB CPU")


def measures_table(measures: Sequence[Measure]) -> Table:
    """A row for each measure, with its slowest and fastest slices; CPU in seconds per 1,000 requests, or payments."""
    title = "requests, transactions, or payments of a batch, per second"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("case")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for one in sorted(measures, key=_order):
        table.add_row(
            one.case,
            str(one.clients),
            f"{one.rate:,.0f}",
            f"{one.lowest_rate:,.0f}",
            f"{one.highest_rate:,.0f}",
            _figure(one.p50_ms, 1),
            _figure(one.p99_ms, 1),
            _figure(one.api_cpu, 3),
            _figure(one.database_cpu, 3),
        )
    measured = {one.case for one in measures}
    table.caption = "\n".join(f"{name}: {title}" for name, title in _TITLES.items() if name in measured)
    table.caption_justify = "left"
    return table


def goals_table(goals: Sequence[Goal]) -> Table:
    """A row for each goal."""
    table = Table(title="goals", title_justify="left")
    table.add_column("goal")
    table.add_column("wanted", justify="right")
    table.add_column("reached", justify="right")
    table.add_column("")
    for goal in goals:
        sign = "≤" if goal.at_most else "≥"
        table.add_row(
            goal.name,
            f"{sign} {goal.wanted:g} {goal.unit}",
            f"{goal.reached:.2f} {goal.unit}",
            "met" if goal.met else "not met",
        )
    return table


def closing_lines(report: BenchReport) -> list[str]:
    """The machine, and the result of `verify`."""
    machine = report.machine
    books = f"{report.payments_in_books:,} payments in the books"
    where = (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gb} GB; {machine.system}; "
        f"Python {machine.python}, {'with' if machine.compiled else 'without'} compiled parts; "
        f"PostgreSQL {machine.postgresql}"
    )
    finding = f": {report.problems[0]}" if report.problems else ", unexplained: 0.00"
    if report.interrupted:
        finding = "; not verified: the run was interrupted"
    late = (
        f"{report.late_payments:,} payments were committed during a later slice than that in which they were asked for"
    )
    failures = [f"a slice is missing: {failure}" for failure in report.failures]
    return [where, *failures, *([late] if report.late_payments else []), f"verify: {books}{finding}"]


def _figure(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:,.{decimals}f}"


def _order(measure: Measure) -> tuple[int, int]:
    names = list(_TITLES)
    return (names.index(measure.case) if measure.case in names else len(names)), measure.clients
