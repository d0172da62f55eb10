"""What serves is locked to the same files as what is tested, and has no tools of development."""

from __future__ import annotations

import re
import tomllib
from itertools import chain

from tests.support.paths import ROOT

_ENTRY = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^ ;\\]+).*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


def locked(file: str) -> dict[tuple[str, str], set[str]]:
    """Name and version of every package, with the digests of its files."""
    text = (ROOT / file).read_text("utf-8")
    return {(found["name"], found["version"]): set(_HASH.findall(found[0])) for found in _ENTRY.finditer(text)}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0].lower() for one in requirements}


def test_what_serves_is_what_was_tested() -> None:
    serves, tested = locked("requirements.lock"), locked("requirements-dev.lock")

    assert len(serves) > 50
    assert all(serves.values())
    assert {package: files for package, files in serves.items() if tested.get(package) != files} == {}


def test_what_serves_has_what_it_needs_and_no_tools() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = project["dependency-groups"]
    tools = names([one for one in groups["dev"] if isinstance(one, str)])
    needed = names([*project["project"]["dependencies"], *groups["build"]])
    extras = names(list(chain(*project["project"]["optional-dependencies"].values())))
    present = {name for name, _ in locked("requirements.lock")}

    assert needed | extras <= present
    assert {"playwright", "pytest", "mypy", "ruff"} <= tools
    assert tools & present == {"pyyaml"}, "Litestar reads with it, too"
    assert tools <= {name for name, _ in locked("requirements-dev.lock")}
