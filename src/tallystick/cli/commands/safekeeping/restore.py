"""`tallystick restore`: a new data directory as of a moment, proven before anybody serves from it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.console import NO, Json, ProblemError, run, settings_of_process, tell, tell_json
from tallystick.db.backup.place import BackupPlace
from tallystick.db.backup.restore import Restored, restored
from tallystick.db.backup.source import BackupError
from tallystick.db.damage import DamagedError
from tallystick.db.database import open_pool
from tallystick.services.operations import backups
from tallystick.settings import Settings

_FORMATS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S"]


@dataclass
class _Outcome:
    """What came of it. `problems`: why it must not be served from."""

    restored: Restored
    books: str = ""
    problems: list[str] = field(default_factory=list)


def restore(
    from_: Annotated[Path, typer.Option("--from", help="The directory of the backups.")],
    into: Annotated[Path, typer.Option("--into", help="The data directory to make: new or empty.")],
    to: Annotated[
        datetime | None,
        typer.Option("--to", formats=_FORMATS, help="The moment, UTC unless it says otherwise; else all of the log."),
    ] = None,
    master_key: Annotated[
        Path | None,
        typer.Option(
            "--master-key", help="The file of the master key; else that of the present data directory, or the setting."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a data directory from a backup and prove its books; exit status 1 when anything is off.

    Let TALLYSTICK_DATA_DIRECTORY name it afterwards. What is there stays as it is.
    """
    moment = None if to is None else to if to.tzinfo is not None else to.replace(tzinfo=UTC)
    outcome = run(
        _restore(BackupPlace(from_.expanduser().absolute()), into.expanduser().absolute(), moment, master_key)
    )
    if json:
        tell_json(
            {
                "ok": not outcome.problems,
                "data_directory": str(into),
                "base": outcome.restored.base.name,
                "reached": outcome.restored.reached,
                "problems": outcome.problems,
            }
        )
    else:
        tell(f"from the base backup {outcome.restored.base.name}")
        tell(f"last commit from the log: {outcome.restored.reached or 'none'}")
        for line in [outcome.books, *(f"BAD {problem}" for problem in outcome.problems)]:
            tell(line)
        tell(f"{into} is {'NOT in order' if outcome.problems else 'ready: let TALLYSTICK_DATA_DIRECTORY name it'}.")
    if outcome.problems:
        raise typer.Exit(NO)


async def _restore(place: BackupPlace, into: Path, to: datetime | None, master_key: Path | None) -> _Outcome:
    settings = settings_of_process()
    key = master_key or settings.key_file
    there = replace(settings, data_directory=into, database_url=None, owner_database_url=None)
    if master_key is not None:
        there = replace(there, master_key=None, master_key_command=None, master_key_file=None)
    in_a_file = there.master_key is None and there.master_key_command is None
    if in_a_file and not key.is_file():
        raise ProblemError(
            f"there is no master key in {key}, and without it nobody's secrets can be read: name its file "
            "(--master-key), or set TALLYSTICK_MASTER_KEY"
        )
    try:
        async with restored(place, into, to) as (made, address):
            if in_a_file and there.key_file != key:
                _copy_key(key, there.key_file)
            return await _examine(_Outcome(made, problems=[*made.problems]), place, there, address)
    except BackupError as problem:
        raise ProblemError(str(problem)) from None


async def _examine(outcome: _Outcome, place: BackupPlace, settings: Settings, address: str) -> _Outcome:
    """Prove what was restored, while its database runs for that."""
    async with await open_pool(address, max_size=2) as pool:
        if not await backups.master_key_opens(pool, settings):
            outcome.problems.append("the secrets in this database are sealed with another master key")
        outcome.problems += await backups.restore_archive(pool, place.files, settings.data_directory / backups.ARCHIVE)
        try:
            report = await backups.verify_restored(pool)
        except DamagedError as damaged:
            outcome.problems += damaged.findings
        else:
            outcome.books = report.lines[0]
            outcome.problems += report.problems
    return outcome


def _copy_key(key: Path, target: Path) -> None:
    with open(target, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(key.read_bytes())
        file.flush()
        os.fsync(file.fileno())
