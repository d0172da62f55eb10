"""Webhook endpoints in /v1: made, looked at, changed, removed; their secrets, a test, what was delivered, once more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.messages.events import TYPES
from tallystick.domain.refusals import Refusal, Refused
from tallystick.notify.webhook_content import event_id_of
from tallystick.services.api.common_fields import OPTIONAL, REQUIRED
from tallystick.services.api.fields import Field
from tallystick.services.events import endpoints, log
from tallystick.services.events.endpoints import (
    DisabledEndpointError,
    EndpointConflictError,
    EndpointWish,
    NoEndpointError,
    TooManyEndpointsError,
    UnusableAddressError,
)
from tallystick.services.events.objects import moment
from tallystick.services.operations.audit import Actor
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.events.events import number_in
from tallystick.web.v1.inputs import USUAL_LIMIT, JsonInput
from tallystick.web.v1.problems import JsonProblemError, RefusedProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallystick.services.events.endpoints import NewEndpoint, WebhookDelivery, WebhookEndpoint
    from tallystick.web.v1.endpoint import Asked

EVERY: Final = "*"
"""Instead of types: every event but charges that are answered at once."""

STATES: Final = {"waiting": "waiting", "delivered": "delivered", "dead": "failed"}

URL: Final = JsonInput(
    Field("url", "string(url)", REQUIRED, "Where events are posted to.", max_length=2048), "https://shop.example/events"
)
OTHER_URL: Final = JsonInput(
    Field("url", "string(url)", OPTIONAL, "Where events are posted to from now on.", max_length=2048),
    "https://shop.example/events",
)
WANTED: Final = JsonInput(
    Field(
        "types",
        "string",
        OPTIONAL,
        "Which events; `*`, or nothing when it is made: every one but charges that are answered at once.",
        choices=(EVERY, *TYPES),
    ),
    ["top_up.succeeded", "top_up.failed"],
    many=True,
    most=len(TYPES),
)
DESCRIPTION: Final = JsonInput(
    Field("description", "string", OPTIONAL, "A note.", max_length=endpoints.MAX_DESCRIPTION), "Ledger of the shop"
)
ENABLED: Final = JsonInput(
    Field("enabled", "boolean", OPTIONAL, "Whether events are delivered to it from now on."),
    True,
)
OVERLAP: Final = JsonInput(
    Field(
        "overlap_hours",
        "integer",
        OPTIONAL,
        "How long the old secret signs, too.",
        minimum=0,
        maximum=endpoints.LONGEST_OVERLAP // timedelta(hours=1),
        default=str(endpoints.DEFAULT_OVERLAP // timedelta(hours=1)),
    ),
    24,
)
EVENT: Final = JsonInput(
    Field("event", "string", OPTIONAL, "Only this one, also where it has arrived.", max_length=64),
    "evt_3f2a91c07b5d_42",
)
AFTER: Final = JsonInput(
    Field("after", "string", OPTIONAL, "Only events with higher numbers than this one.", max_length=18), "17"
)
STATE: Final = JsonInput(
    Field("status", "string", OPTIONAL, "Only those that have come to this.", choices=tuple(STATES.values())), "failed"
)
CURSOR: Final = JsonInput(Field("cursor", "string", OPTIONAL, "`next_cursor` of the page before.", max_length=18), "42")


def _actor(asked: Asked) -> Actor:
    """The audit log names the key."""
    return Actor.command(f"key {asked.key.access_key_id}")


async def create(asked: Asked) -> Reply:
    """Make an endpoint; the answer has its secret. Raises ProblemError."""
    given = asked.given
    wish = EndpointWish(given["url"], _types(given.lists.get("types", ())), given.get("description"))
    try:
        made = await endpoints.create(
            asked.service, _actor(asked), asked.key.party_id, asked.key.environment, wish, asked.idempotency_key
        )
    except UnusableAddressError as problem:
        raise _unusable(problem) from None
    except TooManyEndpointsError:
        message = f"An account has at most {endpoints.MAX_ENDPOINTS} endpoints. Remove one first."
        raise JsonProblemError("too_many_webhook_endpoints", message) from None
    except EndpointConflictError:
        message = "This Idempotency-Key was used for an endpoint with other values."
        raise RefusedProblemError(Refused(Refusal.DuplicateRequest, message)) from None
    return Reply(_with_secret(made), replayed=not made.is_new)


async def get(asked: Asked) -> Reply:
    """One endpoint. Raises ProblemError."""
    return Reply(endpoint_object(await _find(asked)))


async def list_(asked: Asked) -> Reply:
    """All endpoints: one page."""
    found = await endpoints.list_(asked.service, asked.key.party_id, asked.key.environment)
    data = [endpoint_object(one) for one in reversed(found)]
    return Reply({"object": "list", "data": data, "next_cursor": None})


async def change(asked: Asked) -> Reply:
    """Other values for an endpoint; what is not given stays. Raises ProblemError."""
    found, given = await _find(asked), asked.given
    wish = EndpointWish(
        given.get("url", found.url),
        _types(given.lists["types"]) if "types" in given.lists else found.types,
        given.get("description", found.description),
    )
    enabled = None if "enabled" not in given else given["enabled"] == "true"
    try:
        changed = await endpoints.change(asked.service, _actor(asked), found, wish, enabled=enabled)
    except UnusableAddressError as problem:
        raise _unusable(problem) from None
    except NoEndpointError:
        raise _not_found() from None
    return Reply(endpoint_object(changed))


async def remove(asked: Asked) -> Reply:
    """Forget an endpoint with its secrets and its log: the answer is what it was. Raises ProblemError."""
    found = await _find(asked)
    await endpoints.remove(asked.service, _actor(asked), found)
    return Reply(endpoint_object(found))


async def rotate(asked: Asked) -> Reply:
    """Another secret, which the answer has. Raises ProblemError."""
    found = await _find(asked)
    hours = asked.given.get("overlap_hours")
    overlap = endpoints.DEFAULT_OVERLAP if hours is None else timedelta(hours=int(hours))
    try:
        made = await endpoints.rotate(asked.service, _actor(asked), found, overlap)
    except NoEndpointError:
        raise _not_found() from None
    return Reply(_with_secret(made))


async def test(asked: Asked) -> Reply:
    """Send something that is no event, and tell what came of it. Raises ProblemError."""
    trial = await endpoints.send_test(asked.service, _actor(asked), await _find(asked))
    return Reply(
        {
            "object": "webhook_test",
            "arrived": trial.arrived,
            "http_status": trial.status,
            "problem": trial.problem,
            "milliseconds": trial.milliseconds,
        }
    )


async def deliveries(asked: Asked) -> Reply:
    """What was or is to be delivered, the newest events first. Raises ProblemError."""
    found, given = await _find(asked), asked.given
    limit = int(given.get("limit", USUAL_LIMIT))
    state = next((state for state, name in STATES.items() if name == given.get("status")), None)
    rows = await endpoints.delivery_log(asked.service, found, limit + 1, state, number_in(given, "cursor"))
    shown = rows[:limit]
    cursor = str(shown[-1].sequence) if len(rows) > limit else None
    return Reply({"object": "list", "data": [_delivery_object(row) for row in shown], "next_cursor": cursor})


async def replay(asked: Asked) -> Reply:
    """Deliver once more: one event, or all that did not arrive. Raises ProblemError."""
    found, given = await _find(asked), asked.given
    after = number_in(given, "after") or 0
    sequence = None
    if "event" in given:
        event = await log.find(asked.books, given["event"])
        if event is None:
            message = "There is no such event of this account, or it is kept no longer."
            raise JsonProblemError("event_not_found", message, field="event")
        sequence = event.sequence
    try:
        count = await endpoints.replay(asked.service, _actor(asked), found, sequence=sequence, after=after)
    except DisabledEndpointError:
        message = "The endpoint is disabled. Enable it first."
        raise JsonProblemError("webhook_endpoint_disabled", message) from None
    return Reply({"object": "webhook_replay", "events": count})


def endpoint_object(found: WebhookEndpoint, secret: str | None = None) -> Mapping[str, Any]:
    """An endpoint. `secret`: only where it was made just now."""
    return {
        "object": "webhook_endpoint",
        "id": found.endpoint_id,
        "environment": found.environment,
        "url": found.url,
        "types": list(found.types) or [EVERY],
        "description": found.description,
        "enabled": found.enabled,
        "disabled_because": found.disabled_because,
        "secret": secret,
        "previous_secret_until": moment(found.previous_until),
        "created_at": moment(found.created_at),
        "failing_since": moment(found.failing_since),
        "last_delivered_at": moment(found.delivered_at),
    }


def _with_secret(made: NewEndpoint) -> Mapping[str, Any]:
    return endpoint_object(made.endpoint, made.secret)


def _delivery_object(row: WebhookDelivery) -> Mapping[str, Any]:
    waiting = row.state == "waiting"
    return {
        "object": "webhook_delivery",
        "event": event_id_of(row.book_id, row.sequence),
        "sequence": row.sequence,
        "type": row.type,
        "status": STATES[row.state],
        "attempts": row.attempts,
        "http_status": row.last_status,
        "problem": row.last_error,
        "next_try_at": moment(row.due_at) if waiting else None,
        "delivered_at": moment(row.delivered_at),
    }


async def _find(asked: Asked) -> WebhookEndpoint:
    try:
        return await endpoints.find(asked.service, asked.key.party_id, asked.key.environment, asked.subject)
    except NoEndpointError:
        raise _not_found() from None


def _types(names: Sequence[str]) -> Sequence[str]:
    return () if EVERY in names else endpoints.read_types(names)


def _not_found() -> JsonProblemError:
    return JsonProblemError("webhook_endpoint_not_found", "There is no such webhook endpoint of this account.")


def _unusable(problem: UnusableAddressError) -> JsonProblemError:
    return JsonProblemError("address_not_usable", f"{str(problem)[:1].upper()}{str(problem)[1:]}.", field="url")
