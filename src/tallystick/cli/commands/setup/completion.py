"""`tallystick completion`: what lets a shell complete commands and options, by the library that parses them."""

from __future__ import annotations

from enum import StrEnum, unique
from typing import Annotated, Final

import typer
from typer._completion_shared import get_completion_script

from tallystick.cli.app import ASKED_BY_A_SHELL
from tallystick.cli.output import tell

NAME: Final = "tallystick"


@unique
class Shell(StrEnum):
    """The shells for which there is a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Whose script.")]) -> None:
    """Print what lets a shell complete commands and options.

    In bash and zsh: source <(tallystick completion bash). In fish: tallystick completion fish | source.
    """
    tell(get_completion_script(prog_name=NAME, complete_var=ASKED_BY_A_SHELL, shell=shell.value))
