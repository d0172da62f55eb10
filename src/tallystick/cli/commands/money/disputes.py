"""`tallystick disputes …`: charges that buyers' banks took back."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.console import Json, ProblemError, actor_of_process, run, service_of_process, tell, tell_json
from tallystick.cli.options import Account
from tallystick.domain.disputes.dispute import DisputedSettlements
from tallystick.domain.environments import ENVIRONMENTS
from tallystick.domain.money import display_amount, format_amount
from tallystick.services.disputes import cases
from tallystick.services.disputes.cases import DisputeRecord
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.manual_operations import BookContext, context_with_book

app = typer.Typer(no_args_is_help=True, help="Charges that buyers' banks took back, or try to.")

_MOST: Final = 1000


@app.callback()
def _group() -> None:
    """Commands about disputes."""


@app.command(name="list")
def list_(account: Account, json: Json = False) -> None:
    """A seller's disputes: open ones first, by the day until which the bank waits for an answer."""
    found = run(_list(account))
    if json:
        tell_json([_line(one) for one in found])
        return
    if not found:
        tell("No disputes.")
    for one in found:
        until = f", answer until {one.evidence_due_at:%Y-%m-%d}" if one.is_open and one.evidence_due_at else ""
        tell(
            f"{one.transaction_id}  {one.environment}  {one.status.value.replace('_', ' ')}{until}  "
            f"{display_amount(one.claimed_micros)} of {display_amount(one.asked_micros)}  charge {one.original_id}"
        )


@app.command()
def settlements(
    account: Account,
    choice: Annotated[
        DisputedSettlements, typer.Argument(help="debt: the buyer owes it again; loss: the seller bears it.")
    ],
    environment: Annotated[str, typer.Option(help="sandbox or live.")] = "sandbox",
    json: Json = False,
) -> None:
    """Say what becomes of settlements of debts that are lost in disputes from now on."""
    if environment not in ENVIRONMENTS:
        raise ProblemError(f"not an environment: {environment!r}; write sandbox or live")
    run(_choose(account, choice, environment))
    if json:
        tell_json({"environment": environment, "settlements": choice.value})
    else:
        tell("The buyer owes them again." if choice is DisputedSettlements.DEBT else "The seller bears them.")


def _line(one: DisputeRecord) -> dict[str, object]:
    return {
        "dispute": one.transaction_id,
        "environment": one.environment,
        "status": one.status.value,
        "charge": one.original_id,
        "asked": format_amount(one.asked_micros),
        "disputed": format_amount(one.claimed_micros),
        "fee": format_amount(one.fee_micros),
        "due": format_amount(one.due_micros),
        "evidence_due_at": one.evidence_due_at,
        "opened_at": one.opened_at,
        "closed_at": one.closed_at,
    }


async def _list(account: str) -> list[DisputeRecord]:
    async with service_of_process() as service:
        seller = await find_seller(service, account)
        found: list[DisputeRecord] = []
        for environment in ENVIRONMENTS:
            book_id = await first_book_of(service, seller.party_id, environment)
            if book_id is not None:
                books = await context_with_book(service, actor_of_process(), seller.party_id, book_id)
                found += [] if books is None else await cases.list_(books, _MOST)
        return found


async def _choose(account: str, choice: DisputedSettlements, environment: str) -> None:
    async with service_of_process() as service:
        seller = await find_seller(service, account)
        book_id = await first_book_of(service, seller.party_id, environment)
        books: BookContext | None = None
        if book_id is not None:
            books = await context_with_book(service, actor_of_process(), seller.party_id, book_id)
        if books is None:
            raise ProblemError(f"{seller.email} has no {environment} book")
        await cases.choose(books, choice)
