"""What the role for work may do: all that the service's statements need, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.conftest import MakeDatabase, for_work
from tests.db.test_embedded import directory as directory  # noqa: PLC0414 - a fixture
from tests.db.test_statements import load_all
from tests.support.owner import TEST_DATABASE_URL

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.embedded.roles import OWNER
from tallystick.db.embedded.server import EmbeddedPostgres
from tallystick.db.migrate import MigrationError, migrate
from tallystick.db.privileges import APPEND_ONLY, WORK, Right, plan, rights_for_work, state_of

CHANGES = re.compile(
    r"INSERT INTO (?P<insert>\w+)|(?<!FOR )(?<!KEY )(?<!DO )UPDATE (?P<update>[a-z]\w*)|DELETE FROM (?P<delete>\w+)"
    r"|DO (?P<replace>UPDATE)"
)
SET = re.compile(
    r"UPDATE (?P<table>\w+)(?: AS \w+)?\s+SET (?P<changes>.*?)(?=\bFROM\b|\bWHERE\b|\bRETURNING\b|\Z)", re.DOTALL
)


def needed() -> Iterator[Right]:
    """What the statements do, read as text."""
    for statements in load_all().values():
        for statement in statements.values():
            text = re.sub(r"--[^\n]*|'[^']*'", "", statement)
            inserted = ""
            for found in CHANGES.finditer(text):
                inserted = found["insert"] or inserted
                for name, privilege in (("insert", "INSERT"), ("update", "UPDATE"), ("delete", "DELETE")):
                    if found[name]:
                        yield Right(found[name], privilege)
                if found["replace"]:
                    yield Right(inserted, "UPDATE")


def test_what_is_granted_is_what_the_statements_need() -> None:
    granted = {Right(table, privilege) for table, privilege, _ in rights_for_work() if privilege != "SELECT"}
    assert granted == set(needed())


def test_a_table_whose_rows_stay_changes_in_the_named_columns_only() -> None:
    changed: dict[str, set[str]] = {table: set() for table in APPEND_ONLY}
    for statements in load_all().values():
        for statement in statements.values():
            for found in SET.finditer(re.sub(r"--[^\n]*", "", statement)):
                if found["table"] in APPEND_ONLY:
                    changed[found["table"]] |= set(re.findall(r"(\w+) = ", found["changes"]))
    assert changed == {table: set(columns) for table, columns in APPEND_ONLY.items()}


async def test_every_table_has_its_rights(pool: Pool) -> None:
    there = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    )
    assert {right.table for right in rights_for_work()} == {row["relname"] for row in there}


@pytest.fixture(scope="module")
async def closed(server_url: str) -> AsyncIterator[Pool]:
    """The database of an embedded server as its service sees it."""
    if os.environ.get(TEST_DATABASE_URL):
        pytest.skip("on a server that is given, the tests have one role for everything")
    await migrate(by_role(server_url, OWNER))
    async with await open_pool(for_work(server_url), max_size=1) as pool:
        yield pool


def by_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{role}@{parts.netloc.rpartition('@')[2]}{parts.path}?{parts.query}"


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit_entry ADD COLUMN mine integer",
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "DROP TABLE transfer",
        "TRUNCATE kept_request",
        "CREATE TABLE mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SET ROLE tallystick_owner",
        "SET SESSION AUTHORIZATION tallystick",
        "SELECT rolpassword FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/mine'",
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET at = now()",
        "DELETE FROM authorization_evidence",
        "UPDATE authorization_evidence SET agreed_at = now()",
        "UPDATE transfer SET amount_micros = 0",
        "DELETE FROM account",
        "DELETE FROM signing_key",
        "UPDATE alembic_version SET version_num = '0000'",
    ],
)
async def test_the_role_for_work_cannot(closed: Pool, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await closed.execute(statement)


async def test_the_role_for_work_has_nothing_in_excess(closed: Pool) -> None:
    state = await state_of(closed)
    assert state is not None
    assert (state.name, state.excess) == (WORK, [])


async def test_a_role_for_everything_is_told_to_be_one(make_database: MakeDatabase) -> None:
    url = await make_database()
    await migrate(url)
    async with await open_pool(url, max_size=1) as pool:
        state = await state_of(pool)
        assert state is not None
        assert [sentence.partition(":")[0] for sentence in state.excess] == ["is a superuser", "owns the tables"]
        assert await state_of(pool, "nobody_of_that_name") is None


async def test_rights_are_brought_up_to_date_by_every_migration(make_database: MakeDatabase) -> None:
    url = await make_database()
    await migrate(url)
    async with await open_pool(url, max_size=1) as pool:
        if await state_of(pool, WORK) is None:
            pytest.skip("there is no role for work on this server")
        assert await plan(pool) == []
        await pool.execute(f"GRANT DELETE ON audit_entry TO {WORK}")
        await pool.execute(f"GRANT UPDATE (wording, digest) ON authorization_evidence TO {WORK}")
        await pool.execute(f"REVOKE INSERT ON transfer FROM {WORK}")
        assert await plan(pool) == [
            f"REVOKE DELETE ON audit_entry FROM {WORK}",
            f"REVOKE UPDATE (digest) ON authorization_evidence FROM {WORK}",
            f"GRANT INSERT ON transfer TO {WORK}",
        ]
        assert await migrate(url) == []
        assert await plan(pool) == []


async def test_who_may_not_change_the_schema_is_told_who_may(
    make_database: MakeDatabase, make_migrated: MakeDatabase
) -> None:
    if os.environ.get(TEST_DATABASE_URL):
        pytest.skip("on a server that is given, the tests have one role for everything")
    assert await migrate(await make_migrated()) == []
    with pytest.raises(MigrationError, match=r"may not change the schema .* TALLYSTICK_OWNER_DATABASE_URL"):
        await migrate(for_work(await make_database()))


async def test_the_database_of_a_release_before_is_handed_over(directory: Path) -> None:
    """There the service was the superuser, who owned everything."""
    with EmbeddedPostgres(directory) as server:
        await in_database(
            server.admin_dsn.replace("/tallystick?", "/postgres?"),
            "DROP DATABASE tallystick",
            "DROP ROLE tallystick_owner",
            "DROP ROLE tallystick_work",
            "CREATE DATABASE tallystick",
        )
        await migrate(server.admin_dsn)
        await in_database(server.admin_dsn, "INSERT INTO believed_time VALUES (true, '2027-03-01T12:00:00Z')")

    for _ in range(2):
        with EmbeddedPostgres(directory) as server:
            assert await migrate(server.owner_dsn) == []
            async with (
                await open_pool(server.dsn, max_size=1) as pool,
                await open_pool(server.owner_dsn, max_size=1) as owner,
            ):
                assert await pool.fetchval("SELECT believed_at FROM believed_time") == datetime(
                    2027, 3, 1, 12, tzinfo=UTC
                )
                assert await owner.fetch(ELSEWHERE) == []
                for role in (pool, owner):
                    state = await state_of(role)
                    assert state is not None
                    assert (state.is_superuser, state.reaches_system) == (False, False)
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await pool.execute("CREATE TEMPORARY TABLE mine ()")
                await owner.execute(
                    "ALTER TABLE believed_time ADD COLUMN mine integer; ALTER TABLE believed_time DROP mine"
                )


ELSEWHERE = """
SELECT oid::regclass::text FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relowner <> 'tallystick_owner'::regrole
 UNION ALL
SELECT oid::regtype::text FROM pg_type
 WHERE typnamespace = 'public'::regnamespace AND typowner <> 'tallystick_owner'::regrole
 UNION ALL
SELECT oid::regprocedure::text FROM pg_proc
 WHERE pronamespace = 'public'::regnamespace AND proowner <> 'tallystick_owner'::regrole
"""
"""What of ours somebody else owns."""


async def in_database(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
