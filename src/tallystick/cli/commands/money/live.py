"""`tallystick live …`: the live books of a seller, in which money is real."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.commands.accounts import find_seller
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
from tallystick.domain.ids import BookId
from tallystick.services.charges import charge_rules
from tallystick.services.form_errors import FormError
from tallystick.services.operations import accounts
from tallystick.services.rails import live_opening
from tallystick.services.rails.live_opening import AlreadyOpenError, LiveStanding, NotReadyForLiveError, Requirement

app = typer.Typer(no_args_is_help=True, help="The live books of a seller, in which money is real.")


@app.command()
def status(account: Account, json: Json = False) -> None:
    """Say what a seller has, and what is missing, before real money; exit status 1 when anything is missing."""
    found = run(_status(account))
    if json:
        tell_json({"open": found.open, "missing": [one.title for one in found.missing]})
    else:
        tell_table([_row(one, found) for one in Requirement], "")
    if found.missing:
        raise typer.Exit(NO)


async def _status(account: str) -> LiveStanding:
    async with service_of_process() as service:
        seller = await accounts.account_of(service, (await find_seller(service, account)).party_id)
        assert seller is not None, "it was just found"  # noqa: S101
        return await live_opening.standing(service, seller)


@app.command("open")
def open_(
    account: Account,
    terms: Annotated[
        str, typer.Option(metavar="TEXT", help="The terms that the seller has agreed to, such as a contract's name.")
    ],
    smallest_charge: Annotated[
        str, typer.Option(metavar="AMOUNT", help="The least that one payment may be; else what the setting says.")
    ] = "",
    fees: Annotated[
        str | None, typer.Option(metavar="NAME", help="A fee schedule; else the one that the seller has.")
    ] = None,
    json: Json = False,
) -> None:
    """Open the live books of a seller. Its owner then makes live keys in the console."""
    book_id = run(_open(account, terms, smallest_charge, fees))
    if json:
        tell_json({"opened": book_id})
    else:
        tell("The live books are open. An owner makes a live key in the console, under Developers.")


async def _open(account: str, terms: str, smallest_charge: str, fees: str | None) -> BookId:
    async with service_of_process() as service:
        seller = await accounts.account_of(service, (await find_seller(service, account)).party_id)
        assert seller is not None, "it was just found"  # noqa: S101
        try:
            return await live_opening.open_live(
                service,
                actor_of_process(),
                seller,
                terms=terms,
                smallest_charge_micros=charge_rules.read_smallest_charge_if_typed(smallest_charge),
                fee_schedule=fees,
            )
        except NotReadyForLiveError as error:
            raise ProblemError(f"missing: {error}; see: tallystick live status --account {account}") from None
        except AlreadyOpenError:
            raise ProblemError(f"the live books of {seller.email} are open already") from None
        except FormError as error:
            raise ProblemError("; ".join(error.problems.values())) from None


def _row(one: Requirement, found: LiveStanding) -> dict[str, str]:
    there = one in found.met
    return {"what": one.title, "": "there" if there else "missing", "means": one.meaning, "by": one.by}
