"""What failed on a cluster of Citus, as rules for every statement that the service sends: none of it comes back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from tests.store.across_books import Route, Schema, route
from tests.store.citus_rules import Catalogue, Place, catalogue, places, refused
from tests.store.node_tree import analysed
from tests.store.test_across_books import ROOT, STATEMENTS, named, package_of
from tests.store.transactions import Reader, read

from tallystick.db import distribution
from tallystick.db.connections import Connection, Pool
from tallystick.db.migrate import FILES, statements_of
from tallystick.db.sql_script import split_script
from tallystick.db.statements import load_statements
from tallystick.store.accounts.personal_data import TELLING

CHANGES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+[a-z]|json", re.IGNORECASE)
SENT: Mapping[str, str] = {
    **{name: statement for name, statement in STATEMENTS.items() if CHANGES.search(statement)},
    **{f"telling {name}": statement for name, statement in TELLING.items()},
}
"""Statements that change something or make JSON: of the others, tests/store/test_across_books.py says all."""


@pytest.fixture
async def analysing(pool: Pool) -> AsyncIterator[Connection]:
    """A connection in a transaction that is rolled back."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        yield connection
        await transaction.rollback()


@pytest.fixture
async def known(analysing: Connection) -> Catalogue:
    return await catalogue(analysing)


async def test_no_statement_asks_citus_for_what_it_does_not_do(analysing: Connection, known: Catalogue) -> None:
    found = {name: refused(await analysed(analysing, statement), known) for name, statement in SENT.items()}
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    ("statement", "faults"),
    [
        ("UPDATE party SET created_at = CASE WHEN $1 THEN $2::timestamptz + $3::interval END",
         ["timestamptz_pl_interval within CASE"]),
        ("UPDATE token SET cancelled_at = coalesce($1::timestamptz + $2::interval, $1)",
         ["timestamptz_pl_interval within COALESCE"]),
        ("UPDATE staff_invitation SET expires_at = invited_at + $1::interval",
         ["timestamptz_pl_interval of a column: stable"]),
        ("UPDATE staff_invitation SET expires_at = $1::timestamptz + $2::interval", []),
        ("UPDATE party SET name = name || party_id", ["textanycat of a column: stable"]),
        ("UPDATE party SET name = name || party_id::text", []),
        ("UPDATE token SET created_at = clock_timestamp()", ["clock_timestamp: volatile"]),
        ("DELETE FROM outbox WHERE occurred_at < now() - $1::interval", []),
        ("DELETE FROM outbox WHERE occurred_at + $1::interval < $2", ["timestamptz_pl_interval of a column: stable"]),
        ("DELETE FROM outbox WHERE random() < 0.5", ["random: volatile"]),
        ("UPDATE party SET name = $1 RETURNING format('%s', party_id)", ["format in RETURNING"]),
        (("INSERT INTO branding AS known (party_id, changed_at) VALUES ($1, now()) "
          "ON CONFLICT (party_id) DO UPDATE SET changed_at = known.changed_at + $2::interval"),
         ["timestamptz_pl_interval of a column: stable"]),
        (("INSERT INTO branding AS known (party_id, changed_at) VALUES ($1, $2) ON CONFLICT (party_id) "
          "DO UPDATE SET changed_at = excluded.changed_at WHERE known.changed_at < now()"),
         ["now in ON CONFLICT … WHERE"]),
        ("UPDATE sign_in_pause SET paused_until = CASE WHEN $1 THEN ends_at + $2::interval END", []),
        ("DELETE FROM mail WHERE recipient = (SELECT email FROM party WHERE party_id = $1)",
         ["= (SELECT …) of a table that is known to Citus, where one is changed that is not"]),
        ("DELETE FROM mail WHERE recipient IN (SELECT email FROM party WHERE party_id = $1)", []),
        ("DELETE FROM mail WHERE mail_id = (SELECT max(mail_id) FROM mail)", []),
        ("DELETE FROM staff_invitation WHERE email = (SELECT email FROM party WHERE party_id = $1)", []),
        ("SELECT to_jsonb(part) FROM (SELECT token_id FROM token) AS part", ["a whole row of a query"]),
        ("WITH part AS (SELECT token_id FROM token) SELECT to_jsonb(part) FROM part", ["a whole row of a query"]),
        ("WITH part AS MATERIALIZED (SELECT token_id FROM token) SELECT to_jsonb(part) FROM part", []),
        ("SELECT to_jsonb(token) FROM token", []),
        ("SELECT to_jsonb(part) FROM (SELECT mail_id FROM mail) AS part", []),
        ("UPDATE party SET name = ($1::text[])[party_id]", ["an array's element by a column: the server crashes"]),
        ("UPDATE party SET name = ($1::text[])[1]", []),
    ],
)  # fmt: skip
async def test_what_citus_does_not_do(
    statement: str, faults: list[str], analysing: Connection, known: Catalogue
) -> None:
    assert refused(await analysed(analysing, statement), known) == faults


