"""`tallystick init` and `tallystick config`: the file with the settings, and what counts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from tallystick.cli.common_options import TOLD
from tallystick.cli.console import NO, Json, configuration_file, program, settings_of_process, tell, tell_json
from tallystick.domain.texts import counted
from tallystick.services.operations.configuration import DEFAULT, configuration, exposure_warnings, file_of
from tallystick.settings import (
    CONFIG,
    Settings,
    SettingsError,
    candidates,
    find_file,
    from_environment,
    problems_of,
)
from tallystick.settings.configuration_file import SYSTEM_FILE, user_file
from tallystick.settings.configuration_template import template, write_template

app = typer.Typer(no_args_is_help=True, help="The configuration: what is set, where, and whether it is right.")

SYSTEM_DATA: Final = Path("/var/lib/tallystick")
"""Where the data are of a service that a file for the whole machine describes."""


def init(
    system: Annotated[
        bool, typer.Option("--system", help=f"Write {SYSTEM_FILE}, for a service of this machine.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a configuration file with every setting in it, explained and commented out. It replaces none.

    It goes where `--config` says; else where the user's own is looked for.
    """
    path = SYSTEM_FILE if system else TOLD.config or user_file()
    write_template(path, template(SYSTEM_DATA if system else None))
    if json:
        tell_json({"file": str(path)})
        return
    tell(f"Written: {path}")
    if system:
        tell(
            "Let the service's user, and nobody else, read it too, such as with: "
            f"chown root:tallystick {path} && chmod 640 {path}"
        )
    tell(f"Then: {program()} config check")


@dataclass(frozen=True, slots=True)
class _Checked:
    """What came of a check. `file`: which one counts."""

    file: str | None
    problems: list[str]
    warnings: list[str]


@app.command()
def check(json: Json = False) -> None:
    """Say what is wrong with the settings, all at once; exit status 1 when anything is. Nothing is started."""
    found = _check()
    if json:
        tell_json(
            {"ok": not found.problems, "file": found.file, "problems": found.problems, "warnings": found.warnings}
        )
    else:
        tell(f"File: {found.file or _none_there()}")
        for warning in found.warnings:
            tell(f"WARNING {warning}")
        for problem in found.problems:
            tell(f"BAD {problem}")
        tell("The settings are right." if not found.problems else f"{counted(len(found.problems), 'problem')}.")
    if found.problems:
        raise typer.Exit(NO)


def _check() -> _Checked:
    path = None
    try:
        path = find_file(os.environ, TOLD.config)
        file = configuration_file()
        problems = problems_of(os.environ, file)
        warnings = [] if problems else exposure_warnings(from_environment(os.environ, file))
    except SettingsError as error:
        problems, warnings = [str(error)], []
    if path is not None:
        warnings += [f"{other} is not read: {path} is" for other in candidates() if other != path and _is_there(other)]
    return _Checked(None if path is None else str(path), problems, warnings)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


@app.command()
def show(
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not as it is by default.")] = False,
    json: Json = False,
) -> None:
    """Show every setting, and where its value comes from; secrets are hidden."""
    settings = settings_of_process()
    lines = [line for line in configuration(settings) if line.source != DEFAULT or not changed]
    if json:
        tell_json(
            [
                {"name": one.name, "value": one.value, "source": one.source, "given_as": one.given_as or None}
                for one in lines
            ]
        )
        return
    width = max((len(line.name) for line in lines), default=0)
    tell(f"File: {_file_read(settings)}")
    for line in lines:
        origin = f"{line.source}: {line.given_as}" if line.given_as not in {"", line.name} else line.source
        tell(f"{line.name:{width}}  {line.value}  ({origin})")


def _file_read(settings: Settings) -> str:
    path = file_of(settings) or find_file(os.environ, TOLD.config)
    return _none_there() if path is None else str(path)


def _none_there() -> str:
    if os.environ.get(CONFIG, "").strip():
        return "none is to be read"
    return f"none; looked for at {' and '.join(map(str, candidates()))}"
