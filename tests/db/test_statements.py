"""SQL is in `.sql` files only, where each statement has a name: docs/decisions/072-statements-have-names.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

import tallystick
from tallystick.db.statements import load_statements
from tallystick.store.ledger.statements import MONEY

TABLES = ("account", "instrument", "token", "transaction", "transfer", "answered_reference", "outbox", "rail_request")
ROOT = Path(str(files(tallystick)))

NOT_THE_SERVICE: frozenset[str] = frozenset({"bench", "migrations"})
"""Folders: the benchmark has tables of its own, and migrations are files of their own kind."""

MIGRATING: frozenset[str] = frozenset({"db/migrate.py", "db/named_checks.py"})
"""What runs the migrations, before there is any table to ask, and writes them as Citus takes them."""

EXCEPTIONS: Mapping[tuple[str, str], str] = {
    ("cli/commands/database.py", "rebalance"): "says to people what they can ask",
    ("db/database.py", "_PLANNING"): "joins the planner's settings from their names",
    ("db/distribution.py", "_check_coordinator"): "says to people what to run",
    ("db/distribution.py", "_moves"): "DDL for tables that are found then: a name cannot be an argument",
    ("db/privileges.py", "_PRIVILEGES"): "what may be granted, by its name",
    ("db/privileges.py", "plan"): "grants: the names of tables and columns cannot be arguments",
    ("store/accounts/personal_data.py", "TELLING"): "turns the rows of any named statement into JSON",
    ("store/ledger/running/slices.py", "_FIRST_WORD"): "finds where a check begins",
    ("store/ledger/running/slices.py", "_of_window"): "puts tables with less in them before a check",
    ("store/ledger/running/slices.py", "_carry_out"): "limits every check alike",
    ("store/ledger/verify.py", "report_on"): "limits every check alike",
}
"""SQL in Python, by module and function or constant, each with a reason."""

SQL = re.compile(
    r"^\s*(WITH|SELECT|INSERT INTO|UPDATE\s+[a-z_]|DELETE FROM|MERGE INTO|SET|SHOW|CREATE|ALTER|DROP|LOCK|LISTEN"
    r"|NOTIFY|TRUNCATE|COPY|CALL|DO|ANALYZE|VACUUM|EXPLAIN|WHERE|FROM|(LEFT |CROSS )?JOIN|ORDER BY|GROUP BY|LIMIT"
    r"|RETURNING|VALUES|AND|OR|ON CONFLICT|FOR UPDATE)\b"
    r"|\b(SELECT|INSERT INTO|DELETE FROM|ORDER BY|GROUP BY|ON CONFLICT|RETURNING)\b"
)
SENDS = {"execute", "executemany", "fetch", "fetchrow", "fetchval", "cursor", "prepare"}


@pytest.mark.parametrize("name", MONEY)
def test_every_statement_of_the_money_path_names_one_book(name: str) -> None:
    statement = re.sub(r"--[^\n]*", "", MONEY[name])
    written = re.search(r"INSERT INTO (\w+) \(book_id,", statement)
    if written is not None:
        assert re.search(r"SELECT \$1,", statement), "the rows written belong to the one book $1"
        return
    read = set(re.findall(r"(?:FROM|JOIN|UPDATE) (\w+)", statement)) & set(TABLES)
    for table in read:
        named = rf"(?:{table}\.)?book_id = (?:\$1|instrument\.book_id)"
        assert re.search(named, statement), f"{table} is not tied to one book"
    assert "$1" in statement


def test_statements_have_names_of_their_own() -> None:
    assert len(MONEY) == len(set(MONEY)) > 15
    assert all(statement for statement in MONEY.values())
    assert list(load_statements("verify.sql", "tallystick.store.ledger"))[-1] == "totals"


@cache
def modules() -> Mapping[str, ast.Module]:
    """The service's own modules, by path."""
    paths = (path.relative_to(ROOT) for path in sorted(ROOT.rglob("*.py")))
    return {
        path.as_posix(): ast.parse((ROOT / path).read_text("utf-8"))
        for path in paths
        if not NOT_THE_SERVICE & set(path.parts) and path.as_posix() not in MIGRATING
    }


