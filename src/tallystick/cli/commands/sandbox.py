"""`tallystick sandbox …`: try an integration without a browser and without real money."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import httpx
import typer

from tallystick.cli.buyers import name_of
from tallystick.cli.commands.accounts import find_account
from tallystick.cli.console import (
    NO,
    Json,
    ProblemError,
    actor_of_process,
    complain,
    run,
    secret_from,
    service_of_process,
    settings_of_process,
    tell,
    tell_json,
)
from tallystick.cli.options import SecretEnv, SecretStdin, ServiceUrl, SigningKey
from tallystick.client import buttons
from tallystick.client.fps import Credentials, api_url, cobranded_url
from tallystick.client.hosted_pages import Buyer, WalkRefusedError
from tallystick.client.hosted_pages import authorize as walk_pages
from tallystick.domain.money import display_amount, format_amount
from tallystick.services.buyer import sandbox_deposit
from tallystick.services.form_errors import FormError
from tallystick.services.identity.account_opening import made_up_password

app = typer.Typer(no_args_is_help=True, help="Try an integration: sign requests, be the buyer, get test money.")


class PaymentMethodChoice(StrEnum):
    """Means of payment."""

    CC = "CC"
    ACH = "ACH"
    ABT = "ABT"


class Button(StrEnum):
    """The buttons that sellers put on their pages."""

    pay_now = "pay-now"
    authorize_now = "authorize-now"
    simple_pay = "simple-pay"


_LABELS = {Button.pay_now: "Pay Now", Button.authorize_now: "Authorize Now", Button.simple_pay: "Pay Now"}
_PIPELINES = {Button.pay_now: "SetupPrepaid", Button.authorize_now: "SetupPostpaid"}


class Surface(StrEnum):
    """What can be signed."""

    cobranded = "cobranded"
    api = "api"


@app.command()
def authorize(
    signed_url: Annotated[str, typer.Argument(help="The signed URL behind a seller's button.")],
    buyer: Annotated[str, typer.Option(metavar="EMAIL", help="Who the buyer is; signed up when unknown.")],
    method: Annotated[
        PaymentMethodChoice,
        typer.Option(help="CC: card; ACH: bank account; ABT: account balance. Added where there is none."),
    ] = PaymentMethodChoice.CC,
    number: Annotated[
        str | None,
        typer.Option(help="A test number to add and pay with, such as one that declines: docs/sandbox.md lists them."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name for signing up; else made from the address.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the buyer's password from standard input.")
    ] = False,
    password_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Take the buyer's password from this environment variable.")
    ] = None,
    connect_to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Connect to the service there instead of the host in the signed URL, which stays signed.",
        ),
    ] = None,
    leave: Annotated[
        bool, typer.Option("--leave", help="Leave as a buyer who changed their mind, instead of confirming.")
    ] = False,
    json: Json = False,
) -> None:
    """Walk the hosted pages as a buyer would and print the return URL, without fetching it.

    Without a password, and without a terminal to ask for one, the buyer has the one that `account create` makes up.
    Exit status 1, with what the page says, when the pages do not let the buyer go on.
    """
    if number is not None and method is PaymentMethodChoice.ABT:
        raise ProblemError("--number is of a card or of a bank account; an account balance has none")
    settings = settings_of_process()
    password = secret_from(
        password_env,
        stdin=password_stdin,
        what="password",
        ask=lambda: str(typer.prompt("Password", hide_input=True)),
        make_up=lambda: made_up_password(settings, buyer),
    )
    who = Buyer(buyer, password, name or name_of(buyer))
    try:
        url = run(walk_pages(signed_url, who, method.value, connect_to=connect_to, leave=leave, number=number))
    except WalkRefusedError as refused:
        complain(str(refused))
        raise typer.Exit(NO) from None
    except ValueError as error:
        raise ProblemError(str(error)) from None
    except httpx.TransportError as error:
        raise ProblemError(f"the service does not answer at {error.request.url.netloc.decode()}: {error}") from None
    if json:
        tell_json({"return_url": url})
    else:
        tell(url)


@app.command()
def deposit(
    amount: Annotated[str, typer.Argument(help="Amount in USD, such as 50.00.")],
    buyer: Annotated[str, typer.Option(metavar="EMAIL_OR_ID", help="The personal account.")],
    json: Json = False,
) -> None:
    """Put test money on a buyer's account balance, from which ABT payments are made."""
    added, balance = run(_deposit(buyer, amount))
    if json:
        tell_json({"added": format_amount(added), "balance": format_amount(balance), "currency": "USD"})
    else:
        tell(f"Added {display_amount(added)} USD; the account balance is {display_amount(balance)} USD.")


