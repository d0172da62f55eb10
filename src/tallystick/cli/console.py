"""What commands share: settings, the event loop and its end, secrets that are not typed, and what `output.py` has."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import typer
import uvloop

from tallystick.cli.common_options import TOLD
from tallystick.cli.database_guard import check_same_database, no_database_yet
from tallystick.cli.logs import configure_logs
from tallystick.cli.output import NO, Json, ProblemError, complain, tell, tell_json, tell_table
from tallystick.services.context import Service
from tallystick.services.operations.audit import Actor
from tallystick.settings import ConfigurationFile, Settings, find_file, from_environment, read_file
from tallystick.wiring import DatabaseAddress, NoDatabaseYetError, database_address, open_service

__all__ = [
    "INTERRUPTED",
    "NO",
    "Json",
    "ProblemError",
    "actor_of_process",
    "complain",
    "configuration_file",
    "database_of_process",
    "program",
    "run",
    "run_until_stopped",
    "secret_from",
    "service_of_process",
    "settings_of_process",
    "tell",
    "tell_json",
    "tell_table",
    "while_running",
]

Answer = TypeVar("Answer")

INTERRUPTED: Final = 130
"""Exit status of a command that was stopped before its end."""

_STOP: Final = (signal.SIGINT, signal.SIGTERM)


def settings_of_process(*, quiet: bool = True) -> Settings:
    """The settings in environment and file, and logs as they say; `quiet`: only what went wrong is logged.

    Raises SettingsError.
    """
    settings = from_environment(os.environ, configuration_file())
    configure_logs(settings.log_format, "warning" if quiet and settings.log_level == "info" else settings.log_level)
    return settings


def configuration_file() -> ConfigurationFile | None:
    """What the file says that this process is to read; None: there is none. Raises SettingsError."""
    path = find_file(os.environ, TOLD.config)
    return None if path is None else read_file(path)


@asynccontextmanager
async def service_of_process() -> AsyncIterator[Service]:
    """The service that the environment describes, without anything listening. Raises SettingsError and so on.

    It leaves the schema of a database that is in use as it is: another version of the program may be at work there. It
    makes none unless it was told to. Raises ProblemError.
    """
    settings = settings_of_process()
    check_same_database(settings)
    try:
        async with open_service(settings, upgrade=False, create=TOLD.new) as service:
            yield service
    except NoDatabaseYetError as error:
        raise no_database_yet(error) from None


@asynccontextmanager
async def database_of_process(
    settings: Settings | None = None, *, create: bool = False
) -> AsyncIterator[DatabaseAddress]:
    """The database of the service, as it is. `create`: whether the embedded one may be made. Raises ProblemError."""
    settings = settings or settings_of_process()
    check_same_database(settings)
    try:
        async with database_address(settings, create=create or TOLD.new) as address:
            yield address
    except NoDatabaseYetError as error:
        raise no_database_yet(error) from None


def actor_of_process() -> Actor:
    """Who acts, for use cases and the audit log: a command, run by a user of this machine.

    The user is the one whom the operating system knows, not one that an environment variable claims; a number, where it
    has no name for it, as in some containers.
    """
    number = os.getuid()
    try:
        return Actor.command(pwd.getpwuid(number).pw_name)
    except KeyError:
        return Actor.command(str(number))


def run(main: Coroutine[Any, Any, Answer]) -> Answer:
    """Run to the end. Ctrl-C and SIGTERM end it from inside, so that everything opened is closed; status 130 then."""
    try:
        return _run(main)
    except asyncio.CancelledError:
        raise typer.Exit(INTERRUPTED) from None


def run_until_stopped(main: Coroutine[Any, Any, None]) -> None:
    """Run until stopped: Ctrl-C and SIGTERM end it with status 0."""
    with suppress(asyncio.CancelledError):
        _run(main)


def _run(main: Coroutine[Any, Any, Answer]) -> Answer:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_until_stopped(main))


async def _until_stopped(main: Coroutine[Any, Any, Answer]) -> Answer:
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    for number in _STOP:
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    finally:
        for number in _STOP:
            loop.remove_signal_handler(number)


async def while_running(*tasks: asyncio.Task[None]) -> NoReturn:
    """Wait while all tasks run; their owners end them. Raises the exception of the first that fails."""
    ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()
    raise ProblemError("a part of the service has stopped by itself")


def program() -> str:
    """The program's name as the user types it: ``./run`` in a clone with its own environment, else its own name."""
    environment = Path(sys.prefix)
    in_a_clone = environment.name == ".venv" and (environment.parent / "run").is_file()
    return "./run" if in_a_clone else "tallystick"


def secret_from(
    variable: str | None,
    *,
    stdin: bool,
    what: str,
    ask: Callable[[], str] | None = None,
    make_up: Callable[[], str] | None = None,
) -> str:
    """A secret from an environment variable or from standard input: other users can read command lines.

    When neither was named, `ask` is used on a terminal, else `make_up`. Raises ProblemError.
    """
    if variable is not None and not stdin:
        return _filled(os.environ.get(variable, ""), f"the {what} is empty: {variable} is not set")
    if stdin and variable is None:
        return _filled(sys.stdin.readline().rstrip("\r\n"), f"the {what} is empty")
    source = ask if ask is not None and sys.stdin.isatty() else make_up
    if source is None or stdin:
        raise ProblemError(f"give the {what} either on standard input or in an environment variable; see --help")
    return _filled(source(), f"the {what} is empty")


def _filled(found: str, complaint: str) -> str:
    if not found:
        raise ProblemError(complaint)
    return found
