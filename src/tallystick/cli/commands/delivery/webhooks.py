"""`tallystick webhooks …`: where a seller's events are delivered to, and what did not arrive there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.commands.splitting import Environment
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
from tallystick.domain.ids import PartyId
from tallystick.domain.texts import counted
from tallystick.services.context import Service
from tallystick.services.events import endpoints, log
from tallystick.services.events.endpoints import (
    DisabledEndpointError,
    EndpointWish,
    NewEndpoint,
    NoEndpointError,
    TooManyEndpointsError,
    Trial,
    UnusableAddressError,
    WebhookDelivery,
    WebhookEndpoint,
)
from tallystick.services.events.log import EventGap

app = typer.Typer(no_args_is_help=True, help="Where events are delivered to: endpoints, secrets, logs, replays.")

LONGEST_OVERLAP_HOURS = 720


Where = Annotated[Environment, typer.Option("--environment", help="Events of the sandbox, or of real money.")]
EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's id, as `webhooks list` has it.")]
T = TypeVar("T")


@app.command("list")
def list_(account: Account, environment: Where = Environment.sandbox, json: Json = False) -> None:
    """List the endpoints of a seller, without their secrets."""
    found = run(_with_seller(account, lambda service, seller: endpoints.list_(service, seller, environment.value)))
    if json:
        tell_json([_as_json(one) for one in found])
        return
    tell_table([_as_row(one) for one in found], "There are no endpoints.")


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted to.")],
    account: Account,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only these events; can be given several times. docs/events.md"),
    ] = None,
    description: Annotated[str | None, typer.Option(help="A note.")] = None,
    environment: Where = Environment.sandbox,
    json: Json = False,
) -> None:
    """Have events delivered to an address. The secret that signs them is shown now and never again."""
    try:
        wish = EndpointWish(url, endpoints.read_types(types or ()), description)
    except ValueError as problem:
        raise ProblemError(str(problem)) from None

    async def work(service: Service, seller: PartyId) -> NewEndpoint:
        return await endpoints.create(service, actor_of_process(), seller, environment.value, wish)

    _tell_secret(run(_with_seller(account, work)), json=json)


@app.command()
def remove(
    endpoint: EndpointId, account: Account, environment: Where = Environment.sandbox, json: Json = False
) -> None:
    """Forget an endpoint with its secrets and its log."""
    found = run(_with_endpoint(account, environment, endpoint, _remove))
    _tell_done(found, f"Nothing goes to {found.url} any more.", json=json)


async def _remove(service: Service, found: WebhookEndpoint) -> WebhookEndpoint:
    await endpoints.remove(service, actor_of_process(), found)
    return found


@app.command()
def enable(
    endpoint: EndpointId,
    account: Account,
    off: Annotated[bool, typer.Option("--off", help="Deliver nothing to it any more.")] = False,
    environment: Where = Environment.sandbox,
    json: Json = False,
) -> None:
    """Deliver to an endpoint again that was disabled. What it missed is delivered by `webhooks replay`."""

    async def work(service: Service, found: WebhookEndpoint) -> WebhookEndpoint:
        wish = EndpointWish(found.url, found.types, found.description)
        return await endpoints.change(service, actor_of_process(), found, wish, enabled=not off)

    changed = run(_with_endpoint(account, environment, endpoint, work))
    _tell_done(changed, f"{changed.url} is {'enabled' if changed.enabled else 'disabled'}.", json=json)


@app.command()
def rotate(
    endpoint: EndpointId,
    account: Account,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=LONGEST_OVERLAP_HOURS, help="How long the old secret signs, too.")
    ] = 24,
    environment: Where = Environment.sandbox,
    json: Json = False,
) -> None:
    """Give an endpoint another secret, which is shown now and never again."""

    async def work(service: Service, found: WebhookEndpoint) -> NewEndpoint:
        return await endpoints.rotate(service, actor_of_process(), found, timedelta(hours=overlap_hours))

    _tell_secret(run(_with_endpoint(account, environment, endpoint, work)), json=json)


@app.command("test")
def try_out(
    endpoint: EndpointId, account: Account, environment: Where = Environment.sandbox, json: Json = False
) -> None:
    """Send an endpoint something that is no event, signed like one, and tell what came of it."""

    async def work(service: Service, found: WebhookEndpoint) -> Trial:
        return await endpoints.send_test(service, actor_of_process(), found)

    trial = run(_with_endpoint(account, environment, endpoint, work))
    if json:
        tell_json({"arrived": trial.arrived, "http_status": trial.status, "problem": trial.problem})
    else:
        tell(f"The receiver answered {trial.status}." if trial.status else f"It did not arrive: {trial.problem}.")


@app.command()
def replay(
    endpoint: EndpointId,
    account: Account,
    sequence: Annotated[int | None, typer.Option("--event", min=1, help="Only the event of this number.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only events with higher numbers than this one.")] = 0,
    environment: Where = Environment.sandbox,
    json: Json = False,
) -> None:
    """Deliver once more what did not arrive at an endpoint, or one event also where it did."""

    async def work(service: Service, found: WebhookEndpoint) -> int:
        return await endpoints.replay(service, actor_of_process(), found, sequence=sequence, after=after)

    count = run(_with_endpoint(account, environment, endpoint, work))
    if json:
        tell_json({"events": count})
    else:
        tell(f"{counted(count, 'event is', 'events are')} delivered once more.")


@app.command("log")
def log_(
    endpoint: EndpointId,
    account: Account,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    environment: Where = Environment.sandbox,
    json: Json = False,
) -> None:
    """List what was or is to be delivered to an endpoint, the newest events first."""

    async def work(service: Service, found: WebhookEndpoint) -> list[WebhookDelivery]:
        return await endpoints.delivery_log(service, found, limit)

    rows = run(_with_endpoint(account, environment, endpoint, work))
    if json:
        tell_json([_delivery(row) for row in rows])
        return
    tell_table([{name: str(value or "") for name, value in _delivery(row).items()} for row in rows], "Nothing yet.")


@app.command()
def check(json: Json = False) -> None:
    """Look whether any number is missing among the events that are kept; exit status 1 when one is."""
    gaps = run(_gaps())
    if json:
        tell_json([{"book": gap.book_id, "first": gap.first, "last": gap.last, "kept": gap.kept} for gap in gaps])
    elif not gaps:
        tell("No number is missing.")
    for gap in () if json else gaps:
        tell(f"Book {gap.book_id}: {gap.kept} events are kept of the numbers {gap.first} to {gap.last}.")
    if gaps:
        raise typer.Exit(1)


async def _gaps() -> list[EventGap]:
    async with service_of_process() as service:
        return await log.gaps(service)


async def _with_seller(account: str, work: Callable[[Service, PartyId], Awaitable[T]]) -> T:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        try:
            return await work(service, party.party_id)
        except NoEndpointError:
            raise ProblemError("there is no such endpoint, or no books in this environment") from None
        except DisabledEndpointError:
            raise ProblemError("the endpoint is disabled; run: tallystick webhooks enable") from None
        except TooManyEndpointsError:
            raise ProblemError(f"a seller has at most {endpoints.MAX_ENDPOINTS} endpoints") from None
        except UnusableAddressError as problem:
            raise ProblemError(str(problem)) from None


async def _with_endpoint(
    account: str, environment: Environment, endpoint_id: str, work: Callable[[Service, WebhookEndpoint], Awaitable[T]]
) -> T:
    async def found(service: Service, seller: PartyId) -> T:
        one = await endpoints.find(service, seller, environment.value, endpoint_id)
        return await work(service, one)

    return await _with_seller(account, found)


def _tell_secret(made: NewEndpoint, *, json: bool) -> None:
    if json:
        tell_json(_as_json(made.endpoint) | {"secret": made.secret})
        return
    tell(f"Endpoint: {made.endpoint.endpoint_id}")
    tell(f"Secret:   {made.secret}")
    tell("Keep the secret: it is not shown again.")


def _tell_done(found: WebhookEndpoint, said: str, *, json: bool) -> None:
    if json:
        tell_json(_as_json(found))
    else:
        tell(said)


def _as_json(found: WebhookEndpoint) -> dict[str, object]:
    return {
        "id": found.endpoint_id,
        "environment": found.environment,
        "url": found.url,
        "types": [*found.types],
        "description": found.description,
        "enabled": found.enabled,
        "disabled_because": found.disabled_because,
        "previous_secret_until": found.previous_until,
        "failing_since": found.failing_since,
        "last_delivered_at": found.delivered_at,
    }


def _as_row(found: WebhookEndpoint) -> dict[str, str]:
    return {
        "endpoint": found.endpoint_id,
        "url": found.url,
        "events": ", ".join(found.types) or "all but charges",
        "state": "enabled" if found.enabled else f"disabled by {found.disabled_because}",
        "last arrived": "" if found.delivered_at is None else f"{found.delivered_at:%Y-%m-%d %H:%M}",
    }


def _delivery(row: WebhookDelivery) -> dict[str, object]:
    return {
        "number": row.sequence,
        "event": row.type,
        "state": row.state,
        "tries": row.attempts,
        "status": row.last_status,
        "delivered_at": row.delivered_at,
        "problem": row.last_error,
    }
