"""Draw the chart of docs/performance.md: tools/bench_chart.py FIGURES.json docs/performance.svg."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET  # it writes here, and never reads

import msgspec

from tallystick.bench.measures import BenchReport
from tallystick.web.common.drawing import Plot, Scale, add, axes, picture, write

SERIES = {"pay": ("signed Pay", "#17594a"), "tab": ("Pay on tabs", "#7fb8a4"), "pgbench": ("pgbench", "#a32018")}
WIDTH, HEIGHT = 800, 400
TITLE = "Per second, by number of clients"
STYLE = """
svg { background: #fff }
text { font: 14px sans-serif; fill: #444 }
.title { font-size: 17px }
.tick line { stroke: #ddd }
path { fill: none; stroke-width: 2 }
"""


def main(figures: Path, chart: Path) -> None:
    """One line for each series: what was reached with each number of clients."""
    report = msgspec.json.decode(figures.read_bytes(), type=BenchReport)
    rates = {(one.case, one.clients): one.rate for one in report.measures if one.case in SERIES}
    steps = sorted({clients for case, clients in rates if case == "pgbench"})
    found = {case: [(steps.index(at), rates[case, at]) for at in steps if (case, at) in rates] for case in SERIES}
    plot = Plot(70, 80, WIDTH - 20, HEIGHT - 40, Scale.up_to(max(rates.values())), len(steps))

    drawing = picture("", TITLE, WIDTH, HEIGHT)
    drawing.set("xmlns", "http://www.w3.org/2000/svg")  # a file of its own
    ET.SubElement(drawing, "style").text = STYLE
    write(drawing, TITLE, 20, 24).set("class", "title")
    axes(drawing, plot, [f"{value:,}" for value in plot.scale.ticks], list(enumerate(map(str, steps))))
    measured = [(case, points) for case, points in found.items() if points]  # a run may leave a case out
    for number, (case, points) in enumerate(measured):
        name, colour = SERIES[case]
        add(drawing, "rect", x=20 + 130 * number, y=45, width=14, height=14).set("fill", colour)
        write(drawing, name, 40 + 130 * number, 52)
        line = add(drawing, "path")
        line.set("stroke", colour)
        line.set("d", "M" + " L".join(f"{plot.middle(step):.1f} {plot.height(rate):.1f}" for step, rate in points))
    chart.write_text(ET.tostring(drawing, encoding="unicode") + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
