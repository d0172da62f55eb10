"""Options and arguments that are plain texts, numbers and paths, read without typer's library for all other types.

That is Pydantic, which typer loads for the first value of a command, whatever it is: 12 MB that a process keeps for as
long as it serves, and a fifth of a second of every command. What is not plain, or not right, typer reads as before, and
says what is wrong with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

_ELSE: Final = object()
_LONGEST_NUMBER: Final = 18


def read_plainly(command: TyperCommand | TyperGroup) -> None:
    """Have the parameters of a command, or of a group and all in it, read so. A typer that has none of that stays."""
    found = command.get_params  # with the option that every command has for its help

    def made_plain(ctx: Any) -> list[Any]:  # noqa: ANN401 - the types of these are typer's own
        return [_made_plain(parameter) for parameter in found(ctx)]

    command.get_params = made_plain  # type: ignore[method-assign]
    if isinstance(command, TyperGroup):
        for one in command.commands.values():
            if isinstance(one, TyperCommand | TyperGroup):
                read_plainly(one)


def _made_plain(parameter: Any) -> Any:  # noqa: ANN401 - see above
    reader = getattr(parameter, "get_runtime_param", None)
    if reader is not None and not isinstance(reader, _Plain):
        parameter.get_runtime_param = _Plain(reader)
    return parameter


@dataclass(frozen=True, slots=True)
class _Plain:
    """Stands for how typer reads a parameter. `other`: makes its own way, when it is first needed."""

    other: Callable[[], Any]

    def __call__(self) -> _Plain:
        """Where typer asks for the way."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - the types of these are typer's own
        """The value, as the command takes it. Raises what typer raises."""
        plain = None if value is None and _is_single(param) else _plain(value, param)
        return self.other().coerce(value, param=param, ctx=ctx) if plain is _ELSE else plain


def _is_single(param: Any) -> bool:  # noqa: ANN401 - see above
    return not param.multiple and param.nargs == 1


def _plain(value: object, param: Any) -> object:  # noqa: ANN401 - see above
    kind, options = param.type_descriptor.annotation, param.type_descriptor.parameter_info
    if not _is_single(param) or options.parser is not None:
        return _ELSE
    if kind is str and type(value) is str:
        return value
    if kind is int and options.clamp is not True:
        return _number(value, options.min, options.max)
    if kind is Path and isinstance(value, str | Path):
        return _path(Path(value), options)
    return _ELSE


def _number(value: object, least: float | None, most: float | None) -> object:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _LONGEST_NUMBER:
        value = int(value)
    fits = type(value) is int and (least is None or least <= value) and (most is None or value <= most)
    return value if fits else _ELSE


def _path(value: Path, options: Any) -> object:  # noqa: ANN401 - see above
    """A path of anything that is there and may be read, or of nothing."""
    demands = (options.exists, options.writable, options.resolve_path, options.allow_dash, options.path_type)
    if any(demands) or not (options.file_okay and options.dir_okay):
        return _ELSE
    return value if os.access(value, os.R_OK) or not value.exists() else _ELSE
