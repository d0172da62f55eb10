"""`tallystick reconcile`: what a rail says that it moved, held against the books."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from tallystick.cli.console import NO, Json, ProblemError, actor_of_process, run, service_of_process, tell, tell_json
from tallystick.domain.environments import ENVIRONMENTS
from tallystick.domain.money import display_amount, format_amount
from tallystick.domain.rails.reconciliation import DayReport, Finding, FindingKind
from tallystick.processors.rails import RailMissingError
from tallystick.services.rails.reconciliation import days_of, reconcile_as

_MOST_DAYS = 366


def reconcile(
    rail: Annotated[str, typer.Option("--rail", help="Name of the rail, such as stripe.")],
    environment: Annotated[str, typer.Option(help="sandbox or live.")] = "live",
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, of UTC; else yesterday.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day; else the first, or yesterday.")
    ] = None,
    json: Json = False,
) -> None:
    """Hold what a rail says that it moved against the books.

    Books its fees and payouts, and lists what is only there or only here.

    Exit status 1 when anything is unexplained. A day that is read again is booked no second time.
    """
    if environment not in ENVIRONMENTS:
        raise ProblemError(f"not an environment: {environment!r}; write sandbox or live")
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
        f"{report.day}  {report.movements} movements, moved {moved}, fees {fees}, to the bank {bank}, "
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