async def test_what_hangs_on_reference_tables_is_known_to_citus(pool: Pool) -> None:
    where = await places(pool)
    assert {
        name: where[name] for name in ("token", "party", "staff", "return_host_guest", "mail", "sign_in_pause")
    } == {
        "token": Place.BOOKS,
        "party": Place.EVERYWHERE,
        "staff": Place.ATTACHED,
        "return_host_guest": Place.ATTACHED,
        "mail": Place.HERE,
        "sign_in_pause": Place.HERE,
    }


def by_file() -> Mapping[str, str]:
    """All statements, as folder/file.name."""
    return {
        f"{'/'.join(path.relative_to(ROOT).parts[:-2])}/{path.stem}.{name}": statement
        for path in sorted(ROOT.rglob("sql/*.sql"))
        if not {"bench", "migrations"} & set(path.parts)
        for name, statement in load_statements(path.name, package_of(path)).items()
    }


async def test_who_changes_several_books_and_then_a_reference_table_takes_one_connection(pool: Pool) -> None:
    """Citus refuses to change what every machine has a copy of after commands on several connections to a machine."""
    schema = Schema(await distribution.tables_of_books(pool), distribution.REFERENCE_TABLES)
    tables = "|".join(schema.everywhere)
    statements = by_file()
    copied = {
        name
        for name, text in statements.items()
        if re.search(rf"\b(UPDATE|INSERT INTO|DELETE FROM)\s+({tables})\b", text)
    }
    several: dict[str, bool] = {}

    def names_several_books(name: str) -> bool:
        one_row = re.search(r"\bINSERT INTO [^;]*?\)\s*VALUES \(\$", statements[name])
        if name not in several:
            several[name] = not one_row and route(statements[name], schema)[0] is Route.PARALLEL
        return several[name]

    refused_there: set[str] = set()
    fitting: set[str] = set()
    for where, sent in Reader(read()).transactions():
        if sent & copied and any(names_several_books(name) for name in sent):
            (fitting if "db/distribution.one_connection" in sent else refused_there).add(where)
    assert refused_there == set()
    assert "tallystick.store.accounts.personal_data.erase" in fitting


async def test_each_statement_is_one_command() -> None:
    """Citus refuses several in one message as soon as one is about a table that it knows."""
    embedded_only = {"roles.close_database"}
    found = {name for name, statement in named() if len(split_script(statement)) != 1}
    assert found == embedded_only


def unnamed_checks(statements: Sequence[str]) -> list[str]:
    """Columns that are added with a check that has no name."""
    found = []
    for statement in statements:
        for part in re.split(r",\s*(?:--[^\n]*\n\s*)?(?=ADD |ALTER |DROP )", statement):
            added = re.search(r"\bADD COLUMN (\w+)([^;]*)", part)
            if added and re.search(r"(?<!\w)CHECK\s*\(", re.sub(r"CONSTRAINT \w+ CHECK", "", added[2])):
                found.append(added[1])
    return found


@pytest.mark.parametrize("number", FILES)
def test_migrations_go_one_by_one_and_name_the_checks_of_new_columns(number: str) -> None:
    """Citus refuses several commands in one message, and ADD COLUMN with an unnamed check, on tables that it knows."""
    sent = statements_of(number)
    assert [statement for statement in sent if len(split_script(statement)) != 1] == []
    assert unnamed_checks(sent) == []
