"""`tallystick migrate` and `tallystick verify`: the database and the truth of what is in it."""

from __future__ import annotations

from dataclasses import asdict

import typer

from tallystick.cli.console import NO, Json, ProblemError, run, settings_of_process, tell, tell_json
from tallystick.db.database import open_pool
from tallystick.db.migrate import migrate as migrate_database
from tallystick.db.migrate import pending
from tallystick.services.operations.verification import DamagedError, VerificationReport
from tallystick.services.operations.verification import verify as verify_books
from tallystick.wiring import database_address


def migrate(
    check: bool = typer.Option(False, "--check", help="Change nothing; exit status 1 when something is lacking."),
    json: Json = False,
) -> None:
    """Bring the database up to date. `serve` does this by itself."""
    revisions = run(_migrate(check=check))
    if json:
        tell_json({"lacking" if check else "applied": revisions})
    elif not revisions:
        tell("The database is up to date.")
    else:
        tell(f"{'Lacking' if check else 'Applied'}: {', '.join(revisions)}")
    if check and revisions:
        raise typer.Exit(NO)


async def _migrate(*, check: bool) -> list[str]:
    async with database_address(settings_of_process()) as address:
        return await pending(address.owner) if check else await migrate_database(address.owner)


def verify(json: Json = False) -> None:
    """Replay all books and name what is off; exit status 1 when anything is."""
    try:
        report = run(_verify())
    except DamagedError as damaged:
        _tell_damage(damaged, json=json)
        raise typer.Exit(NO) from None
    if json:
        tell_json(report_as_json(report))
    else:
        for line in report.lines:
            tell(line)
    if report.problems:
        raise typer.Exit(NO)


def _tell_damage(damaged: DamagedError, *, json: bool) -> None:
    """Tell which tables cannot be read: nothing about the books is proven."""
    if json:
        tell_json({"ok": False, "damaged": damaged.findings})
        return
    for finding in damaged.findings:
        tell(f"BAD {finding}")
    tell("The books cannot be read as a whole: nothing is proven.")


async def _verify() -> VerificationReport:
    async with database_address(settings_of_process()) as address:
        if await pending(address.work):
            raise ProblemError("the database is empty or behind; run: tallystick migrate")
        async with await open_pool(address.work, max_size=1) as pool:
            return await verify_books(pool)


def report_as_json(report: VerificationReport) -> dict[str, object]:
    """The report for programs. Amounts in micro-units."""
    return {"ok": not report.problems, **asdict(report)}
