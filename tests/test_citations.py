"""What the code cites of the protocol is there: docs/protocol/README.md, "Citing it"."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support.paths import ROOT

CITATION = re.compile(r"docs/protocol/(?P<file>\w+\.(?:md|yaml))(?:, (?P<place>(?:\d[\d., and to]*\d|\d)|\w[\w ]*\w))?")
SECTION = re.compile(r"^## (\d+)\. ", re.MULTILINE)
SOURCES = sorted(path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py"))


def citations() -> Iterator[tuple[str, str, str]]:
    """Where it is cited, the file, and the place in it ("" for all of it)."""
    for path in SOURCES:
        text = re.sub(r"\s*\n\s*", " ", path.read_text("utf-8"))
        for found in CITATION.finditer(text):
            yield str(path.relative_to(ROOT)), found["file"], found["place"] or ""


def missing(file: str, place: str) -> str | None:
    """What of a citation is not there."""
    path = ROOT / "docs" / "protocol" / file
    if not path.is_file():
        return f"no file {file}"
    text = path.read_text("utf-8")
    if not place or not place[0].isdigit():
        return None if place in text else f'"{place}" does not stand in {file}'
    sections = SECTION.findall(text)
    for number in re.findall(r"\d+(?:\.\d+)?", place):
        section, _, point = number.partition(".")
        if section not in sections:
            return f"{file} has no section {section}"
        body = re.split(rf"^## {section}\. .*$", text, maxsplit=1, flags=re.MULTILINE)[1].partition("\n## ")[0]
        if point and not re.search(rf"^{point}\. ", body, re.MULTILINE):
            return f"{file}, {section} has no point {point}"
    return None


def test_every_citation_leads_somewhere() -> None:
    found = list(citations())
    assert len(found) > 40
    assert {f"{where}: {why}" for where, file, place in found if (why := missing(file, place)) is not None} == set()


@pytest.mark.parametrize(
    ("file", "place"), [("nothing.md", ""), ("flows.md", "99"), ("flows.md", "2.66"), ("errors.md", "NoSuchCode")]
)
def test_what_is_not_there_is_noticed(file: str, place: str) -> None:
    assert missing(file, place) is not None


def test_links_between_the_documents_lead_somewhere() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    links = [
        (page, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
        if "://" not in target and not target.startswith(("mailto:", "/"))
    ]
    assert len(links) > 100
    assert [
        f"{page.relative_to(ROOT)}: {target}" for page, target in links if not (page.parent / target).exists()
    ] == []


def named_tests(text: str) -> list[tuple[str, str]]:
    """Files below tests and the tests in them that a document names."""
    return re.findall(r"`([\w/]+\.py)::(test_\w+)`", text)


def test_what_was_inferred_is_held_by_tests_that_exist() -> None:
    text = (ROOT / "docs" / "protocol" / "inferred.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| in |")]
    named = named_tests(text)

    assert len(named) == len(rows) > 50
    gone = [
        f"{file}::{name}"
        for file, name in named
        if not (path := ROOT / "tests" / file).is_file()
        or not re.search(rf"^(?:async )?def {name}\(", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert gone == []
