"""Diagrams that pages have as Mermaid are drawn for the site: every box, every arrow, none through another box."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.support.paths import ROOT
from tools import docs_site
from tools.docs_diagrams import drawn

PAGES = [path for path in (ROOT / "docs").rglob("*.md") if "```mermaid" in path.read_text("utf-8")]
DIAGRAMS = [
    pytest.param(code, id=f"{path.stem}-{number}")
    for path in PAGES
    for number, code in enumerate(
        re.findall(r"^```mermaid\n(.*?)^```$", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    )
]


@pytest.mark.parametrize("code", DIAGRAMS)
def test_everything_of_a_diagram_is_in_its_drawing(code: str) -> None:
    bare = re.sub(r'\["[^"]*"\]', "", code)
    boxes = {*re.findall(r"(\S+)(?= -->)", bare), *re.findall(r"(?<=--> )([^\s:]+)", bare)} - {"[*]"}
    arrows = bare.count(" --> ") - bare.count("--> [*]")
    assert len(boxes) > 1 or arrows == 1
    found = drawn(code)
    if found.startswith("| from"):
        assert found.count("\n") == 2 + arrows
        return
    svg = ET.fromstring(found.partition(">")[2].removesuffix("</div>\n"))  # noqa: S314 - made by ourselves
    assert len(svg.findall("{*}path")) == arrows
    assert len(svg.findall("{*}rect")) == len(boxes)
    left, top, wide, high = (float(one) for one in svg.attrib["viewBox"].split())
    for box in svg.findall("{*}rect"):
        x, y, width, height = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        assert left <= x
        assert x + width <= left + wide
        assert top <= y
        assert y + height <= top + high


def test_when_something_happens_is_told_in_a_table() -> None:
    told = drawn("stateDiagram-v2\n    [*] --> Open: somebody agrees\n    Open --> Over: it ends\n    Over --> [*]\n")
    assert told.splitlines()[2:] == ["| (it begins) | Open | somebody agrees |", "| Open | Over, for good | it ends |"]


def test_boxes_have_their_words() -> None:
    found = drawn('flowchart TD\n    one["a < b"] --> two["the second one"] --> three\n    one --> three\n')
    assert "a &lt; b" in found
    assert "the second one" in found
    assert found.count("<path") == 3


def test_a_page_with_another_diagram_ends_the_build(tmp_path: Path) -> None:
    for name in (*docs_site.ELSEWHERE, "docs/page.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# A page\n\n```mermaid\npie\n```\n", "utf-8")
    with pytest.raises(docs_site.SiteError, match=r"docs/page\.md: no drawing of 'pie'"):
        docs_site.stage(tmp_path, tmp_path / "work")


@pytest.mark.parametrize("code", ["pie\n", "stateDiagram-v2\n    state Open\n", "flowchart TD\n    a{what} --> b\n"])
def test_what_cannot_be_drawn_ends_the_build(code: str) -> None:
    with pytest.raises(ValueError, match=r"no drawing|not read"):
        drawn(code)
