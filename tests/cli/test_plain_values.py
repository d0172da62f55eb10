"""Plain values of options are those that typer reads, and take no library to read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.core import TyperCommand
from typer.main import get_command

from tallystick.cli.plain_values import read_plainly


class Kind(Enum):
    """Of an option that is not plain."""

    BIG = "big"


Port = Annotated[int, typer.Option(min=1, max=65_535)]


def command(  # noqa: PLR0913, PLR0917 - an option of each kind
    word: str = "none",
    port: Port = 80,
    least: Annotated[int, typer.Option(max=9, clamp=True)] = 1,
    file: Path | None = None,
    directory: Annotated[Path | None, typer.Option(file_okay=False)] = None,
    there: Annotated[Path | None, typer.Option(exists=True, resolve_path=True)] = None,
    kind: Kind = Kind.BIG,
    share: float = 0.5,
    each: Annotated[list[int] | None, typer.Option()] = None,
    parsed: Annotated[str, typer.Option(parser=str.upper)] = "x",
    flag: bool = False,
) -> tuple[object, ...]:
    """What was given."""
    return word, port, least, file, directory, there, kind, share, each, parsed, flag


def made(change: Callable[[TyperCommand], None]) -> TyperCommand:
    holder = typer.Typer(add_completion=False)
    holder.command()(command)
    whole = get_command(holder)
    assert isinstance(whole, TyperCommand)
    change(whole)
    return whole


def told(whole: TyperCommand, *words: str) -> Any:  # noqa: ANN401 - what the command returns, or what is wrong
    try:
        return whole.main(list(words), standalone_mode=False)
    except typer.BadParameter as error:
        return str(error)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--word a --port 8400 --file / --flag",
        "--port 0",
        "--port 65536",
        "--port 007",
        "--port +7",
        "--port 1_0",
        "--port \N{ARABIC-INDIC DIGIT SEVEN}",
        "--port \N{SUPERSCRIPT TWO}",
        "--port -1",
        "--port 7.0",
        "--port x",
        "--port 99999999999999999999999999",
        "--least 12",
        "--file /nowhere/at/all",
        "--file -",
        "--directory /etc/passwd",
        "--directory /etc",
        "--there /nowhere",
        "--there /etc/../etc",
        "--kind big",
        "--kind small",
        "--share 0.25",
        "--each 1 --each 2",
        "--each x",
        "--parsed abc",
    ],
)
def test_each_value_is_what_typer_makes_of_it(words: str) -> None:
    plainly = told(made(read_plainly), *words.split())
    assert plainly == told(made(lambda _: None), *words.split())
    assert [type(one) for one in plainly] == [type(one) for one in told(made(lambda _: None), *words.split())]


def test_a_path_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    """By whoever is no superuser, who may read all."""
    hidden = tmp_path / "hidden"
    hidden.touch(mode=0o000)

    assert told(made(read_plainly), "--file", str(hidden)) == told(made(lambda _: None), "--file", str(hidden))


PROGRAM = """
import sys
import typer
from pathlib import Path
from typing import Annotated
from typer.main import get_command
from tallystick.cli.plain_values import read_plainly

def command(word: str = "none", port: Annotated[int, typer.Option(min=1)] = 80, file: Path | None = None) -> None:
    print(word, port, file, "pydantic" in sys.modules)

holder = typer.Typer(add_completion=False)
holder.command()(command)
whole = get_command(holder)
read_plainly(whole)
whole(["--port", "7", "--file", "/"])
"""


def test_nothing_is_loaded_for_them() -> None:
    run = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True
    )
    assert (run.stdout, run.stderr) == ("none 7 / False\n", "")
