"""`tallystick payout …`: cash that leaves for sellers' banks, as whoever runs the service sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.console import (
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
from tallystick.domain.environments import LIVE, SANDBOX
from tallystick.domain.money import display_amount, format_amount, parse_amount
from tallystick.domain.refusals import Refused
from tallystick.domain.texts import counted
from tallystick.services.context import Service
from tallystick.services.payouts import desk, payouts
from tallystick.services.payouts.desk import PayoutFile, PayoutFileError, PayoutRecord, PayoutStateError
from tallystick.services.payouts.payouts import NotReadyError, PayoutWish
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.manual_operations import context_with_book, new_reference

app = typer.Typer(no_args_is_help=True, help="Payouts: cash that leaves for sellers' banks.")

Live = Annotated[bool, typer.Option("--live", help="Of live books; without it of the sandbox.")]
Payout = Annotated[str, typer.Argument(metavar="PAYOUT", help="Its id: that of its transaction.")]
Reason = Annotated[str, typer.Option(help="Why; the seller reads it.")]


@app.command("list")
def list_(
    live: Live = False,
    over: Annotated[bool, typer.Option("--over", help="Those that are over, the newest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    json: Json = False,
) -> None:
    """List payouts that are not known to be sent yet, the oldest first."""

    async def read() -> list[PayoutRecord]:
        async with service_of_process() as service:
            environment = LIVE if live else SANDBOX
            return await (desk.ended if over else desk.under_way)(service, environment, limit)

    found = run(read())
    if json:
        tell_json([_as_json(one) for one in found])
        return
    rows: list[Mapping[str, str]] = [
        {
            "payout": one.transaction_id,
            "seller": one.seller_name,
            "amount": display_amount(one.amount_micros),
            "way": one.rail,
            "state": _state(one),
        }
        for one in found
    ]
    tell_table(rows, "There are no such payouts.")


@app.command()
def make(
    account: Account,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, such as 250.00.")],
    live: Live = False,
    json: Json = False,
) -> None:
    """Pay so much of a seller's cash out, to the bank account that the seller gave."""
    try:
        wish = PayoutWish(parse_amount(amount), "By the operator")
    except ValueError:
        raise ProblemError(f"not an amount: {amount!r}; write one such as 250.00") from None

    async def ask() -> PayoutRecord:
        async with service_of_process() as service:
            seller = await find_seller(service, account)
            first = await first_book_of(service, seller.party_id, LIVE if live else SANDBOX)
            actor = actor_of_process()
            books = None if first is None else await context_with_book(service, actor, seller.party_id, first)
            if books is None:
                raise ProblemError(f"{seller.email} has no such books")
            try:
                made = await payouts.request(books, wish, new_reference())
            except (Refused, NotReadyError) as refused:
                raise ProblemError(str(refused)) from None
            return await _find(service, made.transaction_id)

    _tell(run(ask()), json=json)


@app.command()
def sent(
    payout: Payout,
    reference: Annotated[str | None, typer.Option(metavar="TEXT", help="The bank's reference.")] = None,
    json: Json = False,
) -> None:
    """Say that the bank has it: it is paid out."""

    async def mark() -> PayoutRecord:
        async with service_of_process() as service:
            await _said(desk.mark_sent(service, actor_of_process(), await _find(service, payout), reference))
            return await _find(service, payout)

    _tell(run(mark()), json=json)


@app.command()
def failed(payout: Payout, reason: Reason, json: Json = False) -> None:
    """Say that it was not sent, and never will be: it is the seller's cash again."""

    async def mark() -> PayoutRecord:
        async with service_of_process() as service:
            await _said(desk.mark_failed(service, actor_of_process(), await _find(service, payout), reason))
            return await _find(service, payout)

    _tell(run(mark()), json=json)


@app.command()
def returned(payout: Payout, reason: Reason, json: Json = False) -> None:
    """Say that the seller's bank has sent it back, all of it: it is the seller's cash again."""

    async def mark() -> PayoutRecord:
        async with service_of_process() as service:
            await _said(desk.mark_returned(service, actor_of_process(), await _find(service, payout), reason))
            return await _find(service, payout)

    _tell(run(mark()), json=json)


@app.command()
def file(
    to: Annotated[Path, typer.Option(help="Where it is written to; a file that is there is not touched.")],
    live: Live = False,
    json: Json = False,
) -> None:
    """Make a file for the bank of all payouts that wait for one (ISO 20022, pain.001)."""
    if to.exists():
        raise ProblemError(f"{to} is there already")

    async def write() -> PayoutFile:
        async with service_of_process() as service:
            try:
                made = await desk.make_file(service, actor_of_process(), LIVE if live else SANDBOX)
            except PayoutFileError as error:
                raise ProblemError(str(error)) from None
            to.write_bytes(await desk.file_content(service, made.message_id) or b"")
            return made

    made = run(write())
    if json:
        tell_json({"message_id": made.message_id, "payouts": made.payouts, "total": format_amount(made.total_micros)})
    else:
        tell(f"{counted(made.payouts, 'payout')}, {display_amount(made.total_micros)} in all: {to}")


async def _said(saying: Awaitable[object]) -> None:
    try:
        await saying
    except PayoutStateError as error:
        raise ProblemError(str(error)) from None


async def _find(service: Service, payout: str) -> PayoutRecord:
    found = await desk.find(service, payout)
    if found is None:
        raise ProblemError(f"there is no payout {payout}")
    return found


def _state(one: PayoutRecord) -> str:
    if one.returned_micros:
        return "came back"
    if one.ended_at is None:
        return "under way"
    return "sent" if one.status == "Success" else "not sent"


def _tell(one: PayoutRecord, *, json: bool) -> None:
    if json:
        tell_json(_as_json(one))
    else:
        tell(f"{one.transaction_id}: {display_amount(one.amount_micros)} for {one.seller_name}, {_state(one)}")


def _as_json(one: PayoutRecord) -> dict[str, object]:
    return {
        "payout": one.transaction_id,
        "account_id": one.seller_id,
        "environment": one.environment,
        "amount": format_amount(one.amount_micros),
        "rail": one.rail,
        "state": _state(one),
        "opened_at": one.opened_at,
        "ended_at": one.ended_at,
        "bank_reference": one.bank_reference,
        "message_id": one.message_id,
        "last_error": one.last_error,
    }
