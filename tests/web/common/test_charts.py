"""Charts: what is drawn is as high as its figure says, on a scale that has room for it, and says its words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tallystick.web.common.charts import LABELS, WIDTH, Chart, ChartLine, Words, bars, columns, level
from tallystick.web.common.drawing import Scale

STEPS = ["Mon", "Tue", "Wed"]
FIGURES = st.lists(st.tuples(*[st.integers(0, 10**15)] * 3), min_size=1, max_size=3).filter(
    lambda lines: any(map(any, lines))
)


def words(unit: str = "USD") -> Words:
    return Words("sales", "Sales", "Many <b>.", "Day", lambda value: f"{value} in full", str, unit)


def marks_of(chart: Chart, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(chart.svg).iter(tag))  # noqa: S314 - our own drawing


def titles_of(marks: Sequence[ET.Element]) -> list[str | None]:
    return [mark.findtext("title") for mark in marks]


def place(mark: ET.Element, name: str) -> float:
    return float(mark.attrib[name])


def ticks_of(chart: Chart) -> dict[int, float]:
    """How high the lines of the scale are, by their figures."""
    ticks = [tick for tick in marks_of(chart, "g") if tick.get("class") == "tick" and tick.find("line") is not None]
    return {int(tick.findtext("text", "")): place(tick[0], "y1") for tick in ticks}


def unit_of(chart: Chart) -> float:
    """How high a figure of one is drawn."""
    ticks = ticks_of(chart)
    return (ticks[0] - ticks[max(ticks)]) / max(ticks)


@given(st.integers(0, 10**18))
@example(10**17 + 1)
def test_a_scale_has_room_for_its_figures_and_few_round_lines(maximum: int) -> None:
    scale = Scale.up_to(maximum)
    ticks = list(scale.ticks)
    assert ticks[0] == 0
    assert ticks[-1] == scale.end
    assert maximum <= scale.end < maximum + scale.step + (maximum == 0)
    assert 2 <= len(ticks) <= 5
    assert str(scale.step).rstrip("0") in {"1", "2", "25", "5"}


@pytest.mark.parametrize(
    ("maximum", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (5, [0, 2, 4, 6]),
        (90, [0, 25, 50, 75, 100]),
        (143, [0, 50, 100, 150]),
    ],
)
def test_scales_as_somebody_would_draw_them(maximum: int, ticks: list[int]) -> None:
    assert list(Scale.up_to(maximum).ticks) == ticks


@given(FIGURES)
def test_columns_beside_each_other_are_as_high_as_their_figures(figures: list[tuple[int, int, int]]) -> None:
    chart = columns(words(), STEPS, [ChartLine(f"line {number}", values) for number, values in enumerate(figures)])
    drawn, unit = marks_of(chart, "rect"), unit_of(chart)
    expected = [
        (step, number, value) for number, values in enumerate(figures) for step, value in enumerate(values) if value
    ]
    assert titles_of(drawn) == [f"{STEPS[step]}: line {number} {value} in full" for step, number, value in expected]
    for mark, (_, _, value) in zip(drawn, expected, strict=True):
        assert place(mark, "height") == pytest.approx(value * unit, abs=0.2)
        assert place(mark, "y") + place(mark, "height") == pytest.approx(ticks_of(chart)[0], abs=0.2)
    sides = sorted((place(mark, "x"), place(mark, "x") + place(mark, "width")) for mark in drawn)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(sides)), "none hides another"
    assert 0 < sides[0][0] < sides[-1][1] <= WIDTH


@given(FIGURES)
def test_columns_on_top_of_each_other_reach_their_sum(figures: list[tuple[int, int, int]]) -> None:
    chart = columns(words(), STEPS, [ChartLine("line", values) for values in figures], stacked=True)
    unit, ground = unit_of(chart), ticks_of(chart)[0]
    for step in range(len(STEPS)):
        values = [line[step] for line in figures]
        drawn = [mark for mark in marks_of(chart, "rect") if str(mark.findtext("title")).startswith(STEPS[step])]
        top = min((place(mark, "y") for mark in drawn), default=ground)
        assert ground - top == pytest.approx(sum(values) * unit, abs=0.2)
        assert sum(place(mark, "height") for mark in drawn) == pytest.approx(sum(values) * unit, abs=0.5)


def test_a_level_is_a_line_through_all_steps() -> None:
    chart = level(words(), STEPS, ChartLine("owed", [0, 50, 100]))
    points = [(place(mark, "cx"), place(mark, "cy")) for mark in marks_of(chart, "circle")]
    assert [y for _, y in points] == [ticks_of(chart)[value] for value in (0, 50, 100)]
    area, line = marks_of(chart, "path")
    assert line.attrib["d"] == "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    assert area.attrib["d"].startswith(f"M{points[0][0]:.1f} {ticks_of(chart)[0]:.1f} L")
    assert titles_of(marks_of(chart, "circle")) == [
        "Mon: owed 0 in full",
        "Tue: owed 50 in full",
        "Wed: owed 100 in full",
    ]


def test_bars_are_as_long_as_their_figures_and_have_them_at_their_end() -> None:
    chart = bars(words(""), {"often": 40, "seldom": 10, "never": 0})
    lengths = [place(mark, "width") for mark in marks_of(chart, "rect")]
    assert lengths == [pytest.approx(lengths[0] * part, abs=0.1) for part in (1, 0.25, 0)]
    assert [text.text for text in marks_of(chart, "text")] == ["often", "40", "seldom", "10", "never", "0"]
    assert all(place(text, "x") < WIDTH for text in marks_of(chart, "text"))


@pytest.mark.parametrize("count", [1, 4, 5, 6, 14, 24])
def test_as_many_steps_are_named_as_fit(count: int) -> None:
    labels = [f"step {number}" for number in range(count)]
    named = [text.text for text in marks_of(columns(words(), labels, [ChartLine("line", [1] * count)]), "text")]
    found = [label for label in labels if label in named]
    assert found[0] == labels[0]
    assert min(count, 3) <= len(found) <= LABELS


def test_a_chart_is_one_picture_whose_words_are_only_words() -> None:
    chart = columns(words("<USD>"), ["<i>"], [ChartLine("<script>", [1])])
    picture = ET.fromstring(chart.svg)  # noqa: S314 - our own drawing
    assert (picture.get("role"), picture.get("aria-label")) == ("img", "Sales. Many <b>.")
    assert {each.tag for each in picture.iter()} == {"svg", "g", "line", "rect", "text", "title"}
    assert {text.text for text in picture.iter("text")} == {"<USD>", "<i>", "0", "1"}
    assert {name for each in picture.iter() for name in each.attrib}.isdisjoint({"style", "fill", "stroke"})
