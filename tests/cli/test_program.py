"""The table of commands: what it says of each, and that none is loaded before it is run."""

import json
import subprocess
import sys

import pytest

from tallystick.cli.app import COMMANDS, whole_program

LOADED = """
import json, sys
from tallystick.cli import main
try:
    main()
except SystemExit as end:
    print(json.dumps([end.code, sorted({name.partition(".")[0] for name in sys.modules} & set(HEAVY)),
                      sorted(name for name in sys.modules if name.startswith("tallystick."))]))
"""
LIGHT = {"", "app", "common_options", "lazy", "output", "plain_values"}
HEAVY = ("asyncio", "asyncpg", "cryptography", "httpx", "litestar", "pydantic", "rich", "structlog", "webauthn")


def test_the_list_of_commands_says_what_each_says_itself() -> None:
    commands = whole_program().commands
    assert list(commands) == list(COMMANDS)
    said = {name: command.get_short_help_str(limit=1_000) for name, command in commands.items()}
    assert said == {name: entry.summary for name, entry in COMMANDS.items()}


@pytest.mark.parametrize("asked", ["--version", "--help"])
def test_what_needs_no_command_loads_none(asked: str) -> None:
    code = f"HEAVY = {HEAVY!r}\n{LOADED}"
    run = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", code, asked], check=True, capture_output=True, text=True
    )
    status, heavy, ours = json.loads(run.stdout.splitlines()[-1])
    assert (status, heavy) == (0, [])
    assert {name.removeprefix("tallystick.cli").lstrip(".") for name in ours} <= LIGHT


def test_a_command_is_loaded_when_it_is_run() -> None:
    code = f"HEAVY = {HEAVY!r}\n{LOADED}"
    run = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", code, "keys", "--help"], check=True, capture_output=True, text=True
    )
    _, _, ours = json.loads(run.stdout.splitlines()[-1])
    assert {"tallystick.cli.commands.keys", "tallystick.cli.commands.certificates"} <= set(ours)
    assert "tallystick.cli.commands.demo" not in ours
    assert "register-certificate" in run.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("completion tcsh", "'tcsh' is not one of 'bash', 'zsh', 'fish'."),
        ("account create --kind robot --email a@b.example --name A", "'--kind': 'robot' is not one of 'business'"),
    ],
)
def test_a_value_that_is_not_offered_is_refused_in_plain_words(words: str, told: str) -> None:
    run = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "tallystick", *words.split()], check=False, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert told in run.stderr
    assert "Value error" not in run.stderr
