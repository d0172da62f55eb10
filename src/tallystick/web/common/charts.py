"""Charts as SVG that is part of the page: readable without scripts, coloured by the style sheet, a table behind each.

Each mark has a text that is shown under the pointer, and a class with the number of its line, which the style sheet
colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET  # it writes here, and never reads

from markupsafe import Markup

from tallystick.web.common.drawing import GAP, LETTER, Plot, Scale, add, as_markup, axes, picture, write

WIDTH: Final = 420  # units of the drawing; it grows and shrinks with the page
HEIGHT: Final = 206  # with the names of the steps, without that of the unit
UNIT_ROOM: Final = 28  # above a drawing, for the name of its unit
STEP_ROOM: Final = 30  # below it, for the names of the steps
BAR: Final = 26  # the height for one horizontal bar
LABELS: Final = 5  # how many fit under an axis

Format = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class ChartLine:
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
    lines: Sequence[ChartLine]
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


def columns(words: Words, labels: Sequence[str], lines: Sequence[ChartLine], *, stacked: bool = False) -> Chart:
    """A column for each figure, beside each other or on top of each other. `labels` differ from each other."""
    steps = list(zip(*(line.values for line in lines), strict=True))
    drawing, plot = _drawing(words, labels, [sum(values) if stacked else max(values) for values in steps])
    share = plot.band * 0.86 if stacked else plot.band * 0.86 / len(lines)
    for number, line in enumerate(lines):
        group = _series(drawing, number + 1)
        for step, value in enumerate(line.values):
            if not value:
                continue
            base = sum(steps[step][:number]) if stacked else 0
            x = plot.begin(step) + plot.band * 0.07 + (0 if stacked else share * number)
            top, bottom = plot.height(base + value), plot.height(base)
            mark = add(group, "rect", x=x, y=top, width=share * 0.97, height=bottom - top)
            _say(mark, labels[step], line.name, words.written(value))
    return _chart(words, labels, lines, drawing)


def level(words: Words, labels: Sequence[str], line: ChartLine) -> Chart:
    """How high something stood at the end of each step."""
    drawing, plot = _drawing(words, labels, line.values)
    group = _series(drawing, 1)
    found = [(plot.middle(step), plot.height(value)) for step, value in enumerate(line.values)]
    path = " L".join(f"{x:.1f} {y:.1f}" for x, y in found)
    first, last = found[0][0], found[-1][0]
    area = f"M{first:.1f} {plot.bottom:.1f} L{path} L{last:.1f} {plot.bottom:.1f} Z"
    add(group, "path", "area").set("d", area)
    add(group, "path", "line").set("d", f"M{path}")
    for label, value, (x, y) in zip(labels, line.values, found, strict=True):
        _say(add(group, "circle", cx=x, cy=y, r=3), label, line.name, words.written(value))
    return _chart(words, labels, [line], drawing)


def bars(words: Words, found: Mapping[str, int]) -> Chart:
    """A horizontal bar for each name, in the order given, with its figure at the end."""
    line = ChartLine(words.title, list(found.values()))
    drawing = _picture(words, BAR * len(found), "chart bars")
    group = _series(drawing, 1)
    left = LETTER * max(map(len, found)) + GAP
    room = WIDTH - left - LETTER * max(len(words.short(value)) for value in found.values()) - GAP
    for number, (name, value) in enumerate(found.items()):
        middle, length = BAR * (number + 0.5), room * value / max(1, *found.values())
        write(drawing, name, left - GAP, middle, "end")
        mark = add(group, "rect", x=left, y=middle - BAR * 0.35, width=length, height=BAR * 0.7)
        _say(mark, name, line.name, words.written(value))
        write(drawing, words.short(value), left + length + GAP, middle)
    return _chart(words, list(found), [line], drawing)


def _drawing(words: Words, labels: Sequence[str], heights: Sequence[int]) -> tuple[ET.Element, Plot]:
    """Axes for figures of these heights, and room for them within."""
    scale = Scale.up_to(max(heights))
    figures = [words.short(value) for value in scale.ticks]
    above = UNIT_ROOM if words.unit else GAP
    drawing = _picture(words, HEIGHT + above)
    left = LETTER * max(map(len, figures)) + GAP
    plot = Plot(left, above, WIDTH, above + HEIGHT - STEP_ROOM, scale, len(labels))
    if words.unit:
        add(drawing, "text", "unit", x=0, y=12).text = words.unit
    axes(drawing, plot, figures, list(_some(labels)))
    return drawing, plot


def _some(labels: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The steps to label, evenly spaced: as many as fit under an axis."""
    for step in range(0, len(labels), math.ceil(len(labels) / LABELS)):
        yield step, labels[step]


def _picture(words: Words, height: float, look: str = "chart") -> ET.Element:
    return picture(look, f"{words.title}. {words.summary}", WIDTH, height)


def _series(drawing: ET.Element, number: int) -> ET.Element:
    """The group for the marks of a line, with the class by which the style sheet colours it."""
    return add(drawing, "g", f"series series-{number}")


def _say(mark: ET.Element, step: str, name: str, figure: str) -> None:
    """Add the text that is shown when the pointer is on a mark."""
    ET.SubElement(mark, "title").text = f"{step}: {name} {figure}"


def _chart(words: Words, labels: Sequence[str], lines: Sequence[ChartLine], drawing: ET.Element) -> Chart:
    svg = as_markup(drawing)
    return Chart(words.name, words.title, words.summary, words.step, labels, lines, words.written, svg)
