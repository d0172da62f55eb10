"""Checks of new columns go by themselves, with the names that PostgreSQL would give them."""

from __future__ import annotations

import re

import asyncpg
import pytest

from tallystick.db.connections import Pool
from tallystick.db.migrate import FILES
from tallystick.db.named_checks import with_named_checks
from tallystick.db.sql_script import split_script


@pytest.mark.parametrize(
    ("statement", "sent"),
    [
        ("ALTER TABLE t ADD COLUMN c text", ["ALTER TABLE t ADD COLUMN c text"]),
        ("CREATE TABLE t (c text CHECK (c <> ''))", ["CREATE TABLE t (c text CHECK (c <> ''))"]),
        ("ALTER TABLE t ADD CHECK (a > 0)", ["ALTER TABLE t ADD CHECK (a > 0)"]),
        (
            "ALTER TABLE t ADD COLUMN c int CONSTRAINT small CHECK (c < 9)",
            ["ALTER TABLE t ADD COLUMN c int CONSTRAINT small CHECK (c < 9)"],
        ),
        (
            "ALTER TABLE t ADD COLUMN c int CHECK (c < (9)) NOT NULL",
            ["ALTER TABLE t ADD COLUMN c int NOT NULL", "ALTER TABLE t ADD CONSTRAINT t_c_check CHECK (c < (9))"],
        ),
        (
            """-- why
ALTER TABLE t
    ADD COLUMN c int CHECK (c IN (1, 2)), -- CHECK (this)
    ADD COLUMN d text CHECK (d <> ')')""",
            [
                "-- why\nALTER TABLE t\n    ADD COLUMN c int, -- CHECK (this)\n    ADD COLUMN d text",
                "ALTER TABLE t ADD CONSTRAINT t_c_check CHECK (c IN (1, 2))",
                "ALTER TABLE t ADD CONSTRAINT t_d_check CHECK (d <> ')')",
            ],
        ),
    ],
)  # fmt: skip
def test_checks_without_a_name_go_by_themselves(statement: str, sent: list[str]) -> None:
    assert with_named_checks(statement) == sent


def test_a_check_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no end"):
        with_named_checks("ALTER TABLE t ADD COLUMN c int CHECK (c < 9")


async def test_released_migrations_come_to_the_same(pool: Pool) -> None:
    """Each statement that is taken apart, as it stands and as it is sent: columns and constraints are alike."""
    taken_apart = [
        statement
        for path in FILES.values()
        for statement in split_script(path.read_text("utf-8"))
        if with_named_checks(statement) != [statement]
    ]
    assert len(taken_apart) > 2
    async with pool.acquire() as connection:
        for statement in taken_apart:
            assert await _made_by(connection, [statement]) == await _made_by(connection, with_named_checks(statement))


async def _made_by(
    connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record], statements: list[str]
) -> list[asyncpg.Record]:
    """What statements make of a table without columns that has their table's name, for the length of a transaction."""
    table = re.search(r"ALTER TABLE (\w+)", statements[0])
    assert table is not None
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"CREATE TEMPORARY TABLE {table[1]} ()")
        for statement in statements:
            await connection.execute(statement)
        return await connection.fetch(
            "SELECT attname::text AS name, format_type(atttypid, atttypmod) AS what FROM pg_attribute"
            " WHERE attrelid = $1::text::regclass AND attnum > 0 UNION ALL"
            " SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::text::regclass"
            " ORDER BY 1, 2",
            f"pg_temp.{table[1]}",
        )
    finally:
        await transaction.rollback()
