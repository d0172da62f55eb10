"""`tallystick keys …`: the access keys of a business account, for its sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from shlex import quote
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
from tallystick.cli.options import Account, usability
from tallystick.domain.environments import SANDBOX
from tallystick.domain.scopes import EVERYTHING, scope_names, scopes_of
from tallystick.services.context import Service
from tallystick.services.operations import signing_keys
from tallystick.services.operations.accounts import Party
from tallystick.services.operations.signing_keys import SigningKey
from tallystick.services.seller import access_keys
from tallystick.services.seller.access_keys import (
    ANY_USE,
    MAX_NAME,
    MAX_NETWORKS,
    AccessKey,
    KeyEntry,
    KeyTerms,
    KeyUse,
    UnknownKeyError,
)

app = typer.Typer(no_args_is_help=True, help="Access keys of sellers' programs, and the service's own signing key.")

LONGEST_OVERLAP_HOURS = 24 * 365
LONGEST_LIFE_DAYS = 3660
MOST_CALLS_PER_SECOND = 100_000


@app.command()
def create(
    account: Account,
    shell: Annotated[
        bool, typer.Option("--shell", help="Answer with a line for a shell to evaluate, which sets KEY and SECRET.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a key for everything. The secret is shown now and never again."""
    if shell and json:
        raise ProblemError("name one of --shell, --json")
    made = run(_create(account, ANY_USE))
    if shell:
        tell(f"export KEY={quote(made.access_key_id)} SECRET={quote(made.secret)}")
    else:
        _tell_new(made, json=json)


