"""Charts as SVG that is part of the page: readable without scripts, coloured by the style sheet, a table behind each.

Scales, ticks and axes are leather's; the marks are ours, since each carries its words and a class instead of a colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET  # it writes here, and never reads

import leather
from markupsafe import Markup

if TYPE_CHECKING:
    from decimal import Decimal

WIDTH: Final = 420  # units of the drawing; it grows and shrinks with the page
HEIGHT: Final = 210
LETTER: Final = 7  # the width of a letter of an axis
UNIT_ROOM: Final = 28  # above a drawing, for the name of its unit
LABELS: Final = 5  # as many fit under an axis

_FEWEST: Final = 5  # at the end of a scale, so that its steps are whole
_LOOKS: Final = frozenset({"fill", "stroke", "stroke-width", "font-family", "font-size"})
_PLACES: Final = frozenset({"x", "y", "x1", "y1", "x2", "y2"})

Format = Callable[[int], str]

leather.theme.background_color = "none"  # this and all other colours: the style sheet
leather.theme.margin = 0.0
leather.theme.tick_font_char_width = LETTER
leather.theme.tick_font_char_height = 13


@dataclass(frozen=True, slots=True)
class Line:
    """One row of figures through all steps of a chart. Charts number the lines; the style sheet colours the numbers."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and the table behind it. `summary` says in a sentence what there is to see."""

    name: str
    title: str
    summary: str
    step: str
    labels: Sequence[str]
    lines: Sequence[Line]
    written: Format
    svg: Markup

    @property
    def column_heads(self) -> list[tuple[str, str]]:
        """The names of the table's columns of figures, and their class."""
        return [(line.name, "amount") for line in self.lines]

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table: each step with its figures, without those at which nothing happened."""
        found = zip(self.labels, zip(*(line.values for line in self.lines), strict=True), strict=True)
        return [(label, [self.written(value) for value in values]) for label, values in found if any(values)]


@dataclass(frozen=True, slots=True)
class Words:
    """What a chart says, and how it writes its figures: in full, and in short beside the axis.

    The axis bears the name of their `unit`; a chart of counts needs none: its title says what is counted.
    """

    name: str
    title: str
    summary: str
    step: str
    written: Format
    short: Format
    unit: str = ""


def columns(words: Words, labels: Sequence[str], lines: Sequence[Line], *, stacked: bool = False) -> Chart:
    """A column for each figure, beside each other or on top of each other. `labels` differ from each other."""
    steps = list(zip(*(line.values for line in lines), strict=True))
    heights = [sum(values) if stacked else max(values) for values in steps]
    figures = dict(zip(labels, steps, strict=True))
    marks = [_Mark(number, line.name, words.written) for number, line in enumerate(lines, 1)]
    return _drawn(words, labels, lines, _Columns(marks, figures, stacked=stacked), heights)


def level(words: Words, labels: Sequence[str], line: Line) -> Chart:
    """How high something stood at the end of each step."""
    return _drawn(words, labels, [line], _Level(_Mark(1, line.name, words.written)), line.values)


def bars(words: Words, found: Mapping[str, int]) -> Chart:
    """A bar for each name, in the order given."""
    chart = leather.Chart()
    line = Line(words.title, list(found.values()))
    shape = _Bars(_Mark(1, line.name, words.written))
    chart.add_series(leather.Series([(value, name) for name, value in reversed(list(found.items()))]), shape)
    chart.add_x_scale(0, _round_up(max(found.values())))
    chart.add_x_axis(tick_formatter=_tick(words.short))
    height = 30 + 26 * len(found)
    return Chart(
        words.name,
        words.title,
        words.summary,
        words.step,
        list(found),
        [line],
        words.written,
        _svg(words, chart, height, "chart bars"),
    )


def _drawn(
    words: Words, labels: Sequence[str], lines: Sequence[Line], shape: _Columns | _Level, heights: Sequence[int]
) -> Chart:
    chart = leather.Chart()
    chart.add_series(leather.Series(list(zip(labels, heights, strict=True))), shape)
    chart.add_x_axis(ticks=list(labels[:: math.ceil(len(labels) / LABELS)]))
    chart.add_y_scale(0, _round_up(max(heights)))
    chart.add_y_axis(tick_formatter=_tick(words.short))
    svg = _svg(words, chart, HEIGHT)
    return Chart(words.name, words.title, words.summary, words.step, labels, lines, words.written, svg)


def _svg(words: Words, chart: Any, height: int, look: str = "chart") -> Markup:  # noqa: ANN401 - leather has no types
    above = UNIT_ROOM if words.unit else 8
    root = ET.Element(
        "svg",
        {
            "class": look,
            "viewBox": f"0 {-above} {WIDTH} {height + above}",
            "role": "img",
            "aria-label": f"{words.title}. {words.summary}",
        },
    )
    drawing = chart.to_svg_group(WIDTH - 12, height - 4)
    drawing.remove(drawing[0])  # a background
    root.append(drawing)
    if words.unit:
        ET.SubElement(root, "text", {"class": "unit", "x": "0", "y": str(12 - above)}).text = words.unit
    for element in root.iter():
        for name in _LOOKS.intersection(element.keys()):
            del element.attrib[name]
        for name in _PLACES.intersection(element.keys()):
            element.set(name, f"{float(element.attrib[name]):.1f}")
    # ElementTree has escaped whatever text is in it
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704


def _round_up(maximum: int) -> int:
    """A round figure at or above the greatest, for the end of the scale."""
    if maximum < _FEWEST:
        return _FEWEST
    size: int = 10 ** (len(str(maximum)) - 1)
    return next(step * size // 2 for step in range(2, 21) if step * size // 2 >= maximum)


def _tick(short: Format) -> Callable[[Decimal, int, int], str]:
    return lambda value, _index, _count: short(int(value)) if value == int(value) else ""


@dataclass(frozen=True, slots=True)
class _Mark:
    """How the marks of a line look, and what they say."""

    number: int
    name: str
    written: Format

    def group(self, parent: ET.Element | None = None) -> ET.Element:
        group = ET.Element("g", {"class": f"series series-{self.number}"})
        if parent is not None:
            parent.append(group)
        return group

    def add(self, group: ET.Element, step: str, value: int, tag: str, **place: float) -> None:
        found = ET.SubElement(group, tag, {name: f"{figure:.1f}" for name, figure in place.items()})
        ET.SubElement(found, "title").text = f"{step}: {self.name} {self.written(value)}"


@dataclass(frozen=True, slots=True)
class _Columns:
    """A leather shape: columns of all lines, by step."""

    marks: Sequence[_Mark]
    figures: Mapping[str, Sequence[int]]
    stacked: bool

    def validate_series(self, series: Any) -> None:  # noqa: ANN401
        """Leather asks; whatever `columns` makes will do."""

    def to_svg(
        self,
        width: float,
        height: float,
        x_scale: Any,  # noqa: ANN401
        y_scale: Any,  # noqa: ANN401
        _series: object,
        _palette: object,
    ) -> ET.Element:
        whole = ET.Element("g")
        groups = [mark.group(whole) for mark in self.marks]
        begin, end = map(float, x_scale.project_interval(next(iter(self.figures)), 0, width))
        share = end - begin if self.stacked else (end - begin) / len(self.marks)
        for place, (step, values) in enumerate(self.figures.items()):
            left = begin + place * float(width) / len(self.figures)
            base = 0
            for number, (mark, group, value) in enumerate(zip(self.marks, groups, values, strict=True)):
                bottom, top = (float(y_scale.project(figure, height, 0)) for figure in (base, base + value))
                x = left if self.stacked else left + share * number
                if value:
                    mark.add(group, step, value, "rect", x=x, y=top, width=share * 0.94, height=bottom - top)
                base += value if self.stacked else 0
        return whole


@dataclass(frozen=True, slots=True)
class _Level:
    """A leather shape: an area with a line on top."""

    mark: _Mark

    def validate_series(self, series: Any) -> None:  # noqa: ANN401
        """Leather asks; whatever `level` makes will do."""

    def to_svg(
        self,
        width: float,
        height: float,
        x_scale: Any,  # noqa: ANN401
        y_scale: Any,  # noqa: ANN401
        series: Any,  # noqa: ANN401
        _palette: object,
    ) -> ET.Element:
        group = self.mark.group()
        found = [
            (one, float(x_scale.project(one.x, 0, width)), float(y_scale.project(one.y, height, 0)))
            for one in series.data()
        ]
        line = " L".join(f"{x:.1f} {y:.1f}" for _, x, y in found)
        first, last = found[0][1], found[-1][1]
        ET.SubElement(
            group, "path", {"class": "area", "d": f"M{first:.1f} {height:.1f} L{line} L{last:.1f} {height} Z"}
        )
        ET.SubElement(group, "path", {"class": "line", "d": f"M{line}"})
        for one, x, y in found:
            self.mark.add(group, one.x, one.y, "circle", cx=x, cy=y, r=3)
        return group


@dataclass(frozen=True, slots=True)
class _Bars:
    """A leather shape: bars that lie."""

    mark: _Mark

    def validate_series(self, series: Any) -> None:  # noqa: ANN401
        """Leather asks; whatever `bars` makes will do."""

    def to_svg(
        self,
        width: float,
        height: float,
        x_scale: Any,  # noqa: ANN401
        y_scale: Any,  # noqa: ANN401
        series: Any,  # noqa: ANN401
        _palette: object,
    ) -> ET.Element:
        group = self.mark.group()
        for one in series.data():
            bottom, top = map(float, y_scale.project_interval(one.y, height, 0))
            long = float(x_scale.project(one.x, 0, width))
            room = (bottom - top) * 0.15
            self.mark.add(group, one.y, one.x, "rect", x=0, y=top + room, width=long, height=bottom - top - 2 * room)
        return group
