"""A script is split as PostgreSQL reads it: the server takes each part, and nothing of the script is lost."""

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import MakeDatabase

from tallystick.db.migrate import FILES
from tallystick.db.sql_script import split_script

PIECES = [
    "SELECT 1",
    "SELECT 'one; two'",
    "SELECT 'it''s; so'",
    "SELECT '\\'",  # a backslash hides nothing here
    r"SELECT E'it\'s; so', e'\\'",
    r"""SELECT E'''; ' AS "a;b" """.strip(),
    'SELECT 1 AS "two "";"" words"',
    "SELECT $$ one; 'two $$",
    "SELECT $a$ one; $$ two; $b$ $a$",
    "SELECT $ä_1$;$ä_1$",
    "SELECT 1 AS a$b$c",
    "SELECT 1 -- it's; over",
    "-- it's; to come\nSELECT 1",
    "SELECT /* it's; /* in */ between; */ 1",
    "SELECT 2 - -1 /2",
    "SELECT 1 AS e",
    "SELECT U&'d\\0061t; ', B'1', X'1F'",
    "DO $do$ BEGIN PERFORM 1; PERFORM $x$;$x$; END; $do$",
    "CREATE TABLE kept (id integer)",
    "CREATE RULE also AS ON UPDATE TO kept DO ALSO (SELECT 1; SELECT 2)",
    "CREATE FUNCTION one() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 0; SELECT CASE WHEN true THEN 1 END; END",
    "SELECT CASE WHEN true THEN 1 END",
    "SELECT 'a'\n'b;'",
]


@pytest.mark.parametrize("piece", PIECES)
def test_what_is_one_statement_stays_one(piece: str) -> None:
    assert split_script(f"{piece}\n;\n") == [piece]
    assert split_script(piece) == [piece]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PIECES), st.sampled_from(["\n;", "\n; ;\n", "\n;;-- it's; a rest\n", "\n;/* ; /* */ ; */"])
        )
    )
)
def test_statements_are_found_in_order_and_whole(written: list[tuple[str, str]]) -> None:
    found = split_script("".join(piece + end for piece, end in written))
    assert len(found) == len(written)
    # a comment behind a semicolon belongs to the statement after it
    assert all(whole.endswith(piece) for whole, (piece, _) in zip(found, written, strict=True))


@pytest.mark.parametrize("script", ["", " \n ", ";;", "-- nothing", "/* ; */ ; -- ;"])
def test_where_there_is_nothing_nothing_is_sent(script: str) -> None:
    assert split_script(script) == []


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("SELECT 1;\nSELECT 'one; SELECT 2", "the quote at line 2"),
        ('SELECT "one', "the quote at line 1"),
        ("SELECT $a$ one $b$;", "the quote at line 1"),
        (r"SELECT E'one\';", "the quote at line 1"),
        ("\n\n/* one /* two */ SELECT 1;", "the comment at line 3"),
    ],
)
def test_what_has_no_end_is_refused(script: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        split_script(script)


async def test_the_server_takes_each_piece_as_one_statement(make_database: MakeDatabase) -> None:
    """The server refuses to prepare two at once; and the function, which it only makes, has its whole body."""
    connection = await asyncpg.connect(await make_database())
    try:
        for statement in split_script("\n;".join(PIECES)):
            if statement.startswith(("SELECT", "--")):
                await connection.prepare(statement)
            else:
                await connection.execute(statement)
        assert await connection.fetchval("SELECT one()") == 1
    finally:
        await connection.close()


@pytest.mark.parametrize("number", FILES)
def test_nothing_of_a_migration_is_lost(number: str) -> None:
    script = FILES[number].read_text("utf-8")
    statements = split_script(script)
    place = 0
    for statement in statements:
        begin = script.index(statement, place)
        assert set(script[place:begin]) <= set("; \n"), "what lies between two statements"
        place = begin + len(statement)
    assert set(script[place:]) <= set("; \n")
