"""What the pages about security point to is there: each test that they name, each file."""

from __future__ import annotations

import re

import pytest
from tests.support.paths import ROOT

DOCUMENTS = ("docs/threat-model.md", "docs/asvs.md")
NAMED_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<test>test_\w+)`")
NAMED_FILE = re.compile(r"`(?P<file>(?:src|tests|docs|tools)/[\w/.-]+\.\w+|hatch_build\.py|requirements\.lock)`")
ROW = re.compile(r"^\| (?!-)(?P<cells>.+) \|$", re.MULTILINE)


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_and_file_that_is_named_is_there(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")

    tests = [(found["file"], found["test"]) for found in NAMED_TEST.finditer(text)]
    files = {found["file"] for found in NAMED_FILE.finditer(text)}
    assert tests or files
    assert [name for name in files if not (ROOT / name).is_file()] == []
    assert [f"{file}::{test}" for file, test in tests if not defines(file, test)] == []


def defines(file: str, test: str) -> bool:
    path = ROOT / file
    return path.is_file() and re.search(rf"^(?:async )?def {test}\(", path.read_text("utf-8"), re.MULTILINE) is not None


def test_each_threat_has_a_defence_and_a_test_or_says_that_it_has_none() -> None:
    rows = [
        found["cells"].split(" | ")
        for found in ROW.finditer(section((ROOT / "docs/threat-model.md").read_text("utf-8"), "Threats"))
    ][1:]

    assert len(rows) > 20
    for threat, defence, shown in rows:
        assert threat
        assert defence
        assert NAMED_TEST.search(shown) or shown == "no test", threat


def test_each_section_of_the_standard_has_a_verdict_and_something_to_show() -> None:
    rows = [found["cells"].split(" | ") for found in ROW.finditer((ROOT / "docs/asvs.md").read_text("utf-8"))][1:]

    assert {int(re.match(r"V(\d+)", name)[1]) for name, *_ in rows} == set(range(1, 18))  # type: ignore[index]
    for name, verdict, shown in rows:
        assert verdict in {"met", "partly", "no", "none"}, name
        assert NAMED_TEST.search(shown) or NAMED_FILE.search(shown), name
