"""`tallystick keys …-signing`: the service's own keys, which sign return URLs and notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tallystick.cli.commands.keys import app
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
from tallystick.services.operations import signing_keys
from tallystick.services.operations.signing_keys import KeyRecord


@app.command()
def list_signing(json: Json = False) -> None:
    """List the keys that sign or signed return URLs and notifications, the newest first."""
    entries, now = run(_list())
    if json:
        tell_json([_as_json(entry, url, now) for entry, url in entries])
        return
    tell_table(
        [
            {
                "name": entry.name,
                "status": _status(entry, now),
                "private half": "kept" if entry.has_private_half else "destroyed",
                "certificate": url,
            }
            for entry, url in entries
        ],
        "No key was needed yet.",
    )


async def _list() -> tuple[list[tuple[KeyRecord, str]], datetime]:
    async with service_of_process() as service:
        entries = await signing_keys.list_(service)
        return [(entry, signing_keys.certificate_url(service, entry)) for entry in entries], service.clock()


@app.command()
def revoke_signing(
    name: Annotated[str, typer.Option(metavar="NAME", help="The key, as list-signing names it.")], json: Json = False
) -> None:
    """Let nothing count that a key signed, since somebody else may have it.

    Its certificate is served no more and its private half destroyed. Receivers that kept the certificate have to
    forget it.
    """
    run(_revoke(name))
    if json:
        tell_json({"revoked": name})
    else:
        tell(f"{name} is revoked: nothing that it signed is genuine any more.")


async def _revoke(name: str) -> None:
    async with service_of_process() as service:
        try:
            await signing_keys.revoke(service, actor_of_process(), name)
        except LookupError:
            raise ProblemError(
                f"there is no key {name!r}, or it is revoked; see: tallystick keys list-signing"
            ) from None


@app.command()
def destroy_signing(json: Json = False) -> None:
    """Destroy the private halves of all keys that sign no more. What they signed stays genuine."""
    names = run(_destroy())
    if json:
        tell_json({"destroyed": names})
    else:
        tell(f"Destroyed: {', '.join(names)}." if names else "There is none to destroy.")


async def _destroy() -> list[str]:
    async with service_of_process() as service:
        return await signing_keys.destroy_retired(service, actor_of_process())


def _as_json(entry: KeyRecord, url: str, now: datetime) -> dict[str, object]:
    return {
        "name": entry.name,
        "status": _status(entry, now),
        "certificate_url": url,
        "created_at": entry.created_at,
        "retired_at": entry.retired_at,
        "revoked_at": entry.revoked_at,
        "private_half": entry.has_private_half,
    }


def _status(entry: KeyRecord, now: datetime) -> str:
    if entry.revoked_at is not None:
        return "revoked"
    return "signs" if entry.signs(now) else "retired"