async def _deposit(buyer: str, amount: str) -> tuple[int, int]:
    async with service_of_process() as service:
        party = await find_account(service, buyer)
        if party.kind != "personal":
            raise ProblemError(f"{party.email} is a {party.kind} account; test money is for personal accounts")
        try:
            return await sandbox_deposit.deposit(service, actor_of_process(), party, amount)
        except FormError as error:
            raise ProblemError("; ".join(error.problems.values())) from None


@app.command()
def sign(
    surface: Annotated[
        Surface, typer.Argument(help="cobranded: a URL of the hosted pages; api: an API request as a URL to GET.")
    ],
    parameters: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE…", help="What to ask for, such as pipelineName=SetupPrepaid.")
    ],
    key: SigningKey,
    secret_env: SecretEnv = None,
    secret_stdin: SecretStdin = False,
    service: ServiceUrl = None,
    json: Json = False,
) -> None:
    """Make a signed URL from parameters. Nothing is sent; key and parameters are not checked."""
    settings = settings_of_process()
    given = _parameters(parameters)
    secret = _secret(secret_env, stdin=secret_stdin)
    credentials = Credentials(key, secret)
    address = service or settings.public_url
    try:
        if surface is Surface.cobranded:
            url = cobranded_url(address, credentials, given)
        else:
            if "Action" not in given:
                raise ProblemError("an API request needs Action=…, such as Action=GetAccountBalance")
            url = api_url(address, credentials, given["Action"], given, datetime.now(UTC))
    except ValueError as error:
        raise ProblemError(str(error)) from None
    if json:
        tell_json({"url": url})
    else:
        tell(url)


@app.command()
def button(
    parameters: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE…", help="What it needs: see docs/pipelines.md."),
    ],
    key: SigningKey,
    pay_now: Annotated[bool, typer.Option("--pay-now", help="A prepaid balance, by SetupPrepaid.")] = False,
    authorize_now: Annotated[bool, typer.Option("--authorize-now", help="A tab, by SetupPostpaid.")] = False,
    simple_pay: Annotated[bool, typer.Option("--simple-pay", help="One payment at once; a form.")] = False,
    as_form: Annotated[bool, typer.Option("--form/--link", help="A form with hidden fields, or a link.")] = False,
    label: Annotated[str | None, typer.Option(help="What stands on it; else Pay Now or Authorize Now.")] = None,
    secret_env: SecretEnv = None,
    secret_stdin: SecretStdin = False,
    service: ServiceUrl = None,
    json: Json = False,
) -> None:
    """Make a signed button as HTML for a seller's page. Nothing is sent; key and parameters are not checked."""
    settings = settings_of_process()
    flags = {Button.pay_now: pay_now, Button.authorize_now: authorize_now, Button.simple_pay: simple_pay}
    wanted = [kind for kind, asked in flags.items() if asked]
    if len(wanted) != 1:
        raise ProblemError(f"name one of {', '.join(f'--{kind.value}' for kind in Button)}")
    kind = wanted[0]
    given = _parameters(parameters)
    secret = _secret(secret_env, stdin=secret_stdin)
    if kind in _PIPELINES:
        given = {"pipelineName": _PIPELINES[kind]} | given
        make = buttons.form if as_form else buttons.link
    else:
        make = buttons.simple_pay_form
    try:
        html = make(service or settings.public_url, Credentials(key, secret), given, label or _LABELS[kind])
    except ValueError as error:
        raise ProblemError(str(error)) from None
    if json:
        tell_json({"html": html})
    else:
        tell(html)


def _secret(variable: str | None, *, stdin: bool) -> str:
    return secret_from(variable, stdin=stdin, what="secret", ask=lambda: str(typer.prompt("Secret", hide_input=True)))


def _parameters(given: list[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise ProblemError(f"not a parameter: {one!r}; write NAME=VALUE")
        if name in parameters:
            raise ProblemError(f"{name} is given twice")
        parameters[name] = value
    return parameters
