"""A machine on which Tallystick was just installed: the built wheel, what it needs, an empty home, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from tests.support.docs_site import built
from tests.support.paths import ROOT

LOCK: Final = ROOT / "requirements.lock"
DEVELOPMENT_LOCK: Final = ROOT / "requirements-dev.lock"
_LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==[^ ;\\]+(?: ; ([^\\]+?))? \\$", re.MULTILINE)
_SOURCES: Final = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "requirements.lock", "src", "clients")
"""The site of the documentation is among the sources, once it is built."""


@dataclass(frozen=True)
class Machine:
    """`program`: the installed command. `home`: of somebody who was never here before."""

    home: Path
    program: Path

    @property
    def python(self) -> Path:
        return self.program.with_name("python")

    def environment(self, **more: str) -> dict[str, str]:
        """What this person's shell has: nothing of ours, and nothing of who runs the tests."""
        path = f"{self.program.parent}:/usr/local/bin:/usr/bin:/bin"
        return {"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8", "USER": "newcomer", **more}

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in the home."""
        return subprocess.run(  # noqa: S603 - our own program, or one that a test names
            command,
            cwd=self.home,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


def build_wheel(directory: Path) -> Path:
    """The wheel, without compiled functions, from a copy of the sources: building it here would change them."""
    built()
    sources = directory / "sources"
    sources.mkdir()
    for name in _SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy2(ROOT / name, sources / name)
    subprocess.run(  # noqa: S603 - the builder that the lock names
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory / "wheels")],
        cwd=sources,
        env={**os.environ, "TALLYSTICK_COMPILE": "never"},
        check=True,
        capture_output=True,
    )
    (wheel,) = (directory / "wheels").glob("*.whl")
    return wheel


def install(wheel: Path, directory: Path) -> Machine:
    """Install a wheel into an environment of its own, beside what the lock names for this machine.

    What it needs is not fetched again: the files are those of the environment that runs the tests, each by a link.
    """
    environment, home = directory / "environment", directory / "home"
    venv.create(environment, with_pip=False, symlinks=True)
    home.mkdir()
    machine = Machine(home, environment / "bin" / "tallystick")
    (packages,) = (environment / "lib").glob("python*/site-packages")
    found = needed()
    shared = _shared(found)
    for one in found:
        _link(one, packages, shared)
    subprocess.run(  # noqa: S603 - pip, with a file that was just built
        [
            *(sys.executable, "-m", "pip", "--python", str(machine.python), "--disable-pip-version-check"),
            *("install", "--quiet", "--no-index", "--no-deps", "--no-compile", str(wheel)),
        ],
        check=True,
        capture_output=True,
    )
    return machine


def locked(lock: Path) -> set[str]:
    """The names of what a lock has for this machine."""
    return {
        name for name, marker in _LOCKED.findall(lock.read_text("utf-8")) if not marker or Marker(marker).evaluate()
    }


def needed() -> list[Distribution]:
    """What the lock of the service names and is there."""
    found = []
    for name in sorted(locked(LOCK)):
        try:
            found.append(distribution(name))
        except PackageNotFoundError:  # an extra that this environment was made without
            continue
    return found


def _link(found: Distribution, packages: Path, shared: set[str]) -> None:
    """Link what a distribution has: its folders and files, or one by one what is in a folder that others have, too."""
    for file in found.files or ():
        if file.parts[0] == ".." or "__pycache__" in file.parts:  # scripts of other environments, and what is made anew
            continue
        name = str(file) if file.parts[0] in shared else file.parts[0]
        target, link = Path(str(found.locate_file(name))), packages / name
        if target.exists() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target.resolve())


def _shared(found: list[Distribution]) -> set[str]:
    """Folders in which several distributions have something."""
    owners = Counter(name for one in found for name in {file.parts[0] for file in one.files or ()})
    return {name for name, count in owners.items() if count > 1}
