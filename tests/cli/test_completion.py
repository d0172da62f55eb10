"""What shells complete: the program's answers, and bash itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = [
    ("conf", {"config"}),
    ("keys rev", {"revoke", "revoke-certificate", "revoke-signing"}),
    ("keys create --acc", {"--account"}),
    ("completion z", {"zsh"}),
    ("no-such-command x", set()),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A search path that begins with the program under its own name."""
    directory = tmp_path_factory.mktemp("programs")
    program = directory / "tallystick"
    program.write_text(f"#!{sys.executable}\nfrom tallystick.cli import main\n\nmain()\n")
    program.chmod(0o755)
    return os.pathsep.join([str(directory), os.environ.get("PATH", os.defpath)])


def run(path: str, *command: str, **more: str) -> str:
    ran = subprocess.run(  # noqa: S603 - ourselves, and shells
        command, env=os.environ | {"PATH": path} | more, check=True, capture_output=True, text=True
    )
    assert ran.stderr == ""
    return ran.stdout


@pytest.mark.parametrize(("typed", "offered"), CASES)
def test_bash_completes(typed: str, offered: set[str], path: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    words = f"tallystick {typed}".split(" ")
    script = (
        'source <(tallystick completion bash)\nCOMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n'
        '"$(complete -p tallystick | sed "s/.*-F \\([^ ]*\\).*/\\1/")" tallystick\nprintf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert set(run(path, bash, "--norc", "-c", script, "bash", *words).split()) == offered


@pytest.mark.parametrize(("typed", "offered"), CASES[:2])
def test_zsh_and_fish_are_answered(typed: str, offered: set[str], path: str) -> None:
    typed = f"tallystick {typed}"
    zsh = run(path, "tallystick", _TALLYSTICK_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=typed)
    fish = run(
        path,
        "tallystick",
        _TALLYSTICK_COMPLETE="complete_fish",
        _TYPER_COMPLETE_ARGS=typed,
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    for word in offered:
        assert f'"{word}"' in zsh
        assert word in {line.partition("\t")[0] for line in fish.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_what_their_shells_read(shell: str, path: str, tmp_path: Path) -> None:
    script = run(path, "tallystick", "completion", shell)
    assert "_TALLYSTICK_COMPLETE=complete_" + shell in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script)
    assert run(path, program, "-n", str(tmp_path / "script")) == ""
