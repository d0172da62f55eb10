"""`tallystick reconcile --statement`: payouts held against statements of the operator's bank."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import typer

from tallystick.cli.console import NO, ProblemError, actor_of_process, service_of_process, tell, tell_json
from tallystick.domain.money import display_amount, format_amount
from tallystick.domain.texts import counted
from tallystick.services.payouts import bank_statements
from tallystick.services.payouts.bank_statements import MAX_BYTES, GivenStatement, StatementError


async def book_statements(path: Path, environment: str, another: Collection[str]) -> list[GivenStatement]:
    """Book all statements of a file. `another`: entries with fees that somebody says are other ones.

    Raises ProblemError.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProblemError(f"{path}: {error.strerror}") from None
    async with service_of_process() as service:
        try:
            given = await bank_statements.take_in(service, environment, content, path.name)
        except StatementError as error:
            raise ProblemError(f"{path}: {error}") from None
        fees = {entry.entry_id for one in given for entry in one.entries if entry.fee_micros}
        for name in another:
            if name not in fees:
                raise ProblemError(f"the file has no entry {name} with a fee")
        actor = actor_of_process()
        return [await bank_statements.book(service, actor, environment, one, another) for one in given]


def tell_statements(booked: Sequence[GivenStatement], *, json: bool) -> None:
    """What came of them; exit status 1 where anything is unexplained."""
    if json:
        tell_json([_as_json(one) for one in booked])
    else:
        for one in booked:
            _tell(one)
    if any(one.report.unexplained_micros for one in booked):
        raise typer.Exit(NO)


def _tell(one: GivenStatement) -> None:
    report = one.report
    tell(
        f"{one.name}, account {one.account}, {one.first_day} to {one.last_day}: "
        f"{counted(len(one.entries), 'entry', 'entries')}, "
        f"{counted(report.arrived, 'payout')} arrived, {report.returned} came back, "
        f"fees {display_amount(report.fees_micros)}, unexplained {display_amount(report.unexplained_micros)}"
    )
    for finding in report.findings:
        there, here = display_amount(finding.there_micros), display_amount(finding.here_micros)
        tell(f"  {finding.kind.value}: {finding.name}, {finding.day}, {there} there, {here} here")
        if finding.entry_id is not None:
            tell(f"    not booked again; if the bank took both: --another-fee {finding.entry_id}")


def _as_json(one: GivenStatement) -> dict[str, object]:
    report = one.report
    return {
        "statement": one.name,
        "account": one.account,
        "from": one.first_day.isoformat(),
        "to": one.last_day.isoformat(),
        "entries": len(one.entries),
        "arrived": report.arrived,
        "returned": report.returned,
        "fees": format_amount(report.fees_micros),
        "unexplained": format_amount(report.unexplained_micros),
        "findings": [
            {
                "finding": finding.kind.value,
                "name": finding.name,
                "day": finding.day.isoformat(),
                "there": format_amount(finding.there_micros),
                "here": format_amount(finding.here_micros),
                "entry": finding.entry_id,
            }
            for finding in report.findings
        ],
    }
