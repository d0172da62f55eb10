"""`tallystick backup`: the database, its log and the archive in a directory, while everything runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.cli.console import (
    NO,
    Json,
    ProblemError,
    database_of_process,
    run,
    run_until_stopped,
    settings_of_process,
    tell,
    tell_json,
)
from tallystick.db.backup import base as bases
from tallystick.db.backup.place import BackupPlace, Base
from tallystick.db.backup.schedule import Schedule
from tallystick.db.backup.source import BackupError, BackupSource, open_source
from tallystick.domain.texts import counted
from tallystick.services.operations import backups
from tallystick.settings import Settings
from tallystick.wiring import utc_now

app = typer.Typer(invoke_without_command=True)

Directory = Annotated[
    Path | None, typer.Option("--directory", help="Where the backups of this database are, and of no other.")
]
Archive = Annotated[
    Path | None, typer.Option("--archive", help="Where the archive is; else `archive` in the data directory.")
]
DatabaseEnv = Annotated[
    str | None,
    typer.Option(
        "--database-env",
        metavar="NAME",
        help="Connect to the address in this environment variable, as a role that may replicate.",
    ),
]


@app.callback()
def backup(
    context: typer.Context,
    directory: Directory = None,
    archive: Archive = None,
    database_env: DatabaseEnv = None,
    json: Json = False,
) -> None:
    """Make a base backup now, beside everything that runs. The master key is not in it: keep it elsewhere.

    By itself it can be restored to the moment of its end; `backup run` also fetches the log, for any moment since.
    """
    if context.invoked_subcommand is not None:
        return

    async def take() -> Base:
        async with _opened(directory, database_env) as (settings, source, place):
            await _copy_archive(settings, archive, place)
            base = await bases.take(source, place, utc_now)
            await _copy_archive(settings, archive, place)  # what left the books before the backup's end is here, too
            return base

    base = run(take())
    if json:
        tell_json(_as_json(base))
        return
    tell(f"{base.name}: {base.bytes >> 20} MB, done at {base.finished_at.isoformat()}")


@app.command("run")
def run_(
    directory: Directory = None,
    every_hours: Annotated[int, typer.Option(min=1, help="Hours between two base backups.")] = 24,
    keep_days: Annotated[int, typer.Option(min=1, help="Any moment of so many days can be restored.")] = 14,
    archive: Archive = None,
    database_env: DatabaseEnv = None,
) -> None:
    """Back up all the time: the log as it is written, base backups, and delete what is too old. Ctrl-C stops it."""
    run_until_stopped(_run(directory, timedelta(hours=every_hours), timedelta(days=keep_days), archive, database_env))


async def _run(
    directory: Path | None, every: timedelta, keep: timedelta, archive: Path | None, database_env: str | None
) -> None:
    async with _opened(directory, database_env, quiet=False) as (settings, source, place):

        async def beside() -> None:
            await _copy_archive(settings, archive, place)

        schedule = Schedule(source, place, every, keep, utc_now, beside, source.time)
        await schedule.run(lambda: tell(f"Tallystick backs up into {place.directory}"))


@app.command()
def check(directory: Directory = None, json: Json = False) -> None:
    """Read all backups: every file as it was written, no gap in the log; exit status 1 when anything is off."""
    problems = run(_problems_reported(bases.check(_place(directory))))
    if json:
        tell_json({"ok": not problems, "problems": problems})
    else:
        for problem in problems:
            tell(f"BAD {problem}")
        tell("The backups are whole." if not problems else f"{counted(len(problems), 'problem')}.")
    if problems:
        raise typer.Exit(NO)


@app.command("list")
def list_(directory: Directory = None, json: Json = False) -> None:
    """List the base backups, the oldest first."""

    async def listed() -> list[Base]:
        return await asyncio.to_thread(_place(directory).list_bases)

    found = run(_problems_reported(listed()))
    if json:
        tell_json([_as_json(base) for base in found])
        return
    for base in found:
        tell(f"{base.name}  {base.bytes >> 20} MB, from {base.finished_at.isoformat()} on")
    if not found:
        tell("There is no backup yet.")


@app.command()
def end(database_env: DatabaseEnv = None) -> None:
    """Back up no more: the server keeps no log for it any longer. What there is of backups stays."""

    async def let_go() -> bool:
        async with _source(settings_of_process(), database_env) as (dsn, source):
            return await source.let_go_of_the_log(dsn)

    tell("The server keeps no more log for backups." if run(_problems_reported(let_go())) else "It kept none.")


@asynccontextmanager
async def _opened(
    directory: Path | None, database_env: str | None, *, quiet: bool = True
) -> AsyncIterator[tuple[Settings, BackupSource, BackupPlace]]:
    """Settings, server and directory, which is ours alone meanwhile. Raises ProblemError."""
    settings, place = settings_of_process(quiet=quiet), _place(directory)
    try:
        async with _source(settings, database_env) as (_, source):
            place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with place.only_us():
                place.prepare(source)
                yield settings, source, place
    except BackupError as problem:
        raise ProblemError(str(problem)) from None


@asynccontextmanager
async def _source(settings: Settings, database_env: str | None) -> AsyncIterator[tuple[str, BackupSource]]:
    if database_env is not None:
        address = os.environ.get(database_env)
        if not address:
            raise ProblemError(f"{database_env} is not set")
        settings = replace(settings, database_url=address, owner_database_url=None)
    async with database_of_process(settings) as found:
        yield found.admin, await open_source(found.admin)


def _place(directory: Path | None) -> BackupPlace:
    if directory is None:
        raise ProblemError("say where the backups are: --directory /backup/tallystick")
    return BackupPlace(directory.expanduser().absolute())


async def _copy_archive(settings: Settings, archive: Path | None, place: BackupPlace) -> None:
    await asyncio.to_thread(backups.copy_archive, archive or settings.data_directory / backups.ARCHIVE, place.files)


async def _problems_reported(work: Any) -> Any:  # noqa: ANN401 - whatever it comes to
    try:
        return await work
    except BackupError as problem:
        raise ProblemError(str(problem)) from None


def _as_json(base: Base) -> dict[str, object]:
    return {
        "name": base.name,
        "started_at": base.started_at,
        "finished_at": base.finished_at,
        "bytes": base.bytes,
    }
