"""As whom the service works in the database: on a server that is given, with one role or two."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import MakeDatabase, for_work
from tests.stories.operations.program import Command, start
from tests.support.master_key import MASTER_KEY_TEXT
from tests.support.owner import TEST_DATABASE_URL

from tallystick.db.database import open_pool
from tallystick.db.migrate import migrate
from tallystick.db.privileges import WORK

pytestmark = pytest.mark.skipif(
    bool(os.environ.get(TEST_DATABASE_URL)), reason="on a server that is given, the tests have one role for everything"
)


async def test_one_role_for_everything_is_told_how_to_become_two(
    make_database: MakeDatabase, tmp_path: Path, command: Command
) -> None:
    url = await make_database()
    settings = {"TALLYSTICK_DATABASE_URL": url, "TALLYSTICK_DATA_DIRECTORY": str(tmp_path)}
    behind = await command("db", "roles", "--create", settings=settings)
    assert (behind.status, "tallystick migrate" in behind.complaint) == (2, True)
    await migrate(url)
    await deprive(url)

    one = await command("db", "roles", settings=settings)
    assert one.status == 1
    assert "is a superuser" in one.out
    assert "owns the tables" in one.out
    assert "tallystick db roles --create" in one.out

    two = settings | {"TALLYSTICK_DATABASE_URL": for_work(url), "TALLYSTICK_OWNER_DATABASE_URL": url}
    done = await command("db", "roles", "--create", "--json", settings=two)
    assert done.status == 0
    assert json.loads(done.out)["service"] == {
        "name": WORK,
        "is_superuser": False,
        "owns_tables": False,
        "reaches_system": False,
        "excess": [],
    }
    assert (await command("verify", settings=two)).status == 0


async def deprive(url: str) -> None:
    """Take the rights away that the migration gave: a role that was made afterwards has none."""
    connection = await asyncpg.connect(url)
    await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {WORK}")
    await connection.close()


async def test_a_start_migrates_as_the_owner_and_gives_the_other_role_its_rights(
    make_database: MakeDatabase, tmp_path: Path, command: Command
) -> None:
    url = await make_database()
    settings = {
        "TALLYSTICK_DATABASE_URL": for_work(url),
        "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
    }
    alone = await command("migrate", settings=settings)
    assert alone.status == 2
    assert "TALLYSTICK_OWNER_DATABASE_URL" in alone.complaint

    opened = await command(
        "account", "create", "--kind", "business", "--email", "shop@music.example", "--name", "Music", "--new",
        settings=settings | {"TALLYSTICK_OWNER_DATABASE_URL": url},
    )  # fmt: skip
    assert opened.status == 0, opened.complaint
    async with await open_pool(for_work(url), max_size=1) as pool:
        assert await pool.fetchval("SELECT count(*) FROM party WHERE email = 'shop@music.example'") == 1


@pytest.mark.parametrize("roles", ["one", "two"])
async def test_the_log_says_when_the_service_may_do_too_much(
    make_database: MakeDatabase, tmp_path: Path, roles: str
) -> None:
    url = await make_database()
    await migrate(url)
    settings = {
        "TALLYSTICK_DATABASE_URL": url if roles == "one" else for_work(url),
        "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
        "TALLYSTICK_LOG_FORMAT": "json",
    }
    process = await start("worker", settings=settings)
    assert process.stdout is not None
    while b"Tallystick works" not in await asyncio.wait_for(process.stdout.readline(), 120):
        assert process.returncode is None
    process.terminate()
    out, complaint = await process.communicate()

    said = (out + complaint).decode()
    assert ('"event":"database_role"' in said.replace(": ", ":")) is (roles == "one"), said
