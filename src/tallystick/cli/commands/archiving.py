"""`tallystick archive`: old history out of the books, into files that can be proven."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.console import NO, Json, ProblemError, actor_of_process, run, service_of_process, tell, tell_json
from tallystick.domain.ids import BookId
from tallystick.domain.texts import counted
from tallystick.services.operations import archiving
from tallystick.services.operations.archiving import (
    AlreadyRunningError,
    ArchivedBatch,
    ArchiveError,
    ArchiveReport,
    TooRecentError,
)

app = typer.Typer(invoke_without_command=True)

Directory = Annotated[
    Path | None, typer.Option("--directory", help="Where the archive is; else `archive` in the data directory.")
]


@app.callback()
def archive(
    context: typer.Context,
    before: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="What was completed before this day, UTC, moves out.")
    ] = None,
    directory: Directory = None,
    json: Json = False,
) -> None:
    """Move settled history to Parquet files. Balances and new payments go on as before; refunds need history."""
    if context.invoked_subcommand is not None:
        return
    if before is None:
        raise ProblemError("say from which day on history stays: --before 2026-01-31")
    batches, held_back, root = run(_archive(before.replace(tzinfo=UTC), directory))
    if json:
        tell_json(
            {
                "directory": str(root),
                "batches": len(batches),
                "transactions": sum(batch.transactions for batch in batches),
                "held_back": [{"book": str(book), "from": moment} for book, moment in held_back],
            }
        )
        return
    for batch in batches:
        tell(f"{counted(batch.transactions, 'transaction')}: {batch.directory}")
    if batches and before.replace(tzinfo=UTC) > datetime.now(UTC) - archiving.DEBTS_TOLD_APART:
        tell("Purchases of the last 90 days are among them: what is still owed for them counts as older than 90 days.")
    tell("Older history is left, for somebody needed it:" if held_back else "Nothing that old is left in the books.")
    for book, moment in held_back:
        tell(f"  book {book}: from {moment:%Y-%m-%d %H:%M:%S} UTC on")


async def _archive(
    before: datetime, directory: Path | None
) -> tuple[list[ArchivedBatch], list[tuple[BookId, datetime]], Path]:
    async with service_of_process() as service, _problems_reported():
        batches = await archiving.archive(service, actor_of_process(), before, directory)
        return batches, await archiving.held_back(service, before), archiving.place(service, directory)


@app.command()
def check(directory: Directory = None, json: Json = False) -> None:
    """Read the whole archive and prove it; exit status 1 when anything was changed, left out or added."""

    async def read() -> ArchiveReport:
        async with service_of_process() as service, _problems_reported():
            return await archiving.check(service, directory)

    report = run(read())
    if json:
        tell_json({"ok": not report.problems, **asdict(report)})
    else:
        tell(
            f"{counted(report.batches, 'batch', 'batches')}, {counted(report.transactions, 'transaction')}, "
            f"{counted(report.transfers, 'transfer')} read"
        )
        for problem in report.problems:
            tell(problem)
        tell("The archive is whole." if not report.problems else f"{counted(len(report.problems), 'problem')}.")
    if report.problems:
        raise typer.Exit(NO)


@app.command()
def references(directory: Directory = None, json: Json = False) -> None:
    """Keep the references of archived payments as spent, where an older release freed them. Again does no harm."""

    async def restore() -> int:
        async with service_of_process() as service, _problems_reported():
            return await archiving.restore_references(service, directory)

    number = run(restore())
    if json:
        tell_json({"transactions": number})
        return
    tell(f"The references of {counted(number, 'archived transaction')} are spent.")


@asynccontextmanager
async def _problems_reported() -> AsyncIterator[None]:
    try:
        yield
    except (TooRecentError, AlreadyRunningError, ArchiveError) as problem:
        raise ProblemError(str(problem)) from None
