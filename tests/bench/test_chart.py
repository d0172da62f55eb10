"""Charts and the documentation's tables are made of what was measured, also where a run left cases out."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from tests.bench.test_goals import MEASURES as GOALS_MEASURES
from tests.bench.test_goals import found
from tests.bench.test_reading import MACHINE, MEASURES, report_of
from tools.bench_chart import goal_chart, rates_chart
from tools.bench_docs import BEGIN, END, PAGE, goals_table, main

from tallystick.bench.goals import ALL, goals, standings
from tallystick.bench.growth import Growth, GrowthStage
from tallystick.bench.measures import Measure


def chart(measures: tuple[Measure, ...]) -> str:
    drawing = rates_chart(report_of(measures))
    return "" if drawing is None else ET.tostring(drawing, encoding="unicode")


def test_a_line_for_each_case_that_was_measured() -> None:
    everything = chart(MEASURES)
    assert "signed Pay" in everything
    assert "pgbench" in everything
    assert "Pay on tabs" not in everything, "it was not measured"
    assert everything.count("<path") == 2

    assert chart(tuple(one for one in MEASURES if one.case != "pay")).count("<path") == 1
    assert chart(()) == ""


def test_a_goal_has_a_bar_for_each_figure_and_a_mark_where_the_first_should_end() -> None:
    charts = {aim.key: goal_chart(aim, standing) for aim, standing in standings(found())}
    assert charts.keys() == {aim.key for aim in ALL}
    for key, drawing in charts.items():
        assert len(drawing.findall("rect")) == (1 if key in {"half-load", "bytes", "log", "memory"} else 2)
    pay = charts["pay-64"]  # 3 times pgbench's rate, as is wanted
    first, second = pay.findall("rect")
    [mark] = [line for line in pay.findall("line") if line.get("class") == "mark"]
    assert float(first.attrib["width"]) == pytest.approx(3 * float(second.attrib["width"]), rel=0.01)
    assert float(mark.attrib["x1"]) == pytest.approx(float(first.attrib["x"]) + float(first.attrib["width"]), abs=0.2)
    assert pay.attrib["aria-label"].startswith("Pay / pgbench, 64 clients: 3.00")


def test_the_page_gets_tables_and_charts_between_its_marks(tmp_path: Path) -> None:
    page, figures, growth = tmp_path / "performance.md", tmp_path / "f.json", tmp_path / "g.json"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    report = msgspec.structs.replace(
        report_of(GOALS_MEASURES, goals(found())), bytes_per_payment=501, remembered=100_000
    )
    figures.write_bytes(msgspec.json.encode(report))
    growth.write_bytes(msgspec.json.encode(Growth(machine=MACHINE, stages=(STAGE,), problems=())))
    (tmp_path / "performance").mkdir()
    (tmp_path / "performance" / "given-up.svg").touch()

    main(page, figures, growth)

    text = page.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "| pay | 900 | 4,000 | 6,000 | 8,000 |" in text
    assert "| Pay / pgbench, 64 clients | ≥ 3 \N{MULTIPLICATION SIGN} | 3.00 \N{MULTIPLICATION SIGN} | met |" in text
    assert "| Pay with 10,000,000 transactions / fresh, 64 clients |" in text
    drawn = {path.stem for path in (tmp_path / "performance").iterdir()}
    assert drawn == {"rates", "growth", *(aim.key for aim in ALL)}, "and what is of no use any more has gone"
    assert all(f"(performance/{name}.svg)" in text for name in drawn)
    main(page, figures, growth)
    assert page.read_text("utf-8") == text


STAGE = GrowthStage(
    transactions=10_100_000,
    rate=900.0,
    p99_ms=9.0,
    fresh_rate=1_000.0,
    fresh_p99_ms=8.0,
    log_bytes=800.0,
    bytes_per_payment=600.0,
    index_bytes={},
)


def test_the_documentation_names_the_goals_as_they_are() -> None:
    page = PAGE.read_text("utf-8")
    wanted = [line.split(" | ")[:2] for line in goals_table(None) if line.startswith("| ")]
    told = [line.split(" | ")[:2] for line in page.partition("### Goals")[2].splitlines() if line.startswith("| ")]
    assert told == wanted, "write it anew: python -m tools.bench_docs, with the figures of a run if there are any"
