"""Distribution as an operator asks for it: the plan, and what is refused without Citus."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import MakeDatabase
from tests.stories.operations.program import tallystick

from tallystick.db import distribution
from tallystick.db.connections import Pool
from tallystick.db.migrate import migrate


@pytest.fixture
async def settings(make_database: MakeDatabase, tmp_path: Path) -> dict[str, str]:
    url = await make_database()
    await migrate(url)
    return {"TALLYSTICK_DATABASE_URL": url, "TALLYSTICK_DATA_DIRECTORY": str(tmp_path)}


@pytest.fixture
async def without_citus(pool: Pool) -> None:
    if await distribution.extension_available(pool):
        pytest.skip("this server has the extension; what it does is for the tests that need it")


async def test_the_plan_can_be_read_before_it_is_carried_out(settings: dict[str, str]) -> None:
    ended = await tallystick("db", "distribute", "--dry-run", "--json", settings=settings)

    assert ended.status == 0, ended.complaint
    statements = [step["statement"] for step in json.loads(ended.out)["planned"]]
    assert "SELECT create_reference_table('party')" in statements
    first, *others = [statement for statement in statements if "create_distributed_table" in statement]
    assert first == "SELECT create_distributed_table('account', 'book_id', colocate_with => 'none')"
    assert "SELECT create_distributed_table('transfer', 'book_id', colocate_with => 'account')" in others
    assert all(statement.endswith("'book_id', colocate_with => 'account')") for statement in others)


async def test_keys_and_types_come_back_as_they_were(settings: dict[str, str]) -> None:
    """All of the plan that plain PostgreSQL understands, carried out: the schema is the same after it."""
    connection = await asyncpg.connect(settings["TALLYSTICK_DATABASE_URL"])
    try:
        before = await _schema(connection)
        steps = await distribution.plan(connection)
        for step in steps:
            if not step.statement.startswith(
                ("SELECT ", "ALTER ROLE ")
            ):  # functions of Citus; the role is the server's
                await connection.execute(step.statement)
        assert await _schema(connection) == before
        taken_off = [step for step in steps if "DROP CONSTRAINT" in step.statement]
        assert len(taken_off) == len([step for step in steps if "ADD CONSTRAINT" in step.statement]) > 0
    finally:
        await connection.close()


async def _schema(connection: asyncpg.Connection[asyncpg.Record]) -> list[tuple[object, ...]]:
    rows = await connection.fetch(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace"
        " UNION ALL SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        "  JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE relkind = 'c' AND relnamespace = 'public'::regnamespace ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in rows]


@pytest.mark.usefixtures("without_citus")
async def test_a_server_without_the_extension_is_told_so_and_stays_as_it_is(settings: dict[str, str]) -> None:
    both = await asyncio.gather(
        tallystick("db", "distribute", "--yes", settings=settings), tallystick("db", "rebalance", settings=settings)
    )

    assert [ended.status for ended in both] == [2, 2]
    assert both[0].complaint.startswith("tallystick: this PostgreSQL server has no Citus extension: install it")
    assert both[1].complaint == "tallystick: nothing is distributed yet; run: tallystick db distribute\n"
    unasked = await tallystick("db", "distribute", settings=settings)
    assert (unasked.status, unasked.out) == (2, "")
    assert unasked.complaint.endswith("look at it with --dry-run, then say --yes\n")
    again = await tallystick("db", "distribute", "--dry-run", settings=settings)
    assert len(re.findall("DROP CONSTRAINT", again.out)) == len(re.findall("ADD CONSTRAINT", again.out)) > 0
