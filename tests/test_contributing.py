"""What contributors' tools are told agrees with what is checked here."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from tests.deploy.whole.asked import ASKED
from tests.support.paths import ROOT
from tools.check import IMAGE_ASKED, IMAGE_TESTS, NOT_QUICK, QUICK_TESTS, STATIC_CHECKS

import tallystick

ROOMS = ("src", "clients", "tests", "tools", "docs", ".ci", ".github")
MADE = {"node_modules", "dist"}
TEXT = {
    ".css",
    ".html",
    ".js",
    ".json",
    ".lua",
    ".md",
    ".po",
    ".py",
    ".pyx",
    ".sql",
    ".svg",
    ".toml",
    ".ts",
    ".xsd",
    ".yml",
}


def texts() -> Iterator[Path]:
    """The files that somebody edits; none of what tools leave behind."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in TEXT)
    for room in ROOMS:
        yield from (
            path
            for path in (ROOT / room).rglob("*")
            if path.is_file() and path.suffix in TEXT and not MADE & set(path.parts)
        )


def test_every_file_is_as_editors_are_told() -> None:
    told = configparser.ConfigParser()
    told.read_string("[root]\n" + (ROOT / ".editorconfig").read_text("utf-8"))
    usual = told["*"]
    assert (usual["charset"], usual["end_of_line"]) == ("utf-8", "lf")
    assert usual.getboolean("insert_final_newline")
    assert usual.getboolean("trim_trailing_whitespace")
    wrong = []
    for path in texts():
        text = path.read_bytes().decode("utf-8")
        as_given = path.is_relative_to(ROOT / "tests" / "data")
        if "\r" in text and not as_given:
            wrong.append(f"{path}: a carriage return")
        if text and not text.endswith("\n") and not as_given and path.suffix != ".svg":
            wrong.append(f"{path}: no newline at its end")
        if re.search(r"[ \t]$", text, re.MULTILINE) and not as_given:
            wrong.append(f"{path}: spaces at the end of a line")
    assert wrong == []


def test_hooks_run_the_checks_of_this_repository() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert local["repo"] == "local"
    hooks = {hook["name"]: hook["entry"].split() for hook in local["hooks"]}
    assert hooks.keys() == STATIC_CHECKS.keys()
    for name, (program, *words) in STATIC_CHECKS.items():
        verbs = [word for word in words if not word.startswith("--")]
        assert hooks[name][: 1 + len(verbs)] == [f".venv/bin/{program}", *verbs]


def test_the_quick_tests_are_there() -> None:
    assert [path for path in QUICK_TESTS if not (ROOT / path).exists()] == []
    assert len(set(QUICK_TESTS)) == len(QUICK_TESTS)
    assert [path for path in NOT_QUICK if not path.startswith(QUICK_TESTS) or not (ROOT / path).exists()] == []


def test_the_tests_of_whole_machines_are_there_and_hear_that_they_are_asked_for() -> None:
    assert list((ROOT / IMAGE_TESTS).glob("test_*.py"))
    assert IMAGE_ASKED == ASKED


def test_forms_for_issues_ask_for_something() -> None:
    forms = [path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    assert len(forms) == 2
    for path in forms:
        form = yaml.safe_load(path.read_text("utf-8"))
        assert {"name", "description", "body"} <= form.keys()
        asked = [field for field in form["body"] if field["type"] != "markdown"]
        assert len({field["id"] for field in asked}) == len(asked)
        assert any(field.get("validations", {}).get("required") for field in asked)
        assert all(field["attributes"]["label"] for field in asked)


def test_the_changes_of_this_version_come_first() -> None:
    """Between releases the version is the one to come; a tag finds its notes under its own name."""
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    version = re.escape(tallystick.__version__)
    assert re.fullmatch(rf"Unreleased: {version}|{version} \(\d{{4}}-\d\d-\d\d\)", headings[0]), headings[0]
