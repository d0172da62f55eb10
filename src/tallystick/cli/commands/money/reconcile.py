"""`tallystick reconcile`: what a rail says that it moved, held against the books."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.commands.money.statements import book_statements, tell_statements
from tallystick.cli.console import NO, Json, ProblemError, actor_of_process, run, service_of_process, tell, tell_json
from tallystick.domain.environments import ENVIRONMENTS
from tallystick.domain.money import display_amount, format_amount
from tallystick.domain.rails.reconciliation import DayReport, Finding, FindingKind
from tallystick.domain.texts import counted
from tallystick.processors.rails import RailMissingError
from tallystick.services.rails.reconciliation import days_of, reconcile_as

_MOST_DAYS = 366


def reconcile(
    rail: Annotated[str | None, typer.Option("--rail", help="Name of the rail, such as stripe.")] = None,
    statement: Annotated[
        Path | None,
        typer.Option("--statement", metavar="FILE", help="A statement of the bank: CAMT.053 or a table (CSV)."),
    ] = None,
    environment: Annotated[str, typer.Option(help="sandbox or live.")] = "live",
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, of UTC; else yesterday.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day; else the first, or yesterday.")
    ] = None,
    another_fee: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENTRY", help="Of a statement: a fee that is another one than the one of that day and amount."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Hold what a rail or a statement of the bank says that moved against the books.

    Of a rail: books its fees and payouts. Of a statement: marks payouts as sent or as sent back, and books the bank's
    fees. Lists what is only there or only here.

    Exit status 1 when anything is unexplained. What is read again is booked no second time.
    """
    if environment not in ENVIRONMENTS:
        raise ProblemError(f"not an environment: {environment!r}; write sandbox or live")
    if (rail is None) == (statement is None):
        raise ProblemError("write either --rail or --statement")
    if statement is not None:
        if first is not None or last is not None:
            raise ProblemError("a statement has its own days: leave --from and --to away")
        tell_statements(run(book_statements(statement, environment, another_fee or ())), json=json)
        return
    if another_fee:
        raise ProblemError("--another-fee is for statements of a bank")
    assert rail is not None, "one of the two is there"  # noqa: S101 - see above
    reports = run(_reconcile(rail, environment, first, last))
    if json:
        tell_json([_as_json(report) for report in reports])
    else:
        for report in reports:
            _tell(report)
    if any(report.unexplained_micros for report in reports):
        raise typer.Exit(NO)


def _tell(report: DayReport) -> None:
    moved, fees, bank, unexplained = (
        display_amount(micros)
        for micros in (report.moved_micros, report.fees_micros, report.bank_micros, report.unexplained_micros)
    )
    tell(
        f"{report.day}  {counted(report.movements, 'movement')}, moved {moved}, fees {fees}, to the bank {bank}, "
        f"unexplained {unexplained}"
    )
    for finding in report.findings:
        tell(f"  {_in_words(finding)}")


def _in_words(finding: Finding) -> str:
    called = f" ({finding.reference})" if finding.reference not in {None, finding.name} else ""
    there, here = display_amount(finding.there_micros), display_amount(finding.here_micros)
    if finding.kind is FindingKind.CHANGED:
        return f"{finding.kind.value}: {finding.name}{called}, {there} now, {here} before"
    return f"{finding.kind.value}: {finding.name}{called}, {there} there, {here} here"


def _as_json(report: DayReport) -> dict[str, object]:
    return {
        "day": report.day.isoformat(),
        "movements": report.movements,
        "moved": format_amount(report.moved_micros),
        "fees": format_amount(report.fees_micros),
        "bank": format_amount(report.bank_micros),
        "unexplained": format_amount(report.unexplained_micros),
        "findings": [
            {
                "finding": finding.kind.value,
                "name": finding.name,
                "reference": finding.reference,
                "there": format_amount(finding.there_micros),
                "here": format_amount(finding.here_micros),
            }
            for finding in report.findings
        ],
    }


async def _reconcile(rail: str, environment: str, first: datetime | None, last: datetime | None) -> list[DayReport]:
    async with service_of_process() as service:
        yesterday = service.clock().astimezone(UTC).date() - timedelta(days=1)
        since = yesterday if first is None else first.date()
        until = since if last is None else last.date()
        if first is not None and last is None:
            until = max(since, yesterday)
        if not 0 <= (until - since).days < _MOST_DAYS:
            raise ProblemError(f"--to lies before --from, or more than {_MOST_DAYS} days after it")
        try:
            found = service.rails.find(environment, rail)
        except RailMissingError as error:
            raise ProblemError(str(error)) from error
        return await reconcile_as(service, actor_of_process(), found, environment, days_of(since, until))
