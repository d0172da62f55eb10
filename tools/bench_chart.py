"""Draw the chart of docs/performance.md: tools/bench_chart.py FIGURES.json docs/performance.svg."""

from __future__ import annotations

import sys
from pathlib import Path

import leather
import msgspec

from tallystick.bench.measures import Report

SERIES = (
    ("pay", "signed Pay", "#17594a"),
    ("tab", "Pay on tabs", "#7fb8a4"),
    ("pgbench", "pgbench", "#a32018"),
)


def main(figures: Path, picture: Path) -> None:
    """One line for each series: what was reached with each number of clients."""
    report = msgspec.json.decode(figures.read_bytes(), type=Report)
    steps = sorted({measure.clients for measure in report.measures if measure.case == "pgbench"})
    chart = leather.Chart("Per second, by number of clients")
    chart.add_x_axis(ticks=list(range(len(steps))), tick_formatter=lambda value, _index, _count: str(steps[int(value)]))
    chart.add_y_scale(0, max(measure.rate for measure in report.measures if measure.case in {"pay", "tab", "pgbench"}))
    for case, name, colour in SERIES:
        points = sorted((one.clients, one.rate) for one in report.measures if one.case == case)
        line = [(steps.index(clients), rate) for clients, rate in points if clients in steps]
        if line:  # a run may leave a case out
            chart.add_line(line, name=name, stroke_color=colour)
    chart.to_svg(str(picture), width=800, height=400)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
