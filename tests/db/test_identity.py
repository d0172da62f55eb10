"""A copy of a data directory that was made while its database ran is recognised, and nothing else is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import asyncpg
import msgspec
import pytest

from tallystick.db.embedded.identity import NAME, Identity, check_not_copied
from tallystick.db.embedded.server import EmbeddedPostgres, EmbeddedPostgresError


def copied(original: Path, copy: Path) -> Path:
    """As `cp -a` does it, owners included; files that come and go under the copier are left out."""
    shutil.copytree(
        original, copy, copy_function=_copied, ignore_dangling_symlinks=True, ignore=lambda *_: {".s.PGSQL.5432"}
    )
    for path in (original, *original.rglob("*")):
        target = copy / path.relative_to(original)
        if target.exists() and path.exists():
            shutil.chown(target, path.stat().st_uid, path.stat().st_gid)
    return copy


def _copied(source: str, target: str) -> None:
    if Path(source).exists():
        shutil.copy2(source, target)


async def ask(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_a_copy_of_a_running_directory_is_refused_and_one_of_a_stopped_one_serves(data_directory: Path) -> None:
    original = data_directory / "original"
    with EmbeddedPostgres(original) as server:
        hot = copied(original, data_directory / "hot")
        with pytest.raises(EmbeddedPostgresError, match="was made while its database ran") as refused:
            EmbeddedPostgres(hot).start()
        assert f"is a copy of {original}/postgres" in str(refused.value)
        (hot / "postgres" / "postmaster.pid").unlink()  # as a careful copier may leave it out
        with pytest.raises(EmbeddedPostgresError, match="tallystick restore"):
            EmbeddedPostgres(hot).start()
        assert await ask(server, "SELECT 1") == 1

    cold = copied(original, data_directory / "cold")
    with EmbeddedPostgres(cold) as second, EmbeddedPostgres(original) as first:
        assert await ask(first, "SELECT 1") == await ask(second, "SELECT 1") == 1


async def test_a_directory_that_was_moved_or_whose_server_was_killed_goes_on(data_directory: Path) -> None:
    with EmbeddedPostgres(data_directory / "here"):
        pass
    (data_directory / "here").rename(data_directory / "there")
    with EmbeddedPostgres(data_directory / "there") as server:
        assert await ask(server, "SELECT 1") == 1
        identity = msgspec.json.decode((server.data / NAME).read_bytes(), type=Identity)
    assert identity.path == str(data_directory / "there" / "postgres")
    assert identity.running

    # As after a crash, and a restart of the machine that numbers devices anew.
    left = Identity(identity.path, 99_999, identity.inode, identity.system_identifier, "another boot", running=True)
    (server.data / NAME).write_bytes(msgspec.json.encode(left))
    check_not_copied(server.data)


def test_what_is_no_copy_for_certain_or_can_be_put_right_is_let_pass(data_directory: Path) -> None:
    with EmbeddedPostgres(data_directory) as server:
        pass
    elsewhere = Identity("/elsewhere", 1, 2, 3, "", running=True)
    (server.data / NAME).write_bytes(msgspec.json.encode(elsewhere))
    with pytest.raises(EmbeddedPostgresError, match="is a copy of /elsewhere"):
        server.start()

    (server.data / "backup_label").touch()  # a base backup
    check_not_copied(server.data)
    (server.data / "backup_label").unlink()

    (server.data / NAME).unlink()  # who knows that it was not running says so
    with server:
        pass
