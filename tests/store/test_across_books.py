"""Every statement of the program can run on Citus: on one book's machine, on all at once, or in gathered parts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import pytest
from tests.store.across_books import Route, Schema, route
from tests.store.pinned import tables_of

import tallystick
from tallystick.db import distribution
from tallystick.db.connections import Pool
from tallystick.db.statements import load_statements
from tallystick.store.ledger.statements import MONEY

ONE_MACHINE = {"together.apply_plain_together", "together.apply_together", "proof.plain", "proof.accounts"}
"""Sent where payments are decided from memory, which is on one machine alone (wiring.py); or by the running proof,
which is not carried out on Citus (services/operations/running_proof.py)."""

ROOT = Path(str(files(tallystick)))
NOT_OF_THE_SERVICE = {"migrations", "bench"}


@pytest.fixture
async def schema(pool: Pool) -> Schema:
    return Schema(await distribution.tables_of_books(pool), distribution.REFERENCE_TABLES)


def named() -> Iterator[tuple[str, str]]:
    """All statements: tests/db/test_statements.py sees to it that there are no others."""
    for path in sorted(
        path for path in ROOT.rglob("sql/*.sql") if not NOT_OF_THE_SERVICE & set(path.relative_to(ROOT).parts)
    ):
        for name, statement in load_statements(path.name, package_of(path)).items():
            yield f"{path.stem}.{name}", statement


def package_of(statements: Path) -> str:
    return ".".join(("tallystick", *statements.relative_to(ROOT).parts[:-2]))


def put_together() -> Iterator[tuple[str, str]]:
    """Texts with places to fill in, without what is filled in."""
    for place, node in nodes():
        if isinstance(node, ast.JoinedStr):
            yield place, "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(ROOT.rglob("*.py")):
        if not NOT_OF_THE_SERVICE & set(path.relative_to(ROOT).parts):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                yield f"{path.stem}:{getattr(node, 'lineno', 0)}", node


STATEMENTS: Mapping[str, str] = {
    name: statement
    for name, statement in named()
    if re.search(r"\b(FROM|INTO|UPDATE|JOIN)\s+[a-z]", statement) and name not in ONE_MACHINE
}
"""Those with a table in them: not locks by number, settings and the like."""


@pytest.mark.parametrize("name", STATEMENTS)
async def test_every_statement_can_run_where_its_rows_are(name: str, schema: Schema) -> None:
    _, refused = route(STATEMENTS[name], schema)
    assert refused == []


async def test_rows_come_back_in_types_with_a_name(pool: Pool, schema: Schema) -> None:
    """One machine cannot read a row of another one whose columns it has to guess."""
    anonymous: list[str] = []
    async with pool.acquire() as connection:
        for name, statement in STATEMENTS.items():
            if tables_of(statement) & set(schema.of_books):
                prepared = await connection.prepare(statement)
                types = {attribute.type.name for attribute in prepared.get_attributes()}
                anonymous += [name] if types & {"record", "record[]"} else []
    assert anonymous == []


async def test_most_statements_name_one_book(schema: Schema) -> None:
    routes = [route(statement, schema)[0] for statement in STATEMENTS.values()]
    assert routes.count(Route.ROUTER) > routes.count(Route.PARALLEL) > 0
    assert {route(statement, schema)[0] for statement in MONEY.values()} <= {Route.ROUTER, Route.HERE}


async def test_no_statement_about_books_is_put_together_where_it_cannot_be_read(schema: Schema) -> None:
    names = re.compile(rf"\b(FROM|INTO|UPDATE|JOIN) ({'|'.join(schema.of_books)})\b")
    assert [place for place, text in put_together() if names.search(text)] == []


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("SELECT sum(balance_micros) FROM account", []),
        ("SELECT book_id FROM outbox WHERE book_id > $2 ORDER BY book_id LIMIT 1", []),
        ("SELECT 1 FROM account JOIN token USING (book_id)", []),
        ("SELECT 1 FROM account AS a JOIN book USING (book_id) JOIN token AS t ON t.book_id = book.book_id", []),
        ("SELECT 1 FROM account AS a JOIN token AS t ON t.token_id = a.subject",
         ["at the end: a, t are not joined by book_id"]),
        ("SELECT 1 FROM simulated_charge AS c JOIN transaction AS t ON t.transaction_id = c.idempotency_key",
         ["at the end: tables of books beside tables that stay behind"]),
        (("WITH c AS MATERIALIZED (SELECT * FROM simulated_charge), t AS MATERIALIZED (SELECT * FROM transaction) "
         "SELECT 1 FROM t FULL JOIN c ON t.transaction_id = c.idempotency_key"), []),
        ("SELECT 1 FROM book LEFT JOIN account USING (book_id)",
         ["at the end: account at the inner side of a LEFT JOIN"]),
        ("SELECT 1 FROM account LEFT JOIN book USING (book_id)", []),
        ("SELECT 1 FROM book FULL JOIN account USING (book_id)", ["at the end: FULL JOIN of unlike sides"]),
        ("SELECT 1 FROM account AS a WHERE EXISTS (SELECT FROM token AS t WHERE t.book_id = a.book_id)", []),
        ("SELECT 1 FROM account AS a WHERE EXISTS (SELECT FROM token AS t WHERE t.token_id = a.subject)",
         ["at the end: asked for each row of another query, but not by its book_id"]),
        ("SELECT 1 FROM book WHERE EXISTS (SELECT FROM token AS t WHERE t.book_id = book.book_id)",
         ["at the end: asked for each row of another query, but not by its book_id"]),
        (("SELECT 1 FROM account AS a CROSS JOIN LATERAL ("
         "SELECT t.book_id FROM token AS t WHERE t.book_id = a.book_id LIMIT 3) AS few"),
         ["at the end: LIMIT for each row of another query"]),
        (("SELECT 1 FROM instrument AS i CROSS JOIN LATERAL ("
         "SELECT sum(amount_micros) AS micros FROM transaction AS t WHERE t.book_id = i.book_id) AS paid"),
         ["at the end: an aggregate for each row of another query"]),
        ("SELECT count(*), (SELECT count(*) FROM token) FROM account", ["at the end: a query among the columns"]),
        ("SELECT book_id FROM account FOR UPDATE", ["FOR UPDATE"]),
        ("UPDATE outbox SET due_at = $2 WHERE book_id = ANY($1)", []),
        ("UPDATE outbox SET due_at = $2 WHERE book_id = ANY(ARRAY(SELECT book_id FROM book WHERE party_id = $1))",
         ["rows of several books changed by what reference tables say"]),
        (("WITH RECURSIVE line AS (SELECT token_id FROM token UNION SELECT token_id FROM token JOIN line "
         "ON token.old_token_id = line.token_id) SELECT 1 FROM line"), ["WITH RECURSIVE"]),
        (("WITH a AS (SELECT book_id, sum(balance_micros) AS s FROM account GROUP BY book_id) "
         "SELECT 1 FROM a JOIN token USING (book_id)"), []),
        (("WITH a AS (SELECT kind, sum(balance_micros) AS s FROM account GROUP BY kind) "
         "SELECT 1 FROM a LEFT JOIN token ON token.purpose = a.kind"),
         ["at the end: token at the inner side of a LEFT JOIN"]),
    ],
)  # fmt: skip
async def test_what_would_be_refused(statement: str, refused: list[str], schema: Schema) -> None:
    assert route(statement, schema) == (Route.PARALLEL, refused)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1 FROM party WHERE party_id = $1", Route.HERE),
        ("SELECT balance_micros FROM account WHERE book_id = $1 AND account_id = $2 FOR UPDATE", Route.ROUTER),
    ],
)
async def test_what_runs_as_it_is(statement: str, expected: Route, schema: Schema) -> None:
    assert route(statement, schema) == (expected, [])


async def test_the_money_path_joins_nothing_that_stays_behind(schema: Schema) -> None:
    everywhere = {*schema.of_books, *schema.everywhere}
    named = set().union(*(tables_of(statement) for statement in MONEY.values()))
    assert {"account", "transfer"} <= named <= everywhere
