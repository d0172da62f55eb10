"""What tests themselves send can run on a cluster: they are to be run on one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.db.sql_script import split_script

TESTS = Path(__file__).parent.parent
SENDS = {"execute", "fetch", "fetchrow", "fetchval", "executemany", "execute_as_owner"}
OF_A_COLUMN = re.compile(r"= \w+ [+-] (interval '|\$\d+::interval)")
CHANGE = re.compile(r"\s*(UPDATE|DELETE FROM|INSERT INTO)\b")
ALLOWED = {
    "test_backup_story.py": "the role of a copy, on an embedded server",
    "test_citus_rules.py": "statements that are to be refused",
    "test_damage.py": "settings of one session",
    "test_duplicates.py": "a trigger, in a test that is not for clusters",
    "test_full_disk.py": "a table of its own, on an embedded server",
    "test_migrate.py": "event triggers, in a database without tables yet",
    "test_privileges.py": "a table is changed and changed back, on an embedded server",
}


def faults(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    texts = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _adds_to_a_column(node.value):
            yield f"{node.lineno}: a sum of a column and an interval, which depends on the session's time zone"
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in SENDS:
            for sent in node.args[:2]:
                text = texts.get(sent.id) if isinstance(sent, ast.Name) else sent
                if isinstance(text, ast.Constant) and isinstance(text.value, str) and _commands(text.value) > 1:
                    yield f"{node.lineno}: several commands in one"


def _adds_to_a_column(text: str) -> bool:
    return bool(CHANGE.match(text) and OF_A_COLUMN.search(text))


def _commands(text: str) -> int:
    try:
        return len(split_script(text))
    except ValueError:  # no SQL at all
        return 0


def test_what_tests_send_can_run_on_a_cluster() -> None:
    files = [
        path for path in sorted(TESTS.rglob("*.py")) if path.name not in ALLOWED and "simulation" not in path.parts
    ]
    found = [f"{path.relative_to(TESTS)}:{fault}" for path in files for fault in faults(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("await pool.execute('UPDATE token SET created_at = created_at - interval \\'1 day\\'')", 1),
        ("SPOIL = 'DELETE FROM a; DELETE FROM b'\nawait pool.execute(SPOIL)", 1),
        ("await execute_as_owner(pool, 'DELETE FROM a; DELETE FROM b')", 1),
        ("await pool.execute('DELETE FROM a')", 0),
        ("await pool.fetch('SELECT at + interval \\'1 day\\' FROM a')", 0),
    ],
)
def test_what_cannot_is_found(source: str, count: int) -> None:
    assert len(list(faults(source))) == count
