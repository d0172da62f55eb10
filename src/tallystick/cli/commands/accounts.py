"""`tallystick account …`: business accounts (sellers) and personal accounts (buyers)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.buyers import name_of
from tallystick.cli.console import (
    Json,
    ProblemError,
    actor_of_process,
    run,
    secret_from,
    service_of_process,
    settings_of_process,
    tell,
    tell_json,
    tell_table,
)
from tallystick.cli.options import PasswordEnv, PasswordStdin
from tallystick.services.context import Service
from tallystick.services.form_errors import FormError
from tallystick.services.identity import account_opening
from tallystick.services.identity.account_opening import EmailTakenError
from tallystick.services.operations import account_standing, accounts
from tallystick.services.operations.accounts import Account, Party
from tallystick.services.seller import logos

app = typer.Typer(no_args_is_help=True, help="Accounts of sellers and buyers.")


class PartyKind(StrEnum):
    """The two kinds of account."""

    business = "business"
    personal = "personal"


class Status(StrEnum):
    """What an account can be."""

    active = "active"
    suspended = "suspended"
    closed = "closed"


@app.command()
def create(
    kind: Annotated[PartyKind, typer.Option(help="business: a seller, with a sandbox book; personal: a buyer.")],
    email: Annotated[str, typer.Option(help="The address that names the account.")],
    name: Annotated[
        str | None, typer.Option(help="The name that the other side sees; else made from the address.")
    ] = None,
    password_stdin: PasswordStdin = False,
    password_env: PasswordEnv = None,
    json: Json = False,
) -> None:
    """Open an account. A business needs a password only to sign in on the hosted pages, as a recipient or a buyer.

    A personal account for which no password is given gets one that is shown once, where nobody can be asked for it;
    `sandbox authorize` knows it by itself.
    """
    settings = settings_of_process()
    made_up: list[str] = []

    def make_up() -> str:
        made_up.append(account_opening.made_up_password(settings, email))
        return made_up[0]

    password = None
    if kind is PartyKind.personal or password_stdin or password_env:
        password = _password(password_env, stdin=password_stdin, make_up=make_up)
    party = run(_create(kind, email, name_of(email) if name is None else name, password))
    if json:
        tell_json(as_json(party) | ({"password": password} if made_up else {}))
        return
    tell(f"Account {party.party_id}: {party.name} <{party.email}>, {party.kind}")
    if made_up:
        tell(f"Password: {password} (shown only now)")


def _password(variable: str | None, *, stdin: bool, make_up: Callable[[], str] | None = None) -> str:
    return secret_from(
        variable,
        stdin=stdin,
        what="password",
        ask=lambda: str(typer.prompt("Password", hide_input=True, confirmation_prompt=True)),
        make_up=make_up,
    )


async def _create(kind: PartyKind, email: str, name: str, password: str | None) -> Party:
    actor = actor_of_process()
    async with service_of_process() as service:
        try:
            if kind is PartyKind.personal:
                return await account_opening.open_personal(service, actor, name, email, password or "")
            return await account_opening.open_business(service, actor, name, email, password)
        except FormError as error:
            raise ProblemError("; ".join(error.problems.values())) from None
        except EmailTakenError:
            raise ProblemError(f"there is already an account with the address {email}") from None


@app.command("list")
def list_(
    kind: Annotated[PartyKind | None, typer.Option(help="Only accounts of this kind.")] = None, json: Json = False
) -> None:
    """List all accounts, oldest first."""
    found = run(_list(kind))
    if json:
        tell_json([as_json(party) for party in found])
        return
    tell_table(
        [
            {
                "account": str(party.party_id),
                "kind": party.kind,
                "status": party.status,
                "e-mail": party.email,
                "name": party.name,
            }
            for party in found
        ],
        "There are no accounts yet.",
    )


@app.command("set-password")
def set_password_(
    account: Annotated[str, typer.Option(help="Number or e-mail address of the account.")],
    password_stdin: PasswordStdin = False,
    password_env: PasswordEnv = None,
    json: Json = False,
) -> None:
    """Give an account another password, or its first one."""
    password = _password(password_env, stdin=password_stdin)

    async def change() -> Party:
        async with service_of_process() as service:
            found = await find_account(service, account)
            try:
                await account_opening.set_password(service, actor_of_process(), found, password)
            except FormError as error:
                raise ProblemError("; ".join(error.problems.values())) from None
            return found

    party = run(change())
    if json:
        tell_json(as_json(party))
    else:
        tell(f"Account {party.party_id} has this password now.")


@app.command("set-logo")
def set_logo(
    account: Annotated[str, typer.Option(help="Number or e-mail address of the business.")],
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="PNG or JPEG, shown up to 215 x 40 pixels large.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Show the name alone again.")] = False,
    json: Json = False,
) -> None:
    """Show a picture beside what a seller asks for on the hosted pages."""
    if (file is None) is not remove:
        raise ProblemError("name either a --file or --remove")

    async def change() -> str | None:
        actor = actor_of_process()
        async with service_of_process() as service:
            party = await find_seller(service, account)
            if file is None:
                await logos.remove(service, actor, party.party_id)
                return None
            try:
                return await logos.save(service, actor, party.party_id, file.read_bytes())
            except FormError as error:
                raise ProblemError("; ".join(error.problems.values())) from None

    digest = run(change())
    if json:
        tell_json({"logo": digest})
    else:
        tell("The name stands alone." if digest is None else f"The logo is kept as {digest}.")


@app.command()
def standing(
    account: Annotated[str, typer.Option(help="Number or e-mail address of the account.")],
    status: Annotated[Status | None, typer.Option(help="A suspended or closed account takes part in nothing.")] = None,
    email_verified: Annotated[
        bool | None, typer.Option("--email-verified/--email-unverified", help="Whether the address was found to work.")
    ] = None,
    verified: Annotated[
        bool | None,
        typer.Option(
            "--verified/--unverified", help="Whether a bank account or card was found to be the account's own."
        ),
    ] = None,
    cards: Annotated[
        bool | None, typer.Option("--cards/--no-cards", help="Sellers: whether payments by card may go to it.")
    ] = None,
    marketplace: Annotated[
        bool | None,
        typer.Option("--marketplace/--no-marketplace", help="Sellers: whether it may call for other recipients."),
    ] = None,
    denied: Annotated[
        bool | None, typer.Option("--deny/--allow", help="Whether what it would pay or receive is held back for now.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit log.")] = "",
    json: Json = False,
) -> None:
    """Say how far an account is known and what it may do; what is not named stays.

    Whoever is signed in to an account that is suspended or closed is signed out.
    """

    async def change() -> Party:
        async with service_of_process() as service:
            return await account_standing.set_standing(
                service,
                actor_of_process(),
                await _look_up(service, account),
                status=None if status is None else status.value,
                email_verified=email_verified,
                account_verified=verified,
                receives_cards=cards,
                marketplace=marketplace,
                denied=denied,
                reason=reason,
            )

    party = run(change())
    if json:
        tell_json(as_json(party))
    else:
        tell(f"Account {party.party_id}: {party.name} <{party.email}>, {party.status}")


async def _list(kind: PartyKind | None) -> list[Party]:
    async with service_of_process() as service:
        return await accounts.list_(service, None if kind is None else kind.value)


def as_json(party: Party) -> dict[str, object]:
    """An account for programs."""
    return {
        "account_id": party.party_id,
        "kind": party.kind,
        "email": party.email,
        "name": party.name,
        "status": party.status,
        "created_at": party.created_at,
    }


async def find_account(service: Service, named: str) -> Party:
    """The account with this number or e-mail address. Raises ProblemError."""
    account = await _look_up(service, named)
    party = await accounts.find(service, account.party_id)
    if party is None:
        raise ProblemError(f"the account {named!r} was removed at this moment")
    return party


async def find_seller(service: Service, named: str) -> Party:
    """The business account with this number or e-mail address. Raises ProblemError."""
    party = await find_account(service, named)
    if party.kind != PartyKind.business.value:
        raise ProblemError(f"{party.email} is a {party.kind} account; this needs a business account")
    return party


async def _look_up(service: Service, named: str) -> Account:
    account = await accounts.find_named(service, named)
    if account is None:
        raise ProblemError(f"there is no account {named!r}; see: tallystick account list")
    return account
