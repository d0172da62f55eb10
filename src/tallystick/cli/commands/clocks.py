"""`tallystick clock …`: the test clock of a seller's sandbox, for expiry and usage windows."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.console import Json, ProblemError, actor_of_process, run, service_of_process, tell, tell_json
from tallystick.cli.options import Account
from tallystick.domain.environments import SANDBOX
from tallystick.domain.periods import Period
from tallystick.services.seller import sandbox_clock
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.sandbox_clock import ClockMovedError, ClockReading, TooFarAheadError

app = typer.Typer(no_args_is_help=True, help="The test clock of a seller's sandbox. It only goes forward.")


@app.command()
def show(account: Account, json: Json = False) -> None:
    """Show what time it is in the sandbox of an account."""
    _tell(run(_move(account, None)), json=json)


@app.command()
def forward(
    account: Account,
    by: Annotated[str, typer.Option(help='How far: a number of hours, days, weeks, months or years, as "40 days".')],
    json: Json = False,
) -> None:
    """Move the sandbox of an account forward in time."""
    try:
        period = Period.parse(" ".join(by.split()).title())
    except ValueError:
        raise ProblemError(f'not a length of time: {by!r}; write one such as "40 days"') from None
    _tell(run(_move(account, period)), json=json)


async def _move(account: str, by: Period | None) -> ClockReading:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        book_id = await first_book_of(service, party.party_id, SANDBOX)
        if book_id is None:
            raise ProblemError(f"{party.email} has no sandbox")
        hand = await sandbox_clock.read(service, book_id)
        if by is None:
            return hand
        try:
            return await sandbox_clock.forward(service, actor_of_process(), party.party_id, book_id, hand, by)
        except TooFarAheadError as error:
            raise ProblemError(str(error)) from None
        except ClockMovedError:
            raise ProblemError("somebody else moved the clock at this moment; look at it, then try again") from None


def _tell(hand: ClockReading, *, json: bool) -> None:
    now, ahead = hand.now, hand.ahead
    if json:
        tell_json({"now": now, "ahead_seconds": int(ahead.total_seconds())})
    else:
        tell(f"{now:%Y-%m-%d %H:%M:%S} UTC, {ahead} ahead" if ahead else f"{now:%Y-%m-%d %H:%M:%S} UTC, the real time")
