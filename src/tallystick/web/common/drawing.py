"""What a chart is drawn with: a picture, scales with round figures, axes. SVG without colours: a style sheet has them.

All lengths are units of the drawing, from its upper left corner to the right and down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final
from xml.etree import ElementTree as ET  # it writes here, and never reads

from markupsafe import Markup

LETTER: Final = 7
"""The width of a letter of an axis, about."""
GAP: Final = 8
"""Between an axis and its words."""

_INTERVALS: Final = 4  # between the lines of a scale, at most; and at least so many units, so that its steps are whole
_ROUND: Final = (10, 20, 25, 50, 100)  # tenths: what a step may be, times a power of ten


@dataclass(frozen=True, slots=True)
class Scale:
    """Figures from 0 to `end`, a line at each `step`; all of them whole and round."""

    step: int
    end: int

    @classmethod
    def up_to(cls, maximum: float) -> Scale:
        """A scale with room for the greatest figure, and few lines."""
        greatest = Fraction(maximum)  # floats have no room for the last digits of large amounts
        least = max(greatest, Fraction(_INTERVALS)) / _INTERVALS
        size = 10 ** (len(str(int(least))) - 1)
        step = next(tenths * size // 10 for tenths in _ROUND if tenths * size % 10 == 0 and tenths * size >= 10 * least)
        return cls(step, step * max(1, math.ceil(greatest / step)))

    @property
    def ticks(self) -> Sequence[int]:
        """The figures that have a line."""
        return range(0, self.end + 1, self.step)


@dataclass(frozen=True, slots=True)
class Plot:
    """The part of a drawing that is within its axes: steps from left to right, figures from the bottom up."""

    left: float
    top: float
    right: float
    bottom: float
    scale: Scale
    steps: int

    @property
    def band(self) -> float:
        """How wide a step is."""
        return (self.right - self.left) / self.steps

    def begin(self, step: int) -> float:
        """Where a step begins, from the left."""
        return self.left + self.band * step

    def middle(self, step: int) -> float:
        """Where the middle of a step is, from the left."""
        return self.begin(step) + self.band / 2

    def height(self, value: float) -> float:
        """Where a figure is, from the top."""
        return self.bottom - (self.bottom - self.top) * value / self.scale.end


def picture(look: str, described: str, width: float, height: float) -> ET.Element:
    """An empty drawing that is one picture with a description to who cannot see it."""
    view = f"0 0 {width:g} {height:g}"
    return ET.Element("svg", {"class": look, "viewBox": view, "role": "img", "aria-label": described})


def add(parent: ET.Element, tag: str, look: str = "", **places: float) -> ET.Element:
    """A shape in a drawing, at its places."""
    attributes = {"class": look} if look else {}
    return ET.SubElement(parent, tag, attributes | {name: f"{place:.1f}" for name, place in places.items()})


def write(parent: ET.Element, words: str, x: float, y: float, anchor: str = "start") -> ET.Element:
    """Words in a drawing: at `x` they start, end or have their middle, at `y` is the middle of their height."""
    text = add(parent, "text", x=x, y=y)
    text.set("dy", "0.32em")
    if anchor != "start":
        text.set("text-anchor", anchor)
    text.text = words
    return text


def axes(parent: ET.Element, plot: Plot, figures: Sequence[str], steps: Sequence[tuple[int, str]]) -> None:
    """A line with its figure for each tick of the scale, and names below some of the steps."""
    for value, words in zip(plot.scale.ticks, figures, strict=True):
        tick, y = add(parent, "g", "tick"), plot.height(value)
        add(tick, "line", x1=plot.left, x2=plot.right, y1=y, y2=y)
        write(tick, words, plot.left - GAP, y, "end")
    for step, words in steps:
        write(add(parent, "g", "tick"), words, plot.middle(step), plot.bottom + 2.5 * GAP, "middle")


def as_markup(drawing: ET.Element) -> Markup:
    """The drawing as a part of a page; whatever text is in it is escaped."""
    return Markup(ET.tostring(drawing, encoding="unicode"))  # noqa: S704 - ElementTree has escaped it
