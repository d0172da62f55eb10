"""The chart is drawn of what was measured, also where a run left cases out."""

from __future__ import annotations

from pathlib import Path

import msgspec
from tests.bench.test_reading import MEASURES, report_of
from tools.bench_chart import main

from tallystick.bench.measures import Measure


def chart(measures: tuple[Measure, ...], directory: Path) -> str:
    figures, picture = directory / "figures.json", directory / "chart.svg"
    figures.write_bytes(msgspec.json.encode(report_of(measures)))
    main(figures, picture)
    return picture.read_text("utf-8")


def test_a_line_for_each_case_that_was_measured(tmp_path: Path) -> None:
    everything = chart(MEASURES, tmp_path)
    assert "signed Pay" in everything
    assert "pgbench" in everything
    assert "Pay on tabs" not in everything, "it was not measured"

    some = chart(tuple(one for one in MEASURES if one.case != "pay"), tmp_path)
    assert "<path" in some, "a single line, which needs no name"
