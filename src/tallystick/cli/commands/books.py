"""`tallystick migrate`, `verify` and `audit`: the database and the truth of what is in it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from tallystick.cli.console import (
    NO,
    Json,
    ProblemError,
    complain,
    database_of_process,
    run,
    settings_of_process,
    tell,
    tell_json,
)
from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.migrate import OLDEST, pending
from tallystick.db.migrate import finish as finish_update
from tallystick.db.migrate import migrate as migrate_database
from tallystick.domain.money import display_amount
from tallystick.domain.texts import counted
from tallystick.services.operations import audit_chains
from tallystick.services.operations.audit_chains import Anchors, ChainReport
from tallystick.services.operations.running_proof import RunningProof, prove_since_last
from tallystick.services.operations.verification import DamagedError, VerificationReport
from tallystick.services.operations.verification import verify as verify_books
from tallystick.wiring import utc_now

audit_app = typer.Typer(
    no_args_is_help=True, help="Prove and export the audit log and what was agreed to, which are hash chains."
)

_STDIN: Final = Path("-")


def migrate(
    check: bool = typer.Option(False, "--check", help="Change nothing; exit status 1 when something is lacking."),
    finish: bool = typer.Option(
        False, "--finish", help="Begin what earlier releases do not understand, once none of their processes is left."
    ),
    json: Json = False,
) -> None:
    """Bring the database up to date. `serve` does this by itself."""
    if finish:
        if check:
            raise ProblemError("--check changes nothing, --finish does: say one of them")
        run(_finish())
        if json:
            tell_json({"finished": True})
        else:
            tell("The update is finished: nothing is kept as earlier releases need it any more.")
        return
    revisions = run(_migrate(check=check))
    if json:
        tell_json({"lacking" if check else "applied": revisions})
    elif not revisions:
        tell("The database is up to date.")
    else:
        tell(f"{'Lacking' if check else 'Applied'}: {', '.join(revisions)}")
        if not check and revisions[0] != OLDEST:
            tell("When no process of the version before is left: tallystick migrate --finish")
    if check and revisions:
        raise typer.Exit(NO)


async def _migrate(*, check: bool) -> list[str]:
    async with database_of_process() as address:
        return await pending(address.owner) if check else await migrate_database(address.owner)


async def _finish() -> None:
    async with database_of_process() as address:
        await finish_update(address.owner)


def verify(
    since_last: Annotated[
        bool, typer.Option("--since-last", help="Only what has come since the last proof; the first one reads all.")
    ] = False,
    json: Json = False,
) -> None:
    """Replay all books and name what is off; exit status 1 when anything is."""
    if since_last:
        _verify_since_last(json=json)
        return
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
    async with _database() as pool:
        return await verify_books(pool, settings_of_process())


@asynccontextmanager
async def _database() -> AsyncIterator[Pool]:
    """The database, with nothing of the service around it. Raises ProblemError: its schema is another one."""
    async with database_of_process() as address:
        if await pending(address.work):
            raise ProblemError("the database is empty or behind; run: tallystick migrate")
        async with await open_pool(address.work, max_size=1) as pool:
            yield pool


def _verify_since_last(*, json: bool) -> None:
    proof = run(_prove_since_last())
    if json:
        tell_json({"ok": not proof.problems, **asdict(proof), "proven_at": proof.proven_at.isoformat()})
    else:
        tell(f"{counted(proof.transactions, 'transaction')}, unexplained {display_amount(proof.unexplained_micros)}")
        for problem in proof.problems:
            tell(f"BAD {problem}")
        tell("The books balance." if not proof.problems else f"{counted(len(proof.problems), 'problem')}.")
    if proof.problems:
        raise typer.Exit(NO)


async def _prove_since_last() -> RunningProof:
    async with _database() as pool:
        proof = await prove_since_last(pool, settings_of_process(), utc_now())
    if proof is None:
        raise ProblemError("a worker is proving the books at this moment; try again")
    return proof


def report_as_json(report: VerificationReport) -> dict[str, object]:
    """The report for programs. Amounts in micro-units."""
    return {"ok": not report.problems, **asdict(report)}


@audit_app.command("verify")
def audit_verify(
    anchors: Annotated[
        list[Path] | None,
        typer.Option(
            help="A log file of the service, or `-`: every audit_anchor in it has to be found. Several may be named."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Read every chain; exit status 1 when a row was changed, taken out, put in or cut off."""
    told = _read_anchors(anchors or [])
    if anchors and not told:
        raise ProblemError(
            "no audit_anchor is in what was named: is it a log of this service, with lines of level info?"
        )

    async def check() -> ChainReport:
        async with _database() as pool:
            return await audit_chains.check_chains(pool, told)

    report = run(check())
    if json:
        tell_json(
            {
                "ok": not report.problems,
                "chains": report.chains,
                "records": report.records,
                "erased": report.erased,
                "anchors": report.anchors,
                "waiting": report.waiting,
                "oldest_waiting": report.oldest_waiting,
                "late": report.late,
                "problems": report.problems,
            }
        )
    else:
        for line in _lines_of_chains(report, anchored=bool(anchors)):
            tell(line)
    if report.problems:
        raise typer.Exit(NO)


def _read_anchors(files: list[Path]) -> Anchors:
    with ExitStack() as stack:
        lines = (
            line
            for file in files
            for line in (
                sys.stdin if file == _STDIN else stack.enter_context(file.open(encoding="utf-8", errors="replace"))
            )
        )
        return audit_chains.read_anchors(lines)


def _lines_of_chains(report: ChainReport, *, anchored: bool) -> list[str]:
    read = f"{counted(report.records, 'record')} in {counted(report.chains, 'chain')} read"
    lines = [f"{read}, {counted(report.erased, 'erased part')} of closed accounts"]
    if anchored:
        lines.append(f"{counted(report.anchors, 'anchor')} of the log compared")
    if report.oldest_waiting is not None:
        lines.append(f"{report.waiting} not chained yet, the oldest of {report.oldest_waiting:%Y-%m-%d %H:%M:%S} UTC")
    lines += [f"late: {record}" for record in report.late]
    lines += report.problems
    return [*lines, f"{counted(len(report.problems), 'problem')}." if report.problems else "The chains are whole."]


@audit_app.command("export")
def audit_export(
    chain: Annotated[
        str | None, typer.Option(metavar="CHAIN", help="One alone: operator, seller-NUMBER or book-NUMBER.")
    ] = None,
) -> None:
    """Write what is chained as JSON, a record on each line, in the order of the chains."""
    if chain is not None and not audit_chains.is_chain(chain):
        raise ProblemError(f"there can be no chain {chain}: say operator, seller-NUMBER or book-NUMBER")

    async def write() -> int:
        async with _database() as pool:
            async for record in audit_chains.export(pool, chain):
                tell_json(record)
            return await audit_chains.waiting(pool)

    if left := run(write()):
        complain(f"{left} not chained yet are left out")
