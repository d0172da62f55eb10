"""docs/architecture.md says what is there: every folder has its line, and every file that it names exists."""

from __future__ import annotations

import re

from tests.support.paths import ROOT

PACKAGE = ROOT / "src" / "tallystick"
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
MAX_FILES = 18  # "about 15": what a folder may have besides __init__.py and other folders
PARTS_OF_A_FOLDER = {"sql", "catalogues", "site"}  # described with the folder that they are in
NO_ROOMS = {"static", "templates", "migrations", "site"}  # one line for all that is below


def folders() -> set[str]:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*")
        if path.is_dir() and "__pycache__" not in path.parts and path.name not in PARTS_OF_A_FOLDER
    }
    return {name for name in found if not NO_ROOMS & set(name.split("/")[:-1]) and not name.startswith("demo/")}


def test_every_folder_has_its_line() -> None:
    told = set(re.findall(r"^\| `([\w/]+)` \| ", PAGE, re.MULTILINE))
    assert told == folders()


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|md|sql|toml))`", PAGE))
    places = (PACKAGE, ROOT)
    named -= {"routes.py", "context.py"}  # in each room that has one
    assert len(named) > 40
    assert {name for name in named if not any((place / name).exists() for place in places)} == set()


def test_no_folder_has_too_many_files() -> None:
    sizes = {
        name: sum(path.is_file() and path.suffix == ".py" and path.name != "__init__.py" for path in folder.iterdir())
        for name in folders()
        if (folder := PACKAGE / name).is_dir()
    }
    assert {name: size for name, size in sizes.items() if size > MAX_FILES} == {}
