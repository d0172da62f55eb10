"""A class name means one thing in the whole package; a class with an underscore belongs to its file alone."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import tallystick

ROOT = Path(tallystick.__file__).parent


def test_no_two_classes_have_one_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))

    assert "Transaction" in places
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
