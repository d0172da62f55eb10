"""Programs that the service starts are given an environment of their own: ours may hold the master key."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from tests.db.test_statements import ROOT

NOT_THE_SERVICE = frozenset({"bench", "torture"})
SPAWNS = frozenset(
    {"run", "Popen", "call", "check_call", "check_output", "create_subprocess_exec", "create_subprocess_shell"}
)
OF_MODULES = frozenset({"subprocess", "asyncio"})
EXCEPTIONS: Mapping[str, str] = {
    "cli/serving/peer_processes.py": "the further processes of one `serve` are the service, with its settings",
}


def spawns(tree: ast.Module) -> Iterator[ast.Call]:
    """The calls that start a program."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if name in SPAWNS:
                if module in OF_MODULES and (module, name) != ("asyncio", "run"):
                    yield node


def test_a_call_that_starts_a_program_is_seen() -> None:
    source = "import subprocess, asyncio\nsubprocess.run(['a'])\nasyncio.create_subprocess_exec('a')\nasyncio.run(f())"
    assert len([*spawns(ast.parse(source))]) == 2


def test_every_program_is_given_an_environment() -> None:
    found: dict[str, list[bool]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        module = path.relative_to(ROOT)
        if NOT_THE_SERVICE & set(module.parts):
            continue
        given = [
            any(word.arg == "env" for word in call.keywords) for call in spawns(ast.parse(path.read_text("utf-8")))
        ]
        if given:
            found[module.as_posix()] = given
    assert len(found) > len(EXCEPTIONS)
    assert {module for module, given in found.items() if not all(given)} == set(EXCEPTIONS)
