"""`tallystick account charges`: what a seller has decided about its charges, and deciding it."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from tallystick.cli.commands.accounts import app, find_seller
from tallystick.cli.commands.splitting import Environment
from tallystick.cli.console import Json, ProblemError, actor_of_process, run, service_of_process, tell, tell_json
from tallystick.domain.money import display_amount, format_amount
from tallystick.services.charges import charge_rules
from tallystick.services.charges.charge_rules import ChargeRules, DustRule
from tallystick.services.events import low_balances
from tallystick.services.form_errors import FormError
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.manual_operations import context_with_book

_DUST: Final = {
    DustRule.KEEP: "Debts of less than a cent stay owed.",
    DustRule.WRITE_OFF: "Debts of less than a cent are written off once nothing more can be charged on their tabs.",
    DustRule.ROUND: "Debts of less than a cent are written off once their tabs are settled or have ended.",
}


@app.command()
def charges(
    account: Annotated[str, typer.Option(help="Number or e-mail address of the business.")],
    smallest: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="The least that one payment may be, from 0.000001 on.")
    ] = None,
    dust: Annotated[
        DustRule | None,
        typer.Option(
            help="Debts of less than a cent: keep; write_off, once their tabs have ended; round, once they are settled."
        ),
    ] = None,
    low_balance: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="Below this a prepaid balance is low, which is an event; none: no more."),
    ] = None,
    environment: Annotated[Environment, typer.Option(help="Where.")] = Environment.sandbox,
    json: Json = False,
) -> None:
    """Say how small a seller's charges may be, what becomes of less than a cent, which balances are low.

    What is not named stays.
    """

    async def carry_out() -> tuple[ChargeRules, int | None]:
        async with service_of_process() as service:
            seller = await find_seller(service, account)
            book_id = await first_book_of(service, seller.party_id, environment.value)
            books = None
            if book_id is not None:
                books = await context_with_book(service, actor_of_process(), seller.party_id, book_id)
            if books is None:
                raise ProblemError(f"{seller.email} has no {environment.value} book")
            try:
                if smallest is not None:
                    await charge_rules.set_smallest_charge(books, charge_rules.read_smallest_charge(smallest))
                if low_balance is not None:
                    typed = "" if low_balance == low_balances.NONE else low_balance
                    await low_balances.set_amount(books, low_balances.read_amount(typed))
            except FormError as error:
                raise ProblemError("; ".join(error.problems.values())) from None
            if dust is not None:
                await charge_rules.set_dust_rule(books, dust)
            return await charge_rules.find(books), await low_balances.amount(books)

    rules, low = run(carry_out())
    if json:
        smallest_charge = format_amount(rules.smallest_charge_micros)
        tell_json(
            {
                "environment": environment.value,
                "smallest_charge": smallest_charge,
                "dust": rules.dust_rule.value,
                "low_balance": None if low is None else format_amount(low),
            }
        )
    else:
        tell(f"One payment is at least {display_amount(rules.smallest_charge_micros)} USD.")
        tell(_DUST[rules.dust_rule])
        if low is None:
            tell("No balance is low.")
        else:
            tell(f"A balance below {display_amount(low)} USD is low.")
