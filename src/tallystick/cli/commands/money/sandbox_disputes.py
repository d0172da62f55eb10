"""`tallystick sandbox dispute`: what the simulated bank says of a charge."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.commands.sandbox import app
from tallystick.cli.console import Json, ProblemError, actor_of_process, run, service_of_process, tell, tell_json
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import display_amount, format_amount, parse_amount
from tallystick.services.disputes import sandbox
from tallystick.services.disputes.cases import DisputeRecord
from tallystick.services.disputes.news import NotYetError, UnknownChargeError


@app.command()
def dispute(
    transaction: Annotated[str, typer.Argument(metavar="TRANSACTION", help="The id of a charge by card or bank.")],
    opened: Annotated[bool, typer.Option("--opened", help="The buyer's bank takes the charge back for now.")] = False,
    evidence_due: Annotated[bool, typer.Option("--evidence-due", help="The bank waits for an answer.")] = False,
    won: Annotated[bool, typer.Option("--won", help="The bank decides for the seller.")] = False,
    lost: Annotated[bool, typer.Option("--lost", help="The bank decides for the buyer.")] = False,
    amount: Annotated[str | None, typer.Option(help="How much is disputed, such as 2.50; else all of it.")] = None,
    json: Json = False,
) -> None:
    """Dispute a charge in the sandbox, as a buyer's bank would. What was said once is not booked again."""
    said = [
        status
        for status, asked in (
            (DisputeStatus.OPENED, opened),
            (DisputeStatus.EVIDENCE_DUE, evidence_due),
            (DisputeStatus.WON, won),
            (DisputeStatus.LOST, lost),
        )
        if asked
    ]
    if len(said) != 1:
        raise ProblemError("name one of --opened, --evidence-due, --won, --lost")
    try:
        micros = None if amount is None else parse_amount(amount)
    except ValueError:
        raise ProblemError(f"not an amount: {amount!r}; write one such as 2.50") from None
    moved = run(_dispute(transaction, said[0], micros))
    if json:
        tell_json(
            {
                "dispute": moved.transaction_id,
                "status": moved.status.value,
                "disputed": format_amount(moved.claimed_micros),
                "frozen": format_amount(moved.borne_micros if moved.is_open else 0),
                "lost": format_amount(0 if moved.is_open else moved.lost_micros),
                "fee": format_amount(moved.fee_micros),
                "due": format_amount(moved.due_micros),
            }
        )
        return
    tell(f"Dispute {moved.transaction_id}: {moved.status.value.replace('_', ' ')}.")
    for what, micros in (
        ("held back or taken back", moved.claimed_micros),
        ("frozen of the buyer's balance", moved.borne_micros if moved.is_open else 0),
        ("the seller's loss", 0 if moved.is_open else moved.lost_micros),
        ("fee of the bank", moved.fee_micros),
        ("not covered by the seller's cash", moved.due_micros),
    ):
        if micros:
            tell(f"{display_amount(micros)} {what}")


async def _dispute(transaction: str, status: DisputeStatus, amount_micros: int | None) -> DisputeRecord:
    async with service_of_process() as service:
        try:
            return await sandbox.move(service, actor_of_process(), TransactionId(transaction), status, amount_micros)
        except (UnknownChargeError, NotYetError) as error:
            raise ProblemError(str(error)) from None
