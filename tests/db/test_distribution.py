"""What is known of a cluster without one: its plan, its shards, whether there is one at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.owner import connection_of_owner

from tallystick.db import distribution
from tallystick.db.connections import Pool
from tallystick.db.sql_script import split_script


@pytest.fixture
async def sent(pool: Pool) -> list[str]:
    """The statements of the plan."""
    if await distribution.is_distributed(pool):
        pytest.skip("the tests' database is distributed from the start: nothing is left to plan")
    return [step.statement for step in await distribution.plan(pool)]


def test_each_step_of_the_plan_is_one_command(sent: list[str]) -> None:
    assert [statement for statement in sent if len(split_script(statement)) != 1] == []
    assert any(statement.startswith("CREATE TYPE") for statement in sent)


async def test_what_has_moved_gives_back_its_room(sent: list[str], pool: Pool) -> None:
    """Each table of books once, after all have moved and while no foreign key leads to it; no reference table ever."""
    emptied = [statement for statement in sent if "truncate_local_data" in statement]
    assert sorted(emptied) == [
        f"SELECT truncate_local_data_after_distributing_table('{name}')"
        for name in sorted(await distribution.tables_of_books(pool))
    ]
    last_moved = max(number for number, statement in enumerate(sent) if "create_distributed_table" in statement)
    first_key = min(number for number, statement in enumerate(sent) if "ADD CONSTRAINT" in statement)
    assert last_moved < min(map(sent.index, emptied)) <= max(map(sent.index, emptied)) < first_key


def test_sessions_on_other_machines_get_their_settings_by_the_role(sent: list[str]) -> None:
    assert [statement.split(" SET ")[1] for statement in sent if statement.startswith("ALTER ROLE")] == [
        "idle_in_transaction_session_timeout = '300000ms'",
        "lc_messages = 'C'",
        "lock_timeout = '5000ms'",
    ]
    assert all(statement.startswith("ALTER ROLE") for statement in sent[:3]), "before anything moves"


async def test_sessions_of_the_service_see_the_catalogue_as_it_is(pool: Pool) -> None:
    """Else the driver would need seconds on Citus until it knows a row type."""
    assert await pool.fetchval("SELECT current_setting('citus.override_table_visibility')") == "off"


async def test_shards_are_no_tables_of_ours(pool: Pool) -> None:
    before = await distribution.tables_of_books(pool), await distribution.obstacles(pool)
    async with connection_of_owner(pool) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("CREATE TABLE token_102526 (book_id bigint, token_id text)")
        after = await distribution.tables_of_books(connection), await distribution.obstacles(connection)
        await transaction.rollback()
    assert "token" in after[0]
    assert after == before


async def test_an_extension_that_is_not_loaded_is_none(pool: Pool, data_directory: Path) -> None:
    """Installed, but not among the libraries with which the server was started: it would fail at its first use."""
    extensions = data_directory / "extension"  # which the server's own user may read
    extensions.mkdir()
    for folder in (data_directory, extensions):
        folder.chmod(0o755)
    (extensions / "citus.control").write_text("default_version = '14.0-1'\ncomment = 'as if it were'\n")
    async with connection_of_owner(pool) as connection:
        if not await connection.fetchval("SELECT true FROM pg_settings WHERE name = 'extension_control_path'"):
            pytest.skip("this server finds extensions in its own directory only (PostgreSQL 17 and older)")
        await connection.execute(f"SET extension_control_path = '{data_directory}'")
        offered = await connection.fetchval("SELECT true FROM pg_available_extensions WHERE name = 'citus'")
        available = await distribution.extension_available(connection)
        await connection.execute("SET citus.shard_count = '32'")  # which a loaded one has of itself
        loaded = await distribution.extension_available(connection)
    assert (offered, available, loaded) == (True, False, True)
