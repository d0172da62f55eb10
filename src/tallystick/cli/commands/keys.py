"""`tallystick keys …`: the access keys of a business account, for its sandbox."""

from __future__ import annotations

from datetime import datetime, timedelta
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
from tallystick.domain.environments import SANDBOX
from tallystick.services.context import Service
from tallystick.services.operations import signing_keys
from tallystick.services.operations.accounts import Party
from tallystick.services.operations.signing_keys import SigningKey
from tallystick.services.seller import access_keys
from tallystick.services.seller.access_keys import AccessKey, KeyEntry, UnknownKeyError

app = typer.Typer(no_args_is_help=True, help="Access keys of sellers' programs, and the service's own signing key.")

Account = Annotated[str, typer.Option(metavar="EMAIL_OR_ID", help="The business account.")]
LONGEST_OVERLAP_HOURS = 24 * 365


@app.command()
def create(account: Account, json: Json = False) -> None:
    """Make a key. The secret is shown now and never again."""
    _tell_new(run(_create(account)), json=json)


async def _create(account: str) -> AccessKey:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        return await access_keys.create(service, actor_of_process(), party.party_id, SANDBOX)


@app.command("list")
def list_(account: Account, json: Json = False) -> None:
    """List the keys of an account, oldest first, without their secrets."""
    entries, now = run(_list(account))
    if json:
        tell_json([_as_json(entry, now) for entry in entries])
        return
    tell_table(
        [
            {
                "key": entry.access_key_id,
                "status": _status(entry, now),
                "created": f"{entry.created_at:%Y-%m-%d %H:%M}",
                "ends": _ends(entry),
            }
            for entry in entries
        ],
        "This account has no keys yet.",
    )


async def _list(account: str) -> tuple[list[KeyEntry], datetime]:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        return await access_keys.list_(service, party.party_id), service.clock()


@app.command()
def rotate(
    account: Account,
    key: Annotated[
        str | None, typer.Option(metavar="KEY_ID", help="The key to replace; needed when several are usable.")
    ] = None,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=LONGEST_OVERLAP_HOURS, help="How long the old key stays usable.")
    ] = 24,
    json: Json = False,
) -> None:
    """Make a key that replaces another one, which stays usable for a while."""
    _tell_new(run(_rotate(account, key, timedelta(hours=overlap_hours))), json=json)


async def _rotate(account: str, key: str | None, overlap: timedelta) -> AccessKey:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        old = await _one_key(service, party, key)
        try:
            return await access_keys.rotate(service, actor_of_process(), party.party_id, old, overlap)
        except UnknownKeyError:
            raise ProblemError(f"{old} is no longer usable, so nothing can replace it; make a new key") from None


async def _one_key(service: Service, party: Party, key: str | None) -> str:
    entries, now = await access_keys.list_(service, party.party_id), service.clock()
    if key is not None:
        if key not in {entry.access_key_id for entry in entries}:
            raise ProblemError(f"{party.email} has no key {key!r}; see: tallystick keys list")
        return key
    usable = [entry.access_key_id for entry in entries if entry.usable(now) and entry.expires_at is None]
    if len(usable) != 1:
        raise ProblemError(f"{party.email} has {len(usable)} keys that could be replaced; name one with --key")
    return usable[0]


@app.command()
def revoke(
    account: Account,
    key: Annotated[str, typer.Option(metavar="KEY_ID", help="The key to revoke.")],
    json: Json = False,
) -> None:
    """Make a key unusable, at once and for ever."""
    entry, now = run(_revoke(account, key))
    if json:
        tell_json(_as_json(entry, now))
    else:
        tell(f"{entry.access_key_id} is revoked.")


async def _revoke(account: str, key: str) -> tuple[KeyEntry, datetime]:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        named = await _one_key(service, party, key)
        return await access_keys.revoke(service, actor_of_process(), party.party_id, named), service.clock()


@app.command("rotate-signing")
def rotate_signing(json: Json = False) -> None:
    """Make a new key for signing return URLs and notifications.

    The old certificate stays served, so that what was signed before still verifies.
    """
    key, url = run(_rotate_signing())
    if json:
        tell_json({"name": key.name, "certificate_url": url})
    else:
        tell(f"Messages are signed with the key {key.name} from now on: {url}")


async def _rotate_signing() -> tuple[SigningKey, str]:
    async with service_of_process() as service:
        key = await signing_keys.rotate(service, actor_of_process())
        return key, signing_keys.certificate_url(service, key)


def _tell_new(key: AccessKey, *, json: bool) -> None:
    if json:
        tell_json(
            {
                "account_id": key.party_id,
                "access_key_id": key.access_key_id,
                "secret": key.secret,
                "environment": key.environment,
                "created_at": key.created_at,
            }
        )
        return
    tell(f"Access key  {key.access_key_id}")
    tell(f"Secret      {key.secret}")
    tell("The secret is not shown again: store it now.")


def _as_json(entry: KeyEntry, now: datetime) -> dict[str, object]:
    return {
        "account_id": entry.party_id,
        "access_key_id": entry.access_key_id,
        "environment": entry.environment,
        "status": _status(entry, now),
        "created_at": entry.created_at,
        "expires_at": entry.expires_at,
        "revoked_at": entry.revoked_at,
    }


def _status(entry: KeyEntry, now: datetime) -> str:
    if entry.revoked_at is not None:
        return "revoked"
    return "usable" if entry.usable(now) else "expired"


def _ends(entry: KeyEntry) -> str:
    ends = entry.revoked_at or entry.expires_at
    return "" if ends is None else f"{ends:%Y-%m-%d %H:%M}"
