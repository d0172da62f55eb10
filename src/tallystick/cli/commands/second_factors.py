"""`tallystick account second-factor …`: for owners who lost their device. Passkeys' library takes its time to load."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.commands.accounts import app, as_json, find_account
from tallystick.cli.console import Json, actor_of_process, run, service_of_process, tell, tell_json
from tallystick.services.identity import second_factor
from tallystick.services.operations.accounts import Party

second_factor_app = typer.Typer(no_args_is_help=True, help="Authenticator apps and passkeys that were lost.")
app.add_typer(second_factor_app, name="second-factor")


@second_factor_app.command("reset")
def reset_second_factor(
    account: Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", help="The account whose owner lost their device.")],
    json: Json = False,
) -> None:
    """Take authenticator app, recovery codes and passkeys from an account, and sign it out everywhere.

    Make sure who asks: from now on the password alone signs in. Where a second factor is required, the next sign-in
    sets one up.
    """

    async def reset() -> tuple[Party, bool]:
        async with service_of_process() as service:
            found = await find_account(service, account)
            return found, await second_factor.reset(service, actor_of_process(), found)

    party, had_one = run(reset())
    if json:
        tell_json(as_json(party) | {"reset": had_one})
    elif had_one:
        tell(f"Account {party.party_id} signs in with its password alone now.")
    else:
        tell(f"Account {party.party_id} had no second factor.")
