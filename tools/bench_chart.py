"""Draw what the benchmark has found: rates by number of clients, a bar for each figure of a goal, growth.

`tools/bench_docs.py` puts the drawings into the documentation. They are files of their own, light or dark as the
reader's browser is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET  # it writes here, and never reads

from tallystick.bench.goals import Aim, GoalBar, GoalStanding, wanted_of
from tallystick.bench.growth import Growth
from tallystick.bench.measures import BenchReport
from tallystick.web.common.drawing import Plot, Scale, add, axes, picture, write

Series = Mapping[str, tuple[str, Sequence[tuple[int, float]]]]
"""By the class of its colour: the name of a line, and its figures at their steps."""

RATES = {"pay": "signed Pay", "tab": "Pay on tabs", "pgbench": "pgbench"}
WIDTH, HEIGHT = 800, 400
ROW = 34
STYLE = """
text { font: 14px sans-serif; fill: #333 }
.title { font-size: 16px }
.tick line { stroke: #ddd }
path { fill: none; stroke-width: 2 }
.first { fill: #17694f; stroke: #17694f } .second { fill: #93a8a1; stroke: #93a8a1 }
.third { fill: #a32018; stroke: #a32018 }
path.first, path.second, path.third { fill: none }
.range { stroke: #333; stroke-width: 1.5 } .mark { stroke: #a32018; stroke-width: 2; stroke-dasharray: 5 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6e6e6 } .tick line { stroke: #444 } .range { stroke: #e6e6e6 }
.first { fill: #5cc8a0; stroke: #5cc8a0 } .second { fill: #6f7f7a; stroke: #6f7f7a }
.third { fill: #f08a80; stroke: #f08a80 } .mark { stroke: #f08a80 }
path.first, path.second, path.third { fill: none }
}
"""
_LARGE = 1_000
_COLOURS = ("first", "second", "third")


def rates_chart(report: BenchReport) -> ET.Element | None:
    """A line for each series: what was reached with each number of clients. None: nothing of it was measured."""
    rates = {(one.case, one.clients): one.rate for one in report.measures if one.case in RATES}
    steps = sorted({clients for _, clients in rates})
    lines = {
        colour: (name, [(steps.index(at), rates[case, at]) for at in steps if (case, at) in rates])
        for colour, (case, name) in zip(_COLOURS, RATES.items(), strict=True)
    }
    return _lines("Per second, by number of clients", lines, [str(one) for one in steps]) if rates else None


def growth_chart(growth: Growth) -> ET.Element:
    """Two lines: on the database that grows, and on one that stays fresh."""
    lines = {
        "first": ("as the books fill", [(number, stage.rate) for number, stage in enumerate(growth.stages)]),
        "third": ("fresh database", [(number, stage.fresh_rate) for number, stage in enumerate(growth.stages)]),
    }
    steps = [f"{stage.transactions:,}" for stage in growth.stages]
    return _lines("Pay per second with 64 clients, by transactions in the books", lines, steps)


def goal_chart(aim: Aim, standing: GoalStanding) -> ET.Element:
    """A bar for each figure that a goal compares, the range of its slices, and how long the first should be."""
    bars = standing.bars
    height = 3 * ROW + ROW * len(bars)
    title = f"{aim.name}: {standing.reached:,.2f} {aim.unit}, wanted {wanted_of(aim)}"
    drawing = _drawing(title, height)
    left, right = 210, WIDTH - 110
    longest = max(standing.mark, *(bar.highest or bar.value for bar in bars))

    def along(value: float) -> float:
        return left + (right - left) * value / longest

    for number, bar in enumerate(bars):
        middle = 2 * ROW + ROW * number
        _bar(drawing, bar, _COLOURS[min(number, 1)], middle, along)
    top, bottom = 1.5 * ROW, 2.5 * ROW
    mark = add(drawing, "line", "mark", x1=along(standing.mark), x2=along(standing.mark), y1=top, y2=bottom)
    mark.set("aria-hidden", "true")
    below = 2 * ROW + ROW * len(bars)
    write(
        drawing,
        f"wanted: {'at most ' if aim.at_most else ''}{_figure(standing.mark)}",
        along(standing.mark),
        below,
        "middle",
    )
    return drawing


def save(drawing: ET.Element, path: Path) -> None:
    """Write a drawing into a file."""
    path.write_text(ET.tostring(drawing, encoding="unicode") + "\n", "utf-8")


def _bar(drawing: ET.Element, bar: GoalBar, colour: str, middle: float, along: Callable[[float], float]) -> None:
    start = along(0)
    write(drawing, bar.label, start - 10, middle, "end")
    add(drawing, "rect", colour, x=start, y=middle - 10, width=max(1, along(bar.value) - start), height=20)
    end = bar.value
    if bar.lowest is not None and bar.highest is not None and bar.highest > bar.lowest:
        end = max(end, bar.highest)
        add(drawing, "line", "range", x1=along(bar.lowest), x2=along(bar.highest), y1=middle, y2=middle)
    write(drawing, _figure(bar.value), along(end) + 8, middle)


def _figure(value: float) -> str:
    """Four digits at least, and no fraction of large figures."""
    return f"{value:,.0f}" if value >= _LARGE else f"{value:.4g}"


def _lines(title: str, lines: Series, steps: Sequence[str]) -> ET.Element:
    drawing = _drawing(title, HEIGHT)
    measured = {colour: line for colour, line in lines.items() if line[1]}  # a run may leave a case out
    highest = max(value for _, points in measured.values() for _, value in points)
    plot = Plot(70, 80, WIDTH - 20, HEIGHT - 40, Scale.up_to(highest), len(steps))
    axes(drawing, plot, [f"{value:,}" for value in plot.scale.ticks], list(enumerate(steps)))
    for number, (colour, (name, points)) in enumerate(measured.items()):
        add(drawing, "rect", colour, x=20 + 160 * number, y=45, width=14, height=14)
        write(drawing, name, 40 + 160 * number, 52)
        line = add(drawing, "path", colour)
        line.set("d", "M" + " L".join(f"{plot.middle(step):.1f} {plot.height(value):.1f}" for step, value in points))
    return drawing


def _drawing(title: str, height: float) -> ET.Element:
    drawing = picture("", title, WIDTH, height)
    drawing.set("xmlns", "http://www.w3.org/2000/svg")  # a file of its own
    ET.SubElement(drawing, "style").text = STYLE
    write(drawing, title, 20, 24).set("class", "title")
    return drawing
