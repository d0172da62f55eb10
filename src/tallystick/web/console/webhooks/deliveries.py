"""One webhook endpoint: how it stands, what was or is to be delivered to it, a test, and events once more."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlencode

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT

from tallystick.notify.webhook_content import event_id_of
from tallystick.services.events import endpoints
from tallystick.services.events.endpoints import (
    DisabledEndpointError,
    NoEndpointError,
    WebhookDelivery,
    WebhookEndpoint,
)
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.console_context import ConsoleContext, for_staff
from tallystick.web.console.developer.keys import OVERLAPS, USUAL_OVERLAP
from tallystick.web.console.webhooks.endpoint_form import in_words

PATH: Final = "/console/{business:int}/{environment:str}/webhooks"
ONE: Final = f"{PATH}/{{endpoint_id:str}}"
LISTED: Final = 50

STATES: Final = {"waiting": ("Waiting", "warn"), "delivered": ("Delivered", "good"), "dead": ("Given up", "bad")}
"""The words and the tone of each state of a delivery."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)

_OF_TRANSACTIONS: Final = ("charge.", "top_up.", "settlement.", "write_off.", "refund.", "reservation.")
"""Types whose subject is a transaction with a page of its own."""


@get(ONE)
async def show_endpoint(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """An endpoint and its log. The address of the page holds what of the log is looked for."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        return await endpoint_page(console, found)

    return await for_endpoint(request, business, environment, endpoint_id, step, Permission.VIEW)


@post(f"{ONE}/test", status_code=HTTP_200_OK)
async def send_test_event(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """Post something that is no event, and show what came of it."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        trial = await endpoints.send_test(console.service, console.actor, found)
        return await endpoint_page(console, found, trial=trial)

    return await for_endpoint(request, business, environment, endpoint_id, step)


@post(f"{ONE}/replay", status_code=HTTP_200_OK)
async def replay_events(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """Deliver once more: the event whose number is in the form or, without one, all that did not arrive."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        event = (await form_of(request)).get("event", "")
        if event and not _NUMBER.fullmatch(event):
            raise NotFoundException
        sequence = int(event) if event else None
        try:
            count = await endpoints.replay(console.service, console.actor, found, sequence=sequence)
        except DisabledEndpointError:
            problem = "Nothing is delivered to it while it is disabled. Enable it first."
            return await endpoint_page(console, found, status=HTTP_409_CONFLICT, problem=problem)
        return go(f"{console.path('webhooks', endpoint_id)}?replayed={count}")

    return await for_endpoint(request, business, environment, endpoint_id, step)


async def for_endpoint(
    request: PageRequest,
    business: int,
    environment: str,
    endpoint_id: str,
    step: Callable[[ConsoleContext, WebhookEndpoint], Awaitable[Response[Any]]],
    needs: Permission = Permission.DEVELOP,
) -> Response[Any]:
    """Run `step` with an endpoint of this seller's in this environment; else 404, also where it goes meanwhile."""

    async def of_endpoint(console: ConsoleContext) -> Response[Any]:
        seller_id = console.business.party_id
        try:
            found = await endpoints.find(console.service, seller_id, console.environment, endpoint_id)
            return await step(console, found)
        except NoEndpointError:
            raise NotFoundException from None

    return await for_staff(request, business, environment, of_endpoint, needs)


async def endpoint_page(
    console: ConsoleContext,
    found: WebhookEndpoint,
    **more: Any,  # noqa: ANN401 - what came of it
) -> Response[Any]:
    """The page of an endpoint, with what has just been done there."""
    service, asked = console.service, console.request.query_params
    state = asked.get("state") if asked.get("state") in STATES else None
    before = int(asked["before"]) if _NUMBER.fullmatch(asked.get("before", "")) else None
    entries = await endpoints.delivery_log(service, found, LISTED + 1, state, before)
    shown = entries[:LISTED]
    chosen = {"state": state} if state else {}
    waiting, dead = await endpoints.unfinished(service, found)
    older = chosen | {"before": str(shown[-1].sequence)} if len(entries) > LISTED else None
    defaults: dict[str, Any] = {
        "entries": shown,
        "states": STATES,
        "state_choices": [("", "All"), *((name, words) for name, (words, _) in STATES.items())],
        "typed": {"state": state or ""},
        "waiting": waiting,
        "dead": dead,
        "newest": _address(console, found, chosen) if before is not None else "",
        "older": _address(console, found, older) if older else "",
        "replayed": int(asked["replayed"]) if _NUMBER.fullmatch(asked.get("replayed", "")) else None,
        "saved": "saved" in asked,
        "again": "again" in asked,
        "mark": endpoints.mark_of(service, found),
        "overlaps": [(value, words) for value, (_, words) in OVERLAPS.items()],
        "usual": USUAL_OVERLAP,
        "real_now": service.clock(),
        "events": in_words(found.types),
        "failure": await problem_of(console, found),
        "event_id": _event_id,
        "about": _about,
        "trial": None,
        "problem": "",
    }
    return console.page("console/webhooks/endpoint.html", endpoint=found, **(defaults | more))


async def problem_of(console: ConsoleContext, found: WebhookEndpoint) -> str | None:
    """Why nothing arrives at an endpoint, in words; None where all arrives, or the seller has disabled it."""
    if found.failing_since is None or (not found.enabled and found.disabled_because == endpoints.BY_SELLER):
        return None
    return await endpoints.last_problem(console.service, found)


def _address(console: ConsoleContext, found: WebhookEndpoint, query: dict[str, str]) -> str:
    path = console.path("webhooks", found.endpoint_id)
    return f"{path}?{urlencode(query)}" if query else path


def _event_id(entry: WebhookDelivery) -> str:
    return event_id_of(entry.book_id, entry.sequence)


def _about(console: ConsoleContext, entry: WebhookDelivery) -> str:
    """The address of the page about what an event is of; empty where there is none for sure."""
    is_transaction = entry.type is not None and entry.type.startswith(_OF_TRANSACTIONS)
    return console.path("transactions", entry.subject_id) if is_transaction else ""


delivery_routes = [show_endpoint, send_test_event, replay_events]
