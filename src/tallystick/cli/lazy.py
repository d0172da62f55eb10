"""Commands that are loaded when they are run: one may import for a second, `--help` needs none of that."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from tallystick.cli.common_options import take_after_the_name
from tallystick.cli.plain_values import read_plainly

PACKAGE: Final = "tallystick.cli"
_OF_THE_LIBRARY: Final = "Value error, "


class CommandEntry(NamedTuple):
    """Where a command or a group of commands is.

    `place`: "module:name" below this package, a function or a `Typer`. `summary`: its line in the list of commands, the
    first sentence of its own help (a test compares them). `additions`: modules that add commands to the group when they
    are imported.
    """

    place: str
    summary: str
    additions: tuple[str, ...] = ()


class UnopenedCommand(TyperCommand):
    """Stands for a command until it is run or asked for its own help."""

    def __init__(self, name: str, entry: CommandEntry) -> None:
        super().__init__(name, help=entry.summary, rich_markup_mode=None)
        self._word, self._entry = name, entry

    def open(self) -> TyperCommand | TyperGroup:
        """The command itself, imported now."""
        module, _, name = self._entry.place.partition(":")
        found = getattr(import_module(f"{PACKAGE}.{module}"), name)
        for addition in self._entry.additions:
            import_module(f"{PACKAGE}.{addition}")
        holder = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=self._word)
        else:
            holder.command(self._word)(found)
        holder.callback()(_nothing)  # else a holder of one command would be that command, not a group with a name in it
        group = get_command(holder)
        if not isinstance(group, TyperGroup):
            raise TypeError(f"{self._entry.place} is no command")
        command = group.commands[self._word]
        if not isinstance(command, TyperCommand | TyperGroup):
            raise TypeError(f"{self._entry.place} is no command")
        take_after_the_name(command)
        read_plainly(command)
        return command

    def make_context(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - the types of these are typer's own
        """Parse the command's own arguments: from here on it is the real one that runs."""
        return self.open().make_context(*arguments, **named)


class LazyGroup(TyperGroup):
    """A group whose commands are those of a table."""

    entries: ClassVar[Mapping[str, CommandEntry]]

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - what typer gives a group
        super().__init__(**attributes)
        self._unopened = {name: UnopenedCommand(name, entry) for name, entry in self.entries.items()}
        read_plainly(self)
        self.commands.update(self._unopened)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - the types of these are typer's own
        """Run the command that was asked for. What is wrong with an argument is said in words for people."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.replace(_OF_THE_LIBRARY, "")
            raise

    def open_all(self) -> TyperGroup:
        """Load every command: for what goes through all of them, as the reference does. The group itself."""
        self.commands.update({name: unopened.open() for name, unopened in self._unopened.items()})
        return self


def _nothing() -> None:
    """The callback of a group that has none to speak of."""
