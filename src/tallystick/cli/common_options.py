"""Options that every command takes, before its name or after it: `tallystick --config F serve`, `… serve --config F`.

They say how the process finds its settings and its database, and so are no parameters of any command.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command


@dataclass(slots=True)
class CommonOptions:
    """What this process was told: the configuration file, and whether another database than the service's is meant."""

    config: Path | None = None
    new: bool = False


TOLD: Final = CommonOptions()
"""The options of the command that runs."""

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration file; else as TALLYSTICK_CONFIG says."),
]
New = Annotated[
    bool, typer.Option("--new", help="Open another database than the service's, and make it where there is none.")
]


def _take_config(value: Path | None) -> None:
    if value is not None:
        TOLD.config = value


def _take_new(value: bool) -> None:
    TOLD.new = TOLD.new or value


def _after_the_name(
    _config: Annotated[
        Path | None, typer.Option("--config", hidden=True, expose_value=False, callback=_take_config)
    ] = None,
    _new: Annotated[bool, typer.Option("--new", hidden=True, expose_value=False, callback=_take_new)] = False,
) -> None:
    """Stands for any command."""


def take_after_the_name(command: TyperCommand | TyperGroup) -> None:
    """Let a command, or a group and all in it, take them, too; its help does not show them once more."""
    holder = typer.Typer(rich_markup_mode=None, add_completion=False)
    holder.command()(_after_the_name)
    options = [parameter for parameter in get_command(holder).params if isinstance(parameter, TyperOption)]
    for one in _all_in(command):
        taken = {word for parameter in one.params for word in parameter.opts}
        one.params.extend(option for option in options if option.expose_value is False and not taken & {*option.opts})


def _all_in(command: TyperCommand | TyperGroup) -> Iterable[TyperCommand | TyperGroup]:
    yield command
    if isinstance(command, TyperGroup):
        for one in command.commands.values():
            if isinstance(one, TyperCommand | TyperGroup):
                yield from _all_in(one)
