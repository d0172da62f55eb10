"""A run as text for people: a table of figures, compared with the goals."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from tallystick.bench.cases import CASES, FLOODS, MEMORY, NEIGHBOUR, PAY, PINNED, TWO
from tallystick.bench.goals import HALF
from tallystick.bench.measures import BESIDE, TIMES, BenchReport, Goal, Measure

_TITLES = {"pgbench": "pgbench, TPC-B-like", "empty": "empty handler"} | {case.name: case.title for case in CASES}
for _flood, _clients in FLOODS:
    _TITLES[BESIDE + _flood.name] = f"{NEIGHBOUR.name}, while {_clients} clients of another seller send a flood"
    _TITLES[_flood.name] = _flood.title
_TITLES["pay pinned"], _TITLES["two pinned"] = (
    f"{case.title}; processors of their own for API, database and load" for case in PINNED
)
_TITLES[HALF] = "signed Pay, half as many as at best"
_COLUMNS = ("clients", "per second", "slowest", "fastest", "p50 ms", "p99 ms", "others %")
_PARTS = ("clients", "API", "database's clients", "rest of the database", "load generator", "log bytes")
_MISSING = "*"


def measures_table(measures: Sequence[Measure]) -> Table:
    """A row for each measure, with its slowest and fastest slices.

    `others %`: what programs that are no part of the run, and other machines, had of the processors in its worst slice.
    """
    title = "requests, transactions, or payments of a batch, per second"
    table = _table(title, "case", _COLUMNS)
    for one in sorted(measures, key=_order):
        table.add_row(
            one.case,
            str(one.clients),
            f"{one.rate:,.0f}{_MISSING if one.missing else ''}",
            f"{one.lowest_rate:,.0f}",
            f"{one.highest_rate:,.0f}",
            _figure(one.p50_ms, 1),
            _figure(one.p99_ms, 1),
            _figure(_others(one), 0),
        )
    measured = {one.case for one in measures}
    lines = [f"{name}: {title}" for name, title in _TITLES.items() if name in measured]
    lines += [f"{_MISSING} slices of it are missing"] if any(one.missing for one in measures) else []
    lines += [
        f"notified: {one.delivered:.0%} of the notifications had arrived when a slice was over"
        for one in measures
        if one.delivered is not None
    ]
    table.caption = "\n".join(lines)
    table.caption_justify = "left"
    return table


def parts_table(measures: Sequence[Measure]) -> Table:
    """A row for each measure: microseconds of CPU time a request, or payment, by whose they were."""
    table = _table(
        "microseconds of CPU time, and bytes of write-ahead log, a request or payment of a batch", "case", _PARTS
    )
    for one in sorted(measures, key=_order):
        if one.api_cpu is not None:
            rest = None if one.database_cpu is None else one.database_cpu - (one.backends_cpu or 0)
            parts = (one.api_cpu, one.backends_cpu, rest, one.load_cpu)
            figures = [_figure(None if part is None else 1000 * part, 0) for part in parts]
            table.add_row(one.case, str(one.clients), *figures, _figure(one.log_bytes, 0))
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
            ("met" if goal.met else "not met") + (_MISSING if goal.incomplete else ""),
        )
    if any(goal.incomplete for goal in goals):
        table.caption = f"{_MISSING} slices of what it compares are missing"
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
    memory = max((one.memory_mb or 0 for one in report.measures if one.case == MEMORY.name), default=0)
    remembered = f"memory of the API process with {report.remembered or 0:,} balances remembered: {memory:.0f} MB"
    return [
        where,
        *([remembered] if report.remembered is not None else []),
        *two_processes(report.measures),
        *failures,
        *(f"WARNING: {warning}" for warning in report.warnings),
        *([late] if report.late_payments else []),
        f"verify: {books}{finding}",
    ]


def two_processes(measures: Sequence[Measure]) -> list[str]:
    """What two API processes would come to by the CPU time of a payment, had each part a processor of its own."""
    told = []
    for two in measures:
        one = next((each for each in measures if each.case == PAY.name and each.clients == two.clients), None)
        if two.case != TWO.name or one is None:
            continue
        if one.api_cpu and two.api_cpu and one.database_cpu and two.database_cpu:
            alone = 1000 / max(one.api_cpu, one.database_cpu)
            both = 1000 / max(two.api_cpu / 2, two.database_cpu)
            told.append(
                f"by CPU time, with a processor for each API process and one for the database, {two.clients} clients: "
                f"{alone:,.0f} a second with one process, {both:,.0f} with two, {both / alone:.2f} {TIMES}"
            )
    return told


def _table(title: str, first: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column(first)
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _others(measure: Measure) -> float | None:
    if measure.others_percent is None:
        return None
    return measure.others_percent + (measure.stolen_percent or 0)


def _figure(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:,.{decimals}f}"


def _order(measure: Measure) -> tuple[int, int]:
    names = list(_TITLES)
    return (names.index(measure.case) if measure.case in names else len(names)), measure.clients
