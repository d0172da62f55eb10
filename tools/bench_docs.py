"""Put what the benchmark has found into docs/performance.md: python -m tools.bench_docs [FIGURES.json [GROWTH.json]].

Writes the part of the page between its two marks, and a chart for each goal beside it. Without figures: the goals
alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from tools.bench_chart import goal_chart, growth_chart, rates_chart, save

from tallystick.bench.goals import ALL, GROWN, MEMORY, Findings, label_of, standings, wanted_of
from tallystick.bench.growth import Growth
from tallystick.bench.measures import TIMES, BenchReport, Measure

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- Written by tools/bench_docs.py -->", "<!-- End of what tools/bench_docs.py writes -->"


def main(page: Path, figures: Path | None = None, growth: Path | None = None) -> None:
    """Write the page and its charts anew. Raises ValueError: the page has no marks."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for figures")
    charts = page.with_suffix("")
    report = None if figures is None else msgspec.json.decode(figures.read_bytes(), type=BenchReport)
    grown = None if growth is None else msgspec.json.decode(growth.read_bytes(), type=Growth)
    if report is not None or grown is not None:
        charts.mkdir(exist_ok=True)
        for old in charts.glob("*.svg"):
            old.unlink()
    lines = [*written(report, grown, charts)]
    page.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n{END}{after}", "utf-8")


def written(report: BenchReport | None, grown: Growth | None, charts: Path) -> Iterator[str]:
    """The lines of the page; the charts that they show are drawn."""
    if report is not None:
        yield from _rates(report, charts)
        yield from _parts(report)
    if grown is not None:
        yield from _growth(grown, charts)
    yield from goals_table(report, grown)
    if report is not None:
        yield from _goal_charts(report, charts)


def goals_table(report: BenchReport | None, grown: Growth | None = None) -> Iterator[str]:
    """Every goal, with how it stands where it was measured."""
    held = {} if report is None else {goal.key: goal for goal in report.goals}
    yield "### Goals"
    yield ""
    if report is None:
        yield "A run of this version on a machine that does nothing else has still to be made."
        yield ""
    yield from _row("goal", "wanted", "reached", "")
    yield from _row("---", "---", "---", "---")
    for aim in ALL:
        goal = held.get(aim.key)
        reached = "" if goal is None else f"{goal.reached:,.2f} {goal.unit}"
        standing = "not measured" if goal is None else "met" if goal.met else "**not met**"
        yield from _row(aim.name, wanted_of(aim), reached, standing)
    for count, wanted in GROWN.items():
        stages = [] if grown is None else [one for one in grown.stages if count <= one.transactions < 2 * count]
        ratio = stages[-1].ratio if stages else None
        standing = "not measured" if ratio is None else "met" if ratio >= wanted else "**not met**"
        reached = "" if ratio is None else f"{ratio:.2f} {TIMES}"
        yield from _row(
            f"Pay with {count:,} transactions / fresh, 64 clients", f"≥ {wanted:g} {TIMES}", reached, standing
        )
    yield ""


def _rates(report: BenchReport, charts: Path) -> Iterator[str]:
    machine = report.machine
    yield (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gb} GB; {machine.system}; "
        f"Python {machine.python}, {'with' if machine.compiled else 'without'} compiled parts; "
        f"PostgreSQL {machine.postgresql}; "
        f"{report.started_at[:10]}, version {report.version}. "
        f"{report.payments_in_books:,} payments were in the books afterwards, "
        f"{'nothing unexplained' if not report.problems else report.problems[0]}."
    )
    for warning in (*report.warnings, *report.failures):
        yield f"**{warning}.**"
    yield ""
    yield "Per second, with the 99th percentile of the latency in milliseconds:"
    yield ""
    clients = sorted({one.clients for one in report.measures if one.case == "pay"}) or [1]
    yield from _row("clients", *map(str, clients))
    yield from _row(*["---"] * (len(clients) + 1))
    for case in dict.fromkeys(one.case for one in report.measures if one.case != MEMORY):
        found = {one.clients: one for one in report.measures if one.case == case}
        if found.keys() & set(clients):
            yield from _row(case, *(_rate(found.get(count)) for count in clients))
    yield ""
    others = [one for one in report.measures if one.clients not in clients and one.case != MEMORY]
    yield "; ".join(f"{label_of(one)}: {_rate(one)}" for one in others) + "." if others else ""
    yield ""
    drawing = rates_chart(report)
    if drawing is not None:
        save(drawing, charts / "rates.svg")
        yield f"![Payments and pgbench's transactions per second, by number of clients]({charts.name}/rates.svg)"
        yield ""


def _parts(report: BenchReport) -> Iterator[str]:
    yield "### Where the processor time goes"
    yield ""
    yield "Microseconds of CPU time for each request, or payment of a batch, and bytes of write-ahead log:"
    yield ""
    yield from _row("case", "clients", "API", "database's clients", "rest of the database", "load generator", "log")
    yield from _row(*["---"] * 7)
    for one in report.measures:
        if one.api_cpu is not None:
            database, backends = one.database_cpu, one.backends_cpu
            rest = None if database is None or backends is None else database - backends
            parts = (one.api_cpu, backends, rest, one.load_cpu)
            told = [_number(None if part is None else 1000 * part) for part in parts]
            yield from _row(one.case, str(one.clients), *told, _number(one.log_bytes))
    yield ""


def _growth(grown: Growth, charts: Path) -> Iterator[str]:
    yield "### As the books fill"
    yield ""
    yield from _row("transactions", "Pay per second (p99, ms)", "fresh (p99, ms)", "ratio", "bytes a payment", "log")
    yield from _row(*["---"] * 6)
    for stage in grown.stages:
        yield from _row(
            f"{stage.transactions:,}",
            f"{stage.rate:,.0f} ({_number(stage.p99_ms)})",
            f"{stage.fresh_rate:,.0f} ({_number(stage.fresh_p99_ms)})",
            f"{stage.ratio:.2f} {TIMES}",
            _number(stage.bytes_per_payment),
            _number(stage.log_bytes),
        )
    yield ""
    save(growth_chart(grown), charts / "growth.svg")
    yield f"![Pay per second as the books fill, beside a fresh database]({charts.name}/growth.svg)"
    yield ""


def _goal_charts(report: BenchReport, charts: Path) -> Iterator[str]:
    found = Findings(
        measures=report.measures,
        half_load=report.half_load,
        bytes_per_payment=report.bytes_per_payment,
        remembered=report.remembered,
    )
    for aim, standing in standings(found):
        save(goal_chart(aim, standing), charts / f"{aim.key}.svg")
        yield f"![{aim.name}: {standing.reached:,.2f} {aim.unit}, wanted {wanted_of(aim)}]({charts.name}/{aim.key}.svg)"
        yield ""


def _row(*cells: str) -> Sequence[str]:
    return ["| " + " | ".join(cells) + " |"]


def _rate(measure: Measure | None) -> str:
    if measure is None:
        return ""
    marked = "*" if measure.missing else ""
    return f"{measure.rate:,.0f}{marked}" + ("" if measure.p99_ms is None else f" ({measure.p99_ms:.0f})")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


if __name__ == "__main__":
    main(PAGE, *map(Path, sys.argv[1:3]))
