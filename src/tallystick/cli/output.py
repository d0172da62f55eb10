"""What commands print: lines, tables, JSON, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
import typer

Json = Annotated[bool, typer.Option("--json", help="Answer with JSON on one line, for programs.")]

NO: Final = 1
"""Exit status when everything works and the answer is no."""


class ProblemError(Exception):
    """An error that the user can fix; the message says how."""


def tell(text: str) -> None:
    """Print a line of the answer, as it is."""
    typer.echo(text)


def tell_json(value: object) -> None:
    """Print the answer for programs."""
    typer.echo(msgspec.json.encode(value))


def complain(text: str) -> None:
    """Say what is wrong."""
    typer.echo(f"tallystick: {text}", err=True)


def tell_table(rows: list[Mapping[str, str]], none: str) -> None:
    """Print rows under their names, or `none`; every row has the same names."""
    if not rows:
        tell(none)
        return
    names = list(rows[0])
    width = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    tell("  ".join(name.ljust(width[name]) for name in names).rstrip())
    for row in rows:
        tell("  ".join(row[name].ljust(width[name]) for name in names).rstrip())