def sql_in(tree: ast.Module) -> Iterator[str]:
    """Names of the functions and constants of a module that have SQL in them."""
    documenting = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for place in _places(tree):
        for node in ast.walk(place):
            in_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
            if (in_text and id(node) not in documenting) or _sends_text(node):
                yield _name(place)
                break


def _places(tree: ast.Module) -> Iterator[ast.stmt]:
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            yield from statement.body
        else:
            yield statement


def _name(place: ast.stmt) -> str:
    match place:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ast.unparse(place)


def _sends_text(node: ast.AST) -> bool:
    """Whether it is a call that sends a text written where it is sent, whatever the text."""
    match node:
        case ast.Call(
            func=ast.Attribute(attr=attr), args=[ast.Constant(value=str()) | ast.JoinedStr() | ast.BinOp(), *_]
        ):
            return attr in SENDS
    return False


@pytest.mark.parametrize(
    "source",
    [
        "async def f(c): await c.fetch('SELECT * FROM token')",
        "async def f(c): await c.fetch('select * from token')",
        "async def f(c, n): await c.fetch(f'{n} where true')",
        "async def f(c): await c.fetch(f'UPDATE token SET {x} = 1')",
        "async def f(c): await c.fetch(f() + ' WHERE token_id = $1')",
        "class F:\n  async def f(c):\n    await c.fetch(\n'''\n  WITH a AS ()''')",
        "f = ' WHERE token_id = $1'",
        "f: str = 'SELECT 1'",
    ],
)
def test_sql_in_python_is_seen(source: str) -> None:
    assert list(sql_in(ast.parse(source))) == ["f"]


@pytest.mark.parametrize(
    "source",
    [
        "def f(): 'SELECT is a word'",
        "f = 'Select a card'",
        "async def f(c): return await c.execute(_SQL['f']) == 'UPDATE 1'",
        "async def f(c): return await c.get('/update token')",
    ],
)
def test_what_is_no_sql(source: str) -> None:
    assert list(sql_in(ast.parse(source))) == []


def test_there_is_no_sql_in_python() -> None:
    found = {(path, name) for path, tree in modules().items() for name in sql_in(tree)}
    assert found == set(EXCEPTIONS)


class Uses(ast.NodeVisitor):
    """What a module does with statements: the files that it loads, the names that it asks for."""

    def __init__(self, package: str, tree: ast.Module) -> None:
        self.loaded: dict[str, str] = {}
        """Files by the names of the variables that hold their statements."""
        self.asked: set[tuple[str, str]] = set()
        self.iterated: set[str] = set()
        self.constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        self.package = package
        for node in ast.walk(tree):
            match node:
                case ast.AnnAssign(
                    target=ast.Name(id=name),
                    value=ast.Call(func=ast.Name("load_statements"), args=[ast.Constant(value=str() as file), _]),
                ):
                    self.loaded[name] = f"{package}/sql/{file}"
                case ast.ImportFrom(module="tallystick.store.ledger.statements"):
                    self.loaded["MONEY"] = "store/ledger/sql/money.sql"
        self.visit(tree)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str() as asked)) if (
                name in self.loaded
            ):
                self.asked.add((self.loaded[name], asked))
            case ast.Subscript(value=ast.Name(id=name)) if name in self.loaded:  # one of the module's words
                names = load_all()[self.loaded[name]]
                self.asked |= {(self.loaded[name], asked) for asked in names if asked in self.constants}
                self.visit(node.slice)
            case _:
                self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.loaded and isinstance(node.ctx, ast.Load):
            self.iterated.add(self.loaded[node.id])


