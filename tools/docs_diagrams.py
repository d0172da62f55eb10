"""Draw the diagrams that pages have as Mermaid, which GitHub shows, for the site, which has no script that would.

Two kinds are drawn, by the little of their language that our pages use: `stateDiagram-v2` from left to right, and
`flowchart TD` downwards. Each state or box stands in the rank of the longest way to it. A state diagram whose arrows
say when is a table instead: so many words have no place in a drawing.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Final

EDGE: Final = "[*]"
"""Where a state diagram begins, and where it ends."""

_NODE: Final = re.compile(r'(?P<name>[\w*\[\]]+?)(?:\["(?P<label>[^"]*)"\])?')
_TRANSITION: Final = re.compile(r"\s*(?P<before>\S+) --> (?P<after>[^\s:]+)(?:: (?P<when>.+))?")
_STEP: Final = 34
"""How much farther out each further arrow runs that passes by a rank."""


@dataclass
class _Graph:
    """`labels`: what stands in each box, in the order in which they are named. `ends`: nothing follows for good."""

    labels: dict[str, str] = field(default_factory=dict)
    arrows: list[tuple[str, str, str]] = field(default_factory=list)
    ends: set[str] = field(default_factory=set)

    def add(self, before: str, after: str, when: str = "") -> None:
        for name in (before, after):
            self.labels.setdefault(name, name)
        self.arrows.append((before, after, when))

    def ranks(self) -> dict[str, int]:
        """The length of the longest way to each box. Arrows that lead back to a box on the way are left out."""
        found = dict.fromkeys(self.labels, 0)

        def walk(name: str, way: tuple[str, ...]) -> None:
            for before, after, _ in self.arrows:
                if before == name and after not in way and found[after] < len(way):
                    found[after] = len(way)
                    walk(after, (*way, after))

        reached = {after for _, after, _ in self.arrows}
        for name in self.labels:
            if name not in reached or name == EDGE:
                walk(name, (name,))
        return found


def drawn(code: str) -> str:
    """A diagram as HTML or Markdown for the site. Raises ValueError: it is of a kind that is not drawn."""
    kind, *lines = [line.strip() for line in code.strip().splitlines()]
    if kind == "stateDiagram-v2":
        return _states(lines)
    if kind == "flowchart TD":
        return _picture(_boxes(lines), across=False, width=190, height=58)
    raise ValueError(f"no drawing of {kind!r}: only stateDiagram-v2 and flowchart TD")


def _states(lines: Iterable[str]) -> str:
    graph = _Graph()
    for line in lines:
        found = _TRANSITION.fullmatch(line)
        if found is None:
            raise ValueError(f"not read: {line!r}")
        if found["after"] == EDGE:
            graph.ends.add(found["before"])
        else:
            graph.add(found["before"], found["after"], found["when"] or "")
    if not any(when for _, _, when in graph.arrows):
        return _picture(graph, across=True, width=96, height=34)
    rows = []
    for before, after, when in graph.arrows:
        since = "(it begins)" if before == EDGE else before
        until = f"{after}, for good" if after in graph.ends else after
        rows.append(f"| {since} | {until} | {when} |\n")
    return "| from | to | when |\n|---|---|---|\n" + "".join(rows)


def _boxes(lines: Iterable[str]) -> _Graph:
    graph = _Graph()
    for line in lines:
        names = []
        for part in line.split(" --> "):
            found = _NODE.fullmatch(part.strip())
            if found is None:
                raise ValueError(f"not read: {line!r}")
            names.append(found["name"])
            if found["label"]:
                graph.labels[found["name"]] = found["label"]
        for before, after in pairwise(names):
            graph.add(before, after)
    return graph


def _picture(graph: _Graph, *, across: bool, width: int, height: int) -> str:
    """The drawing. `across`: ranks follow from left to right, else downwards; a box has `width` and `height`."""
    ranks = graph.ranks()
    rows: dict[int, list[str]] = {}
    for name in graph.labels:
        rows.setdefault(ranks[name], []).append(name)
    along, beside = (width + 44, height + 22) if across else (height + 40, width + 24)
    middles = {
        name: (rank * along, (place - (len(names) - 1) / 2) * beside)
        for rank, names in rows.items()
        for place, name in enumerate(names)
    }
    far = max(len(names) for names in rows.values()) * beside / 2
    size_along, size_beside = (width / 2, height / 2) if across else (height / 2, width / 2)
    passing = {True: 0, False: 0}
    parts: list[str] = []
    for before, after, _ in sorted(graph.arrows, key=lambda one: ranks[one[1]] - ranks[one[0]]):
        (a, b), (c, d) = middles[before], middles[after]
        if ranks[after] - ranks[before] == 1:
            start = 8 if before == EDGE else size_along
            points = [(a + start, b), (a + (c - a) / 2, b), (a + (c - a) / 2, d), (c - size_along, d)]
        else:
            above = b + d < 0 or (b + d == 0 and passing[True] <= passing[False])
            passing[above] += 1
            side = -1 if above else 1
            out = side * (far + _STEP * passing[above])
            begin = 8 if before == EDGE else size_beside
            points = [(a, b + side * begin), (a, out), (c, out), (c, d + side * size_beside)]
        parts.append(_arrow([point if across else point[::-1] for point in points]))
    for name, (a, b) in middles.items():
        x, y = (a, b) if across else (b, a)
        parts.append(_box(graph, name, x, y, width, height))
    top = far + _STEP * passing[True] + 8
    bottom = far + _STEP * passing[False] + 8
    length = max(rows) * along + 2 * size_along + 8
    first, view = -size_along - 4, (length, top + bottom)
    left, upper, wide, high = (first, -top, *view) if across else (-top, first, *view[::-1])
    box = " ".join(f"{one:g}" for one in (left, upper, wide, high))
    text = ", ".join(f"{before} to {after}" for before, after, _ in graph.arrows if before != EDGE)
    size = f'viewBox="{box}" width="{wide:g}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(text)}">'
    kind = "states" if across else "boxes"
    return f'<div class="drawing {kind}">{svg}{"".join(parts)}</svg></div>\n'


def _arrow(points: list[tuple[float, float]]) -> str:
    """A curve to the last point, with its tip: the direction is that of its last part."""
    (x1, y1), (x2, y2), (x3, y3), (x, y) = points
    aside = (0, 5) if abs(x - x3) > abs(y - y3) else (5, 0)
    size = max(abs(x - x3), abs(y - y3)) or 1
    back_x, back_y = (x - x3) / size * 9, (y - y3) / size * 9
    tips = [(x - back_x + turn * aside[0], y - back_y + turn * aside[1]) for turn in (-1, 1)]
    curve = f"M{x1:g} {y1:g}C{x2:g} {y2:g} {x3:g} {y3:g} {x:g} {y:g}"
    return f'<path class="line" d="{curve}M{tips[0][0]:g} {tips[0][1]:g}L{x:g} {y:g}L{tips[1][0]:g} {tips[1][1]:g}"/>'


def _box(graph: _Graph, name: str, x: float, y: float, width: int, height: int) -> str:
    if name == EDGE:
        return f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="7"/>'
    lines = textwrap.wrap(graph.labels[name], width=max(12, width // 7))
    first = y + 5 - 9 * (len(lines) - 1)
    words = "".join(
        f'<text x="{x:g}" y="{first + 18 * place:g}" text-anchor="middle">{escape(line)}</text>'
        for place, line in enumerate(lines)
    )
    kind = "money" if name in graph.ends else "box"
    corner = f'x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width}" height="{height}" rx="6"'
    return f'<rect class="{kind}" {corner}/>{words}'
