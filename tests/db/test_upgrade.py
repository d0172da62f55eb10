"""An embedded database goes on under the next major version of PostgreSQL, with everything that is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from tests.stories.operations.program import tallystick

from tallystick.db.embedded.binaries import MIN_MAJOR, SOURCES, Binaries, find_binaries
from tallystick.db.embedded.server import EmbeddedPostgres, EmbeddedPostgresError
from tallystick.db.embedded.upgrade import upgrade
from tallystick.db.migrate import FILES, migrate, pending

pytestmark = pytest.mark.timeout(300)

NEWEST = find_binaries()
OLDER = {each.major: each for source in SOURCES for each in source() if MIN_MAJOR <= each.major < NEWEST.major}
FILL = "INSERT INTO party (kind, email, name, created_at) VALUES ('personal', $1, 'Buyer', now())"


def old_then_new(old: Binaries) -> Callable[[int | None], Binaries]:
    """New data are made by the old version, as if there were no other yet."""
    return lambda major: old if major in {None, old.major} else find_binaries(major)


async def ask(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("old", [pytest.param(each, id=str(major)) for major, each in sorted(OLDER.items())])
async def test_data_of_an_older_version_are_brought_to_the_newest(old: Binaries, data_directory: Path) -> None:
    with EmbeddedPostgres(data_directory, find=old_then_new(old)) as server:
        assert await migrate(server.owner_dsn) == list(FILES)
        connection = await asyncpg.connect(server.admin_dsn)
        await connection.executemany(FILL, [("é@example.com",), ("z@example.com",)])
        await connection.execute("ALTER SYSTEM SET work_mem = '5MB'")
        await connection.close()
        with pytest.raises(EmbeddedPostgresError, match="is in use; stop what runs on it"):
            upgrade(data_directory)

    done = await tallystick("upgrade", "--json", settings={"TALLYSTICK_DATA_DIRECTORY": str(data_directory)})
    assert done.status == 0, done.out + done.complaint
    kept = data_directory / f"postgres-{old.major}"
    assert json.loads(done.out) == {
        "ok": True,
        "from": old.major,
        "to": NEWEST.major,
        "before": str(kept),
        "problems": [],
    }
    with EmbeddedPostgres(data_directory) as server:
        assert await ask(server, "SELECT current_setting('server_version_num')::int / 10000") == NEWEST.major
        assert await ask(server, "SELECT array_agg(email ORDER BY email) FROM party") == [
            "z@example.com",
            "é@example.com",
        ]
        assert await ask(server, "SHOW work_mem") == "5MB"
        assert await ask(server, "SHOW data_checksums") == "on"
        assert await ask(server, "SHOW wal_segment_size") == "4MB"
        assert await pending(server.owner_dsn) == []
    assert (kept / "PG_VERSION").read_text().strip() == str(old.major)

    again = upgrade(data_directory)
    assert (again.major, again.before) == (NEWEST.major, None)


def test_there_is_an_older_version_to_try_it_with() -> None:
    """The package that is installed with Tallystick has two: else the test above would try nothing."""
    assert OLDER


def test_what_cannot_be_brought_up_to_date_is_told_and_stays(data_directory: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="there is no database in"):
        upgrade(data_directory)
    with EmbeddedPostgres(data_directory):
        pass
    with pytest.raises(EmbeddedPostgresError, match=f"there is no way back to {min(OLDER)}"):
        upgrade(data_directory, min(OLDER))
    with pytest.raises(EmbeddedPostgresError, match="there is no PostgreSQL 99 on this machine"):
        upgrade(data_directory, 99)
    with EmbeddedPostgres(data_directory):
        pass


async def test_a_server_of_somebody_else_is_left_alone(data_directory: Path, server_url: str) -> None:
    refused = await tallystick(
        "upgrade",
        settings={"TALLYSTICK_DATA_DIRECTORY": str(data_directory), "TALLYSTICK_DATABASE_URL": server_url},
    )
    assert refused.status == 2
    assert "the database is on a server of yours" in refused.complaint