@cache
def load_all() -> Mapping[str, Mapping[str, str]]:
    """The statements of each file, by its path."""
    found = (path.relative_to(ROOT) for path in sorted(ROOT.rglob("sql/*.sql")))
    return {
        path.as_posix(): load_statements(path.name, ".".join(("tallystick", *path.parts[:-2])))
        for path in found
        if not NOT_THE_SERVICE & set(path.parts)
    }


@cache
def all_uses() -> Mapping[str, Uses]:
    return {path: Uses(path.rpartition("/")[0], tree) for path, tree in modules().items()}


def test_every_name_that_is_asked_for_is_some_statements() -> None:
    asked = {pair for uses in all_uses().values() for pair in uses.asked}
    assert len(asked) > 250
    assert {(file, name) for file, name in asked if name not in load_all()[file]} == set()


def test_every_statement_is_used() -> None:
    asked = {pair for uses in all_uses().values() for pair in uses.asked}
    iterated = {file for uses in all_uses().values() for file in uses.iterated}
    assert iterated == {"store/accounts/sql/personal_data.sql", "store/ledger/sql/verify.sql"}, "all of them are used"
    unused = {(file, name) for file, names in load_all().items() if file not in iterated for name in names} - asked
    assert unused == set()


def test_every_part_is_used() -> None:
    taken_in: set[tuple[str, str]] = set()
    parts: set[tuple[str, str]] = set()
    for file in load_all():
        text = (ROOT / file).read_text("utf-8")
        own = {(file, name) for name in re.findall(r"^-- part: (\w+)$", text, re.MULTILINE)}
        shared = {("db/sql/shared.sql", name) for name in re.findall(r"/\* part: (\w+) \*/", text)}
        taken_in |= shared | {(file, name) for _, name in shared}
        parts |= own
    assert parts - taken_in == set()
    assert len(parts) > 10


def test_files_say_who_reads_them() -> None:
    """A file is its module's, of the same name; money.sql is everybody's on the money path."""
    readers: dict[str, set[str]] = {}
    for path, uses in all_uses().items():
        for file in uses.loaded.values():
            readers.setdefault(file, set()).add(path.rpartition("/")[2])
    for file in load_all().keys() - {"db/sql/shared.sql"}:
        header = (ROOT / file).read_text("utf-8").partition("\n\n")[0].replace("\n-- ", " ")
        said = set(re.findall(r"\w+\.py\b", header.partition("Read by")[2].partition(". ")[0]))
        assert said, file
        assert said <= readers[file], file
        own = Path(file).with_suffix(".py").name
        assert own in readers[file] or file == "store/ledger/sql/money.sql", file


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """The folder for the `.sql` files of a package of its own, which has the test's name."""
    folder: Path = tmp_path / request.function.__name__ / "sql"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def load(package: Path, text: str) -> Mapping[str, str]:
    (package / "some.sql").write_text(text, "utf-8")
    return load_statements("some.sql", package.parent.name)


def test_parts_are_put_in(package: Path) -> None:
    text = "-- All.\n\n-- part: a\n1, 2\n\n-- part: b\n/* part: a */, 3\n\n-- name: c\n-- Why.\nSELECT /* part: b */\n"
    assert load(package, text) == {"c": "-- Why.\nSELECT 1, 2, 3"}


@pytest.mark.parametrize(
    "text",
    [
        "-- name: a\nSELECT 1\n\n-- name: a\nSELECT 2\n",
        "-- part: a\n1\n\n-- part: a\n2\n",
        "-- part: a\n1\n\n-- name: a\nSELECT 1\n",
        "-- part: terms_of_keys\n1\n",
    ],
    ids=["two statements", "two parts", "one of each", "a shared part"],
)
def test_a_name_twice_is_refused(package: Path, text: str) -> None:
    with pytest.raises(ValueError, match="two definitions"):
        load(package, text)


def test_a_part_that_is_not_there_is_refused(package: Path) -> None:
    with pytest.raises(LookupError, match=r"some\.sql: a takes in parts that do not stand before it: {'b'}"):
        load(package, "-- name: a\nSELECT /* part: b */\n\n-- part: b\n1\n")
