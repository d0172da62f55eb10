"""`tallystick month-close`: what happened in a seller's books in a month, and how they stood at its start and end."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.commands.splitting import Environment
from tallystick.cli.console import (
    NO,
    Json,
    ProblemError,
    actor_of_process,
    run,
    service_of_process,
    tell,
    tell_json,
    tell_table,
)
from tallystick.cli.options import Account
from tallystick.domain.money import display_amount, format_amount
from tallystick.services.buyer.months import Month
from tallystick.services.reports import month_close
from tallystick.services.reports.month_close import BalanceChange, LineTotal, MonthArchivedError, MonthClose
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.manual_operations import context_with_book


def close_month(
    account: Account,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Which month, UTC; the last one that is over without it.")
    ] = None,
    environment: Annotated[Environment, typer.Option(help="Where.")] = Environment.sandbox,
    json: Json = False,
) -> None:
    """Say what happened in a month, by kind, and how a seller's books stood at its start and end.

    Reads every movement of the books. Exit status 1 where the starts and what moved do not come to the ends.
    """
    close = run(_close(account, month, environment.value))
    if json:
        tell_json(_as_json(close, environment.value))
    else:
        _tell(close)
    if not close.adds_up:
        raise typer.Exit(NO)


async def _close(account: str, text: str | None, environment: str) -> MonthClose:
    asked = None if text is None else Month.parse(text)
    if text is not None and asked is None:
        raise ProblemError("say the month as 2027-03")
    async with service_of_process() as service:
        seller = await find_seller(service, account)
        book_id = await first_book_of(service, seller.party_id, environment)
        books = None
        if book_id is not None:
            books = await context_with_book(service, actor_of_process(), seller.party_id, book_id)
        if books is None:
            raise ProblemError(f"{seller.email} has no {environment} book")
        if asked is None:
            asked = month_close.usual(await month_close.months(books))
        if asked.begin > books.now:
            raise ProblemError(f"{asked.text} has not begun")
        try:
            return await month_close.close(books, asked)
        except MonthArchivedError:
            raise ProblemError(f"some of what was booked since the start of {asked.text} is in the archive") from None


def _tell(close: MonthClose) -> None:
    tell(f"{close.month.text}{'' if close.over else ', which is not over'}")
    tell_table([_line_row(one) for one in close.lines], "nothing moved")
    tell_table([row for change in close.balances for row in _balance_rows(change)], "no balances")
    tell(
        "Each start and what moved come to the end."
        if close.adds_up
        else "BAD The starts and what moved do not come to the ends; see: tallystick verify"
    )


def _line_row(one: LineTotal) -> dict[str, str]:
    return {
        "kind": one.line.value,
        "number": str(one.number),
        "gross": display_amount(one.gross_micros),
        "refunded": display_amount(one.refunded_micros),
        "fees": display_amount(one.fees_micros),
        "net": display_amount(one.net_micros),
    }


def _balance_rows(change: BalanceChange) -> list[dict[str, str]]:
    steps = [("start", change.start_micros)]
    steps += [(line.value, micros) for line, micros in change.moved]
    steps += [("end", change.end_micros)]
    return [{"balance": change.kind.value, "step": step, "amount": display_amount(micros)} for step, micros in steps]


def _as_json(close: MonthClose, environment: str) -> dict[str, object]:
    return {
        "month": close.month.text,
        "environment": environment,
        "over": close.over,
        "adds_up": close.adds_up,
        "kinds": [
            {
                "kind": one.line.value,
                "number": one.number,
                "gross": format_amount(one.gross_micros),
                "refunded": format_amount(one.refunded_micros),
                "fees": format_amount(one.fees_micros),
                "net": format_amount(one.net_micros),
            }
            for one in close.lines
        ],
        "balances": [
            {
                "balance": change.kind.value,
                "start": format_amount(change.start_micros),
                "moved": [{"kind": line.value, "amount": format_amount(micros)} for line, micros in change.moved],
                "end": format_amount(change.end_micros),
            }
            for change in close.balances
        ],
    }
