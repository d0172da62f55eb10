"""`tallystick hosts …`: the hosts to which a seller's buyers return, and who else may lead buyers there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
from tallystick.services.context import Service
from tallystick.services.form_errors import FormError
from tallystick.services.operations.accounts import Party
from tallystick.services.seller import return_hosts
from tallystick.services.seller.return_hosts import HostTakenError, NotProvedError, ReturnHost, UnknownHostError

app = typer.Typer(no_args_is_help=True, help="Hosts to which buyers return: claimed, so that no others lead there.")

Host = Annotated[str, typer.Argument(metavar="HOST", help="Such as shop.example: no scheme, no port.")]
Guest = Annotated[str, typer.Option("--seller", metavar="EMAIL_OR_ID", help="The other seller.")]


@app.command("list")
def list_(account: Account, json: Json = False) -> None:
    """List the hosts that a seller claimed or asked for."""
    hosts = run(_list(account))
    if json:
        tell_json([_as_json(one) for one in hosts])
        return
    tell_table([_as_row(one) for one in hosts], "This seller has claimed no host.")


async def _list(account: str) -> list[ReturnHost]:
    async with service_of_process() as service:
        return await return_hosts.of_seller(service, (await find_seller(service, account)).party_id)


@app.command()
def claim(
    account: Account,
    host: Host,
    by_file: Annotated[
        bool, typer.Option("--by-file", help="Only if the host shows its token; said again, it is looked for again.")
    ] = False,
    json: Json = False,
) -> None:
    """Give a seller a host: links and buttons of others do not lead there any more."""
    claimed, url = run(_claim(account, host, by_file=by_file))
    if json:
        tell_json(_as_json(claimed))
    elif claimed.claimed:
        tell(f"{claimed.host} is claimed.")
    else:
        tell(f"Let {url} answer with the line\n{claimed.token}\nthen say this again.")


async def _claim(account: str, host: str, *, by_file: bool) -> tuple[ReturnHost, str]:
    async with service_of_process() as service:
        seller, actor = await find_seller(service, account), actor_of_process()
        try:
            if not by_file:
                one = await return_hosts.claim_unproved(service, actor, seller.party_id, host)
            else:
                known = {each.host for each in await return_hosts.of_seller(service, seller.party_id)}
                one = await return_hosts.ask(service, actor, seller.party_id, host)
                if one.host in known:
                    one = await return_hosts.prove(service, actor, seller.party_id, one.host)
        except FormError as error:
            raise ProblemError("; ".join(error.problems.values())) from None
        except NotProvedError as error:
            raise ProblemError(f"not proved: {error}") from None
        except HostTakenError:
            raise ProblemError(f"another seller has claimed {host}") from None
        return one, return_hosts.proof_address(service, one.host)


@app.command()
def release(account: Account, host: Host, json: Json = False) -> None:
    """Take a host from a seller: everybody's links may lead there again."""

    async def give_back(service: Service, seller: Party) -> None:
        await return_hosts.release(service, actor_of_process(), seller.party_id, host)

    _do(account, host, give_back)
    if json:
        tell_json({"released": host})
    else:
        tell(f"{host} is given back.")


@app.command()
def allow(account: Account, host: Host, seller: Guest, json: Json = False) -> None:
    """Let the links of another seller lead to a host, too."""

    async def open_it(service: Service, owner: Party) -> None:
        guest = await find_seller(service, seller)
        await return_hosts.allow(service, actor_of_process(), owner.party_id, host, str(guest.party_id))

    _do(account, host, open_it)
    if json:
        tell_json({"allowed": host})
    else:
        tell(f"{seller} may lead buyers to {host}.")


@app.command()
def disallow(account: Account, host: Host, seller: Guest, json: Json = False) -> None:
    """Let the links of another seller lead to a host no more."""

    async def close_it(service: Service, owner: Party) -> None:
        guest = await find_seller(service, seller)
        await return_hosts.disallow(service, actor_of_process(), owner.party_id, host, guest.party_id)

    _do(account, host, close_it)
    if json:
        tell_json({"disallowed": host})
    else:
        tell(f"{seller} may not lead buyers to {host} any more.")


def _do(account: str, host: str, change: Callable[[Service, Party], Awaitable[None]]) -> None:
    """Change something about a host of a seller. Raises ProblemError."""

    async def do() -> None:
        async with service_of_process() as service:
            owner = await find_seller(service, account)
            try:
                await change(service, owner)
            except UnknownHostError:
                raise ProblemError(f"{owner.email} has no such host, or it is open to no such seller: {host}") from None
            except FormError as error:
                raise ProblemError("; ".join(error.problems.values())) from None

    run(do())


def _as_json(one: ReturnHost) -> dict[str, object]:
    return {
        "account_id": one.party_id,
        "host": one.host,
        "token": one.token,
        "begun_at": one.begun_at,
        "claimed_at": one.claimed_at,
        "proved_by": one.proved_by,
        "guests": one.guests,
    }


def _as_row(one: ReturnHost) -> dict[str, str]:
    return {
        "host": one.host,
        "claimed": f"{one.claimed_at:%Y-%m-%d %H:%M}" if one.claimed_at else "not proved",
        "by": one.proved_by or "",
        "open to": ", ".join(map(str, one.guests)),
        "token": one.token,
    }
