"""`tallystick staff …` and `tallystick operators …`: who may use a seller's console, and the operator's pages."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.commands.accounts import find_account, find_seller
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
from tallystick.services.operations import operators
from tallystick.services.operations.accounts import Party
from tallystick.services.operations.operators import Operator
from tallystick.services.seller import staff
from tallystick.services.seller.access_keys import KeyEntry
from tallystick.services.seller.staff import LastOwnerError, Post, StaffRole

staff_app = typer.Typer(no_args_is_help=True, help="Who works for a seller, and as what.")
operators_app = typer.Typer(no_args_is_help=True, help="Who may use the operator's pages at /admin.")

Person = Annotated[str, typer.Option(metavar="EMAIL_OR_ID", help="The person's own account.")]


@staff_app.command("add")
def add_staff(
    account: Account,
    person: Person,
    role: Annotated[StaffRole, typer.Option(help="What the person is at the seller's.")],
    json: Json = False,
) -> None:
    """Let somebody with a personal account use a seller's console, or give them another role there."""

    async def add() -> Post:
        async with service_of_process() as service:
            seller, someone = await _both(service, account, person)
            if not await staff.add(service, actor_of_process(), seller.party_id, someone, role):
                await _change_role(service, await _post_of(service, seller, someone), role)
            return await _post_of(service, seller, someone)

    post = run(add())
    if json:
        tell_json(_as_json(post))
    else:
        tell(f"{post.person_email} is {post.role} at {post.business_name}.")


async def _change_role(service: Service, post: Post, role: StaffRole) -> None:
    try:
        await staff.change_role(service, actor_of_process(), post, role)
    except LookupError:
        raise ProblemError(f"{post.person_email} was removed at this moment") from None
    except LastOwnerError:
        raise ProblemError(f"{post.person_email} is the last owner of {post.business_name}") from None


async def _post_of(service: Service, seller: Party, someone: Party) -> Post:
    found = await staff.post_of(service, seller.party_id, someone.party_id)
    if found is None:
        raise ProblemError(f"{someone.email} does not work for {seller.name}")
    return found


@staff_app.command("remove")
def remove_staff(
    account: Account,
    person: Person,
    revoke_keys: Annotated[
        bool, typer.Option("--revoke-keys/--keep-keys", help="Whether the access keys that they made end, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Take a seller's console from somebody."""

    async def remove() -> tuple[Party, list[KeyEntry], list[KeyEntry]]:
        async with service_of_process() as service:
            seller, someone = await _both(service, account, person)
            post = await _post_of(service, seller, someone)
            try:
                revoked = await staff.remove(service, actor_of_process(), post, revoke_keys=revoke_keys)
            except LookupError:
                raise ProblemError(f"{someone.email} was removed at this moment") from None
            except LastOwnerError:
                raise ProblemError(f"{someone.email} is the last owner of {seller.name}") from None
            return someone, revoked, await staff.keys_made_by(service, post)

    someone, revoked, left = run(remove())
    revoked_ids, left_ids = ([key.access_key_id for key in keys] for keys in (revoked, left))
    if json:
        tell_json({"removed": someone.email, "revoked_keys": revoked_ids, "kept_keys": left_ids})
        return
    tell(f"{someone.email} is of the staff no more.")
    if revoked:
        tell(f"Revoked are the keys that they made: {', '.join(revoked_ids)}")
    if left:
        tell(f"Keys that they made go on: {', '.join(left_ids)}; see: tallystick keys revoke")


@staff_app.command("list")
def list_staff(account: Account, json: Json = False) -> None:
    """List who works for a seller."""

    async def find() -> list[Post]:
        async with service_of_process() as service:
            seller = await find_seller(service, account)
            return await staff.people_of(service, seller.party_id)

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
            someone = await find_account(service, person)
            await operators.add(service, actor_of_process(), someone)
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
            someone = await find_account(service, person)
            if not await operators.remove(service, actor_of_process(), someone):
                raise ProblemError(f"{someone.email} is no operator")
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
            return await operators.list_(service)

    found = run(find())
    if json:
        tell_json([{"account_id": one.party_id, "email": one.email, "name": one.name} for one in found])
        return
    tell_table([{"e-mail": one.email, "name": one.name} for one in found], "There are no operators yet.")


async def _both(service: Service, account: str, person: str) -> tuple[Party, Party]:
    seller, someone = await find_seller(service, account), await find_account(service, person)
    if someone.kind != "personal":
        raise ProblemError(f"{someone.email} is a business; staff signs in with personal accounts")
    return seller, someone


def _as_json(post: Post) -> dict[str, object]:
    return {
        "account_id": post.business_id,
        "person_id": post.person_id,
        "email": post.person_email,
        "name": post.person_name,
        "role": post.role,
        "added_at": post.added_at,
    }
