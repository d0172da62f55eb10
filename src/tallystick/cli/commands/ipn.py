"""`tallystick ipn …`: what sellers are notified of, what did not arrive, and a receiver to try it with."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.console import (
    Json,
    ProblemError,
    actor_of_process,
    run,
    run_until_stopped,
    service_of_process,
    tell,
    tell_json,
    tell_table,
)
from tallystick.cli.ipn_listener import listen_for
from tallystick.cli.options import Account
from tallystick.domain.environments import SANDBOX
from tallystick.domain.texts import counted
from tallystick.notify import address
from tallystick.notify.address import UnusableAddressError
from tallystick.services.operations import notifications
from tallystick.services.operations.notifications import EventRecord
from tallystick.services.seller import notification_settings
from tallystick.services.seller.notification_settings import KEEP, NoBooksError, NotificationSettings

app = typer.Typer(no_args_is_help=True, help="Notifications: lists, replays, addresses, a local receiver.")

DEFAULT_PORT: Final = 8410
Seller = Annotated[str | None, typer.Option("--account", metavar="EMAIL_OR_ID", help="Only of this business account.")]


class SignatureMethod(StrEnum):
    """By which messages to a seller can be signed."""

    sha1 = "RSA-SHA1"
    sha256 = "RSA-SHA256"


class EventState(StrEnum):
    """How far an event is."""

    waiting = "waiting"
    delivered = "delivered"
    dead = "dead"
    unwanted = "unwanted"


@app.command("list")
def list_(
    account: Seller = None,
    state: Annotated[
        EventState | None, typer.Option(help="Only events in this state; without it all but unwanted ones.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    json: Json = False,
) -> None:
    """List events that sellers are or were notified of, the newest first. Dead ones were tried for a day in vain."""
    entries = run(_list(account, state, limit))
    if json:
        tell_json([_as_json(entry) for entry in entries])
        return
    tell_table([_as_row(entry) for entry in entries], "There are no such events.")


async def _list(account: str | None, state: EventState | None, limit: int) -> list[EventRecord]:
    async with service_of_process() as service:
        party_id = None if account is None else (await find_seller(service, account)).party_id
        return await notifications.list_(service, party_id, None if state is None else state.value, limit)


@app.command()
def replay(
    event_id: Annotated[str | None, typer.Argument(metavar="EVENT_ID", help="The event to send again.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Send all dead events again.")] = False,
    account: Seller = None,
    json: Json = False,
) -> None:
    """Send events again, for another day. One that was delivered is sent again too, when it is named."""
    if (event_id is None) == (not dead):
        raise ProblemError("name one event, or give --dead for all dead ones; see: tallystick ipn list")
    if event_id is not None and account is not None:
        raise ProblemError("--account goes with --dead; an event's id says whose it is")
    count = run(_replay(event_id, account))
    if event_id is not None and count == 0:
        reasons = "there is no such event, it still waits, or its seller has no address"
        raise ProblemError(f"{event_id} cannot be sent again: {reasons}")
    if json:
        tell_json({"replayed": count})
    else:
        tell(f"{counted(count, 'event is', 'events are')} sent again.")


async def _replay(event_id: str | None, account: str | None) -> int:
    async with service_of_process() as service:
        if event_id is not None:
            return await notifications.replay(service, actor_of_process(), event_id)
        party_id = None if account is None else (await find_seller(service, account)).party_id
        return await notifications.replay_dead(service, actor_of_process(), party_id)


@app.command("set-url")
def set_url(
    account: Account,
    url: Annotated[str | None, typer.Argument(metavar="URL", help="Where notifications are posted to.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Send no notifications any more.")] = False,
    immediate: Annotated[
        bool | None,
        typer.Option("--immediate/--no-immediate", help="Also of results that the answer to the request gave already."),
    ] = None,
    write_offs: Annotated[
        bool | None, typer.Option("--write-offs/--no-write-offs", help="Also of debts that were written off.")
    ] = None,
    signature_method: Annotated[
        SignatureMethod | None,
        typer.Option(help="By which notifications and return URLs are signed. The protocol knows RSA-SHA1 alone."),
    ] = None,
    json: Json = False,
) -> None:
    """Set where and of what a seller is notified. Events that still wait for the old address go to the new one."""
    if url is not None and none:
        raise ProblemError("give a URL or --none, not both")
    if url is None and not none and all(wish is None for wish in (immediate, write_offs, signature_method)):
        raise ProblemError("give a URL, or --none for no notifications")
    if url is not None:
        check_url(url)
    method = None if signature_method is None else signature_method.value
    wishes = run(_set_url(account, url, immediate, write_offs, method, change=url is not None or none))
    if json:
        tell_json(
            {
                "notification_url": wishes.notification_url,
                "immediate": wishes.notify_immediate,
                "write_offs": wishes.notify_write_offs,
                "signature_method": wishes.signature_method,
            }
        )
    else:
        tell(f"Notifications go to {wishes.notification_url}." if wishes.notification_url else "No notifications.")


async def _set_url(
    account: str, url: str | None, immediate: bool | None, write_offs: bool | None, method: str | None, *, change: bool
) -> NotificationSettings:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        try:
            return await notification_settings.save(
                service,
                actor_of_process(),
                party.party_id,
                SANDBOX,
                url=url if change else KEEP,
                immediate=immediate,
                write_offs=write_offs,
                signature_method=method,
            )
        except NoBooksError:
            raise ProblemError(f"{party.email} has no sandbox") from None
        except UnusableAddressError as error:
            raise ProblemError(str(error)) from None


@app.command()
def listen(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on 127.0.0.1 to listen on.")] = DEFAULT_PORT,
    verify_with: Annotated[
        str | None,
        typer.Option(metavar="PUBLIC_URL", help="The service whose certificates count; else as the settings say."),
    ] = None,
    json: Json = False,
) -> None:
    """Receive notifications on this machine, check their signatures and print them, until Ctrl-C.

    The service sends to this machine only when TALLYSTICK_ALLOW_PRIVATE_NOTIFICATION_TARGETS is true. A message that is
    not genuine is refused with status 400.
    """
    if verify_with is not None:
        check_url(verify_with)
    run_until_stopped(listen_for(port, verify_with, json=json))


def check_url(url: str) -> None:
    """An absolute http or https address without credentials. Raises ProblemError."""
    try:
        address.check_form(url)
    except UnusableAddressError as error:
        raise ProblemError(str(error)) from None


def _as_json(entry: EventRecord) -> dict[str, object]:
    return {
        "event_id": entry.event_id,
        "kind": entry.kind,
        "subject_id": entry.subject_id,
        "status": entry.status,
        "state": entry.state,
        "destination": entry.destination,
        "occurred_at": entry.occurred_at,
        "due_at": entry.due_at if entry.state == notifications.WAITING else None,
        "attempts": entry.attempts,
        "delivered_at": entry.delivered_at,
        "last_error": entry.last_error,
    }


def _as_row(entry: EventRecord) -> dict[str, str]:
    return {
        "event": entry.event_id,
        "what": entry.status or entry.kind,
        "state": entry.state,
        "tries": str(entry.attempts),
        "next": f"{entry.due_at:%Y-%m-%d %H:%M:%S}" if entry.due_at and entry.state == notifications.WAITING else "",
        "destination": entry.destination or "",
        "last error": entry.last_error or "",
    }