@app.command()
def make(
    account: Account,
    scope: Annotated[
        list[str],
        typer.Option(
            metavar="SCOPE",
            help=f"What it may be used for: {', '.join(scope_names(EVERYTHING))}, everything. Give it several times.",
        ),
    ],
    name: Annotated[str, typer.Option(help="What it is for, in your words.")] = "",
    network: Annotated[
        list[str] | None,
        typer.Option(metavar="CIDR", help="Where its calls come from, such as 10.1.0.0/16. Give it several times."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DAYS_OR_DATE", help="When it ends: 90d, or 2027-06-30 (UTC).")
    ] = None,
    calls_per_second: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_CALLS_PER_SECOND, help="Instead of TALLYSTICK_CALLS_PER_SECOND, for this key."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a key for some uses, networks or a while. The secret is shown now and never again."""
    terms = KeyTerms(
        name=_name(name),
        scopes=_scopes_of(scope),
        networks=_networks(network or []),
        lifetime=None if expires is None else _lifetime(expires, datetime.now(UTC)),
        calls_per_second=calls_per_second,
    )
    _tell_new(run(_create(account, terms)), json=json)


async def _create(account: str, terms: KeyTerms) -> AccessKey:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        return await access_keys.create(service, actor_of_process(), party.party_id, SANDBOX, terms)


def _name(text: str) -> str:
    if len(text) > MAX_NAME or not text.isprintable():
        raise ProblemError(f"a name has at most {MAX_NAME} characters, on one line")
    return text.strip()


def _scopes_of(names: list[str]) -> int:
    try:
        return scopes_of(names).value
    except ValueError as error:
        raise ProblemError(str(error)) from None


def _networks(given: list[str]) -> tuple[str, ...]:
    if len(given) > MAX_NETWORKS:
        raise ProblemError(f"a key is for at most {MAX_NETWORKS} networks")
    try:
        return tuple(dict.fromkeys(access_keys.read_network(one) for one in given))
    except ValueError as error:
        raise ProblemError(f"a network is given like 10.1.0.0/16: {error}") from None


def _lifetime(text: str, now: datetime) -> timedelta:
    """How long a key lives that ends after so many days, or when a day begins. Raises ProblemError."""
    try:
        if text.endswith("d"):
            life = timedelta(days=int(text.removesuffix("d")))
        else:
            life = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) - now
    except (ValueError, OverflowError):
        raise ProblemError(f"an end is given like 90d or 2027-06-30, not {text!r}") from None
    if not timedelta(0) < life <= timedelta(days=LONGEST_LIFE_DAYS):
        raise ProblemError(f"an end is to come, within {LONGEST_LIFE_DAYS} days")
    return life


@app.command()
def change(
    account: Account,
    key: Annotated[str, typer.Option(metavar="KEY_ID", help="The key to change.")],
    scope: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE", help="What it may be used for, as of make.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What it is for, in your words.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Where its calls come from; 'any': from anywhere.")
    ] = None,
    calls_per_second: Annotated[
        int | None, typer.Option(min=0, max=MOST_CALLS_PER_SECOND, help="Of this key; 0: as the setting has it.")
    ] = None,
    json: Json = False,
) -> None:
    """Change what a key is for, from the next call on. What is not given stays, and so do secret and end."""

    async def changed() -> tuple[KeyEntry, datetime]:
        async with service_of_process() as service:
            party = await find_seller(service, account)
            old = await access_keys.find_entry(service, party.party_id, await _one_key(service, party, key))
            terms = KeyTerms(
                name=old.name if name is None else _name(name),
                scopes=_scopes_of(scope) if scope else old.scopes,
                networks=old.networks if network is None else _networks([] if network == ["any"] else network),
                calls_per_second=old.calls_per_second if calls_per_second is None else calls_per_second or None,
            )
            try:
                return await access_keys.change(
                    service, actor_of_process(), party.party_id, old.access_key_id, terms
                ), service.clock()
            except UnknownKeyError:
                raise ProblemError(f"{key} is no longer usable, so it cannot be changed; make a new key") from None

    entry, now = run(changed())
    if json:
        tell_json(_as_json(entry, now))
    else:
        tell(f"{entry.access_key_id} may do: {_scopes(entry.scopes)}; from: {', '.join(entry.networks) or 'anywhere'}.")


@app.command("list")
def list_(account: Account, json: Json = False) -> None:
    """List the keys of an account, oldest first, without their secrets."""
    found, now = run(_list(account))
    if json:
        tell_json([_as_json(one.key, now) | {"used_at": one.used_at} for one in found])
        return
    tell_table(
        [
            {
                "key": one.key.access_key_id,
                "name": one.key.name,
                "status": usability(one.key, now),
                "scopes": _scopes(one.key.scopes),
                "networks": ", ".join(one.key.networks) or "any",
                "created": _moment(one.key.created_at),
                "by": one.key.maker_name or "",
                "last used": _moment(one.used_at),
                "ends": _moment(one.key.revoked_at or one.key.expires_at),
            }
            for one in found
        ],
        "This account has no keys yet.",
    )


def _scopes(scopes: int) -> str:
    return "everything" if scopes == EVERYTHING else ", ".join(scope_names(scopes))


async def _list(account: str) -> tuple[list[KeyUse], datetime]:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        return await access_keys.with_uses(service, party.party_id), service.clock()


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
def bearer(
    account: Account,
    key: Annotated[
        str | None, typer.Option(metavar="KEY_ID", help="The key to make it for; needed when several are usable.")
    ] = None,
    json: Json = False,
) -> None:
    """Make the secret with which programs call the JSON interface (/v1). One that the key had before ends at once."""

    async def made() -> tuple[str, str]:
        async with service_of_process() as service:
            party = await find_seller(service, account)
            named = await _one_key(service, party, key)
            try:
                return named, await access_keys.make_bearer(service, actor_of_process(), party.party_id, named)
            except UnknownKeyError:
                raise ProblemError(f"{named} is no longer usable; make a new key") from None

    named, secret = run(made())
    if json:
        tell_json({"access_key_id": named, "bearer_secret": secret})
        return
    tell(f"Bearer secret  {secret}")
    tell("It is not shown again: store it now.")


@app.command("end-bearer")
def end_bearer(
    account: Account,
    key: Annotated[str, typer.Option(metavar="KEY_ID", help="The key whose secret for /v1 ends.")],
    json: Json = False,
) -> None:
    """End the secret with which programs call the JSON interface (/v1), at once. What the key signs goes on."""

    async def ended() -> tuple[KeyEntry, datetime]:
        async with service_of_process() as service:
            party = await find_seller(service, account)
            named = await _one_key(service, party, key)
            await access_keys.end_bearer(service, actor_of_process(), party.party_id, named)
            return await access_keys.find_entry(service, party.party_id, named), service.clock()

    entry, now = run(ended())
    if json:
        tell_json(_as_json(entry, now))
    else:
        tell(f"{entry.access_key_id} has no bearer secret. What it signs goes on; revoke ends that, too.")


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
                "expires_at": key.expires_at,
                "scopes": scope_names(key.scopes),
                "networks": key.networks,
                "calls_per_second": key.calls_per_second,
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
        "status": usability(entry, now),
        "created_at": entry.created_at,
        "expires_at": entry.expires_at,
        "revoked_at": entry.revoked_at,
        "name": entry.name,
        "scopes": scope_names(entry.scopes),
        "networks": entry.networks,
        "calls_per_second": entry.calls_per_second,
        "maker_id": entry.maker_id,
    }


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
