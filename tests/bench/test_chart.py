"""The chart is drawn of what was measured, also where a run left cases out."""

from __future__ import annotations

from pathlib import Path

import msgspec
from tests.bench.test_reading import HALF, MACHINE, MEASURES
from tools.bench_chart import main

from tallystick.bench.measures import Measure, Report


def chart(measures: tuple[Measure, ...], directory: Path) -> str:
    report = Report(
        version="0.1",
        started_at="2027-03-01T12:00:00+00:00",
        machine=MACHINE,
        settings={"seconds": 10},
        measures=measures,
        half_load=HALF,
        goals=(),
        problems=(),
        payments_in_books=1,
    )
    figures, picture = directory / "figures.json", directory / "chart.svg"
    figures.write_bytes(msgspec.json.encode(report))
    main(figures, picture)
    return picture.read_text("utf-8")


def test_a_line_for_each_case_that_was_measured(tmp_path: Path) -> None:
    everything = chart(MEASURES, tmp_path)
    assert "signed Pay" in everything
    assert "pgbench" in everything
    assert "Pay on tabs" not in everything, "it was not measured"

    some = chart(tuple(one for one in MEASURES if one.case != "pay"), tmp_path)
    assert "<path" in some, "a single line, which needs no name"
