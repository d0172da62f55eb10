"""What the embedded server's process is given of ours, and who may look into its directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import psutil
import pytest
from tests.db.test_embedded import directory as directory  # noqa: PLC0414 - a fixture
from tests.db.test_embedded import postmaster_pid, servers_of

from tallystick.db.embedded.server import EmbeddedPostgres, EmbeddedPostgresError

SECRETS = {
    "TALLYSTICK_MASTER_KEY": "c2VjcmV0LW9mLXRoZS10ZXN0LXNlY3JldC1vZi10ZXN0IQ==",
    "TALLYSTICK_SMTP_URL": "smtps://me:secret-of-the-test@mail.example",
    "SOME_PASSWORD": "secret-of-the-test",
}
GIVEN = {"PATH", "LC_ALL"}  # the server turns the second into others
OF_POSTGRESQL = {"PGDATA", "PGLOCALEDIR", "PGSYSCONFDIR", "PG_GRANDPARENT_PID", "PWD", "SHLVL", "_", "OLDPWD"}
"""What its own programs, and the shell in which they start one another, add."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")


def environment_of(process: psutil.Process) -> bytes:
    return Path(f"/proc/{process.pid}/environ").read_bytes()


async def test_the_server_gets_nothing_of_our_environment_but_path_and_locale(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    with EmbeddedPostgres(directory) as server:
        processes = servers_of(directory)
        assert len(processes) > 1
        for process in processes:
            assert b"secret" not in environment_of(process), process
            assert b"TALLYSTICK" not in environment_of(process), process
        names = {line.partition("=")[0] for line in await in_the_server(server, "env")}

    assert "PATH" in names
    assert {name for name in names if not name.startswith("LC_")} <= GIVEN | OF_POSTGRESQL


def status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text("ascii")


async def in_the_server(server: EmbeddedPostgres, command: str) -> list[str]:
    """What a program says that the server starts: a superuser of the database can have it start any."""
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        await connection.execute("CREATE TEMPORARY TABLE line (line text)")
        await connection.execute(f"COPY line FROM PROGRAM '{command}'")
        return [row["line"] for row in await connection.fetch("SELECT line FROM line")]
    finally:
        await connection.close()


@needs_root
async def test_the_server_is_in_no_group_but_its_own(directory: Path) -> None:
    with EmbeddedPostgres(directory) as server:
        status = status_of(postmaster_pid(server))
        own = server.data.stat()
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert own.st_gid != 0
    assert lines["Uid"].split() == [str(own.st_uid)] * 4
    assert lines["Gid"].split() == [str(own.st_gid)] * 4
    assert lines["Groups"].split() == []


@needs_root
def test_a_closed_directory_above_lets_the_servers_group_pass_and_nobody_look(directory: Path) -> None:
    home = directory / "home"
    home.mkdir(mode=0o700)
    with EmbeddedPostgres(home / "data") as server:
        group = server.data.stat().st_gid
        for above in (home, home / "data"):
            assert stat.S_IMODE(above.stat().st_mode) == 0o710
            assert above.stat().st_gid == group
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


@needs_root
def test_another_groups_directory_is_left_as_it_is(directory: Path) -> None:
    home = directory / "home"
    home.mkdir()
    os.chown(home, 0, 12_345)
    home.chmod(0o750)
    with pytest.raises(EmbeddedPostgresError, match=r"cannot pass through .*/home: let its group"):
        EmbeddedPostgres(home / "data").start()
    assert stat.S_IMODE(home.stat().st_mode) == 0o750
    assert home.stat().st_gid == 12_345


@pytest.fixture
def wide() -> Iterator[Path]:
    """A directory into which everybody may look."""
    path = Path(mkdtemp(prefix="tallystick-wide-")).resolve()
    path.chmod(0o755)
    yield path
    for process in servers_of(path):
        process.kill()
    for entry in sorted(path.rglob("*"), reverse=True):
        entry.rmdir() if entry.is_dir() else entry.unlink()
    path.rmdir()


def is_closed(path: Path) -> bool:
    """To everybody but its owner, and the server, which passes through."""
    return stat.S_IMODE(path.stat().st_mode) in {0o700, 0o710}


def test_an_open_directory_is_closed_before_anything_is_written(wide: Path) -> None:
    with EmbeddedPostgres(wide) as server:
        assert is_closed(wide)
        wide.chmod(0o755)
        server.data.chmod(0o750)
    with EmbeddedPostgres(wide) as server:
        assert is_closed(wide)
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_an_open_directory_that_holds_something_else_is_refused_and_left_alone(wide: Path) -> None:
    (wide / "letters.txt").touch()
    with pytest.raises(EmbeddedPostgresError, match="may be read by other users and holds something else; run: chmod"):
        EmbeddedPostgres(wide).start()
    assert [entry.name for entry in wide.iterdir()] == ["letters.txt"]
    assert stat.S_IMODE(wide.stat().st_mode) == 0o755


def test_a_directory_that_all_share_is_refused(wide: Path) -> None:
    wide.chmod(0o1777)
    with pytest.raises(EmbeddedPostgresError, match="TALLYSTICK_DATA_DIRECTORY to a directory of its own"):
        EmbeddedPostgres(wide).start()
    assert [*wide.iterdir()] == []
