"""`tallystick staff …` and `tallystick operators …`: who may use a seller's console, and the operator's pages."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.commands.accounts import find_account, find_seller
from tallystick.cli.commands.keys import Account
from tallystick.cli.console import Json, ProblemError, run, service_of_process, tell, tell_json, tell_table
from tallystick.domain.ids import PartyId
from tallystick.services.context import Service
from tallystick.services.operations import audit
from tallystick.services.seller.staff import Role
from tallystick.store.accounts import staff
from tallystick.store.accounts.parties import Party
from tallystick.store.accounts.staff import LastOwnerError, Operator, Post

staff_app = typer.Typer(no_args_is_help=True, help="Who works for a seller, and as what.")
operators_app = typer.Typer(no_args_is_help=True, help="Who may use the operator's pages at /admin.")

Person = Annotated[str, typer.Option(metavar="EMAIL_OR_ID", help="The person's own account.")]


@staff_app.command("add")
def add_staff(
    account: Account,
    person: Person,
    role: Annotated[Role, typer.Option(help="What the person is at the seller's.")],
    json: Json = False,
) -> None:
    """Let somebody with a personal account use a seller's console, or give them another role there."""

    async def add() -> Post:
        async with service_of_process() as service:
            seller, someone = await _both(service, account, person)
            added = await staff.add(service.pool, seller.party_id, someone.party_id, role, service.clock())
            if added:
                await _record(service, "staff.add", seller.party_id, someone, role=role.value)
            else:
                await _change_role(service, seller, someone, role)
            found = await staff.post_of(service.pool, seller.party_id, someone.party_id)
            if found is None:
                raise ProblemError(f"{someone.email} was removed at this moment")
            return found

    post = run(add())
    if json:
        tell_json(_as_json(post))
    else:
        tell(f"{post.person_email} is {post.role} at {post.business_name}.")


async def _change_role(service: Service, seller: Party, someone: Party, role: Role) -> None:
    async with service.pool.acquire() as connection:
        try:
            await staff.change_role(connection, seller.party_id, someone.party_id, role)
        except LastOwnerError:
            raise ProblemError(f"{someone.email} is the last owner of {seller.name}") from None
    await _record(service, "staff.role", seller.party_id, someone, now=role.value)


@staff_app.command("remove")
def remove_staff(account: Account, person: Person, json: Json = False) -> None:
    """Take a seller's console from somebody."""

    async def remove() -> Party:
        async with service_of_process() as service:
            seller, someone = await _both(service, account, person)
            async with service.pool.acquire() as connection:
                try:
                    await staff.remove(connection, seller.party_id, someone.party_id)
                except LookupError:
                    raise ProblemError(f"{someone.email} does not work for {seller.name}") from None
                except LastOwnerError:
                    raise ProblemError(f"{someone.email} is the last owner of {seller.name}") from None
            await _record(service, "staff.remove", seller.party_id, someone)
            return someone

    someone = run(remove())
    if json:
        tell_json({"removed": someone.email})
    else:
        tell(f"{someone.email} is of the staff no more.")


@staff_app.command("list")
def list_staff(account: Account, json: Json = False) -> None:
    """List who works for a seller."""

    async def find() -> list[Post]:
        async with service_of_process() as service:
            seller = await find_seller(service.pool, account)
            return await staff.people_of(service.pool, seller.party_id)

    posts = run(find())
    if json:
        tell_json([_as_json(post) for post in posts])
        return
    tell_table(
        [{"e-mail": post.person_email, "name": post.person_name, "role": post.role} for post in posts],
        "Nobody works for this seller yet.",
    )


@operators_app.command("add")
def add_operator(person: Person, json: Json = False) -> None:
    """Let somebody with an account use the operator's pages."""

    async def add() -> Party:
        async with service_of_process() as service:
            someone = await find_account(service.pool, person)
            if await staff.add_operator(service.pool, someone.party_id, service.clock()):
                await _record(service, "operator.add", None, someone)
            return someone

    someone = run(add())
    if json:
        tell_json({"operator": someone.email})
    else:
        tell(f"{someone.email} may use the operator's pages.")


@operators_app.command("remove")
def remove_operator(person: Person, json: Json = False) -> None:
    """Take the operator's pages from somebody."""

    async def remove() -> Party:
        async with service_of_process() as service:
            someone = await find_account(service.pool, person)
            if not await staff.remove_operator(service.pool, someone.party_id):
                raise ProblemError(f"{someone.email} is no operator")
            await _record(service, "operator.remove", None, someone)
            return someone

    someone = run(remove())
    if json:
        tell_json({"removed": someone.email})
    else:
        tell(f"{someone.email} is no operator any more.")


@operators_app.command("list")
def list_operators(json: Json = False) -> None:
    """List the operators."""

    async def find() -> list[Operator]:
        async with service_of_process() as service:
            return await staff.operators(service.pool)

    found = run(find())
    if json:
        tell_json([{"account_id": one.party_id, "email": one.email, "name": one.name} for one in found])
        return
    tell_table([{"e-mail": one.email, "name": one.name} for one in found], "There are no operators yet.")


async def _both(service: Service, account: str, person: str) -> tuple[Party, Party]:
    seller, someone = await find_seller(service.pool, account), await find_account(service.pool, person)
    if someone.kind != "personal":
        raise ProblemError(f"{someone.email} is a business; staff signs in with personal accounts")
    return seller, someone


async def _record(service: Service, action: str, business_id: PartyId | None, someone: Party, **details: str) -> None:
    """Write down a command on the machine itself: nobody is named as its author."""
    await audit.record(
        service.pool,
        audit.Actor(None),
        action,
        someone.email,
        business_id=business_id,
        details=details,
        at=service.clock(),
    )


def _as_json(post: Post) -> dict[str, object]:
    return {
        "account_id": post.business_id,
        "person_id": post.person_id,
        "email": post.person_email,
        "name": post.person_name,
        "role": post.role,
        "added_at": post.added_at,
    }
