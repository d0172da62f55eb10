"""Where events are delivered to."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1.endpoint import Endpoint, Perform
from tallystick.web.v1.events import webhooks
from tallystick.web.v1.inputs import (
    LIMIT,
    JsonInput,
)


def _webhook(
    method: str,
    verb: str,
    name: str,
    summary: str,
    perform: Perform,
    answer: str = "WebhookEndpoint",
    inputs: tuple[JsonInput, ...] = (),
    codes: tuple[str, ...] = (),
) -> Endpoint:
    """Something about one webhook endpoint."""
    return Endpoint(
        method,
        f"/v1/webhook_endpoints/{{id}}{verb}",
        f"webhook_endpoints.{name}",
        summary,
        "none",
        KeyScope.READ if method == "GET" else KeyScope.WEBHOOKS,
        perform,
        answer,
        inputs,
        subject="the webhook endpoint",
        codes=("webhook_endpoint_not_found", *codes),
        is_list=name == "deliveries",
    )


ENDPOINTS: Final = (
    Endpoint(
        "POST",
        "/v1/webhook_endpoints",
        "webhook_endpoints.create",
        "Has events delivered to an address. The answer has the secret that signs them.",
        "none",
        KeyScope.WEBHOOKS,
        webhooks.create,
        "WebhookEndpoint",
        (webhooks.URL, webhooks.WANTED, webhooks.DESCRIPTION),
        codes=("address_not_usable", "too_many_webhook_endpoints", "idempotency_conflict", "idempotency_key_required"),
        takes_key=True,
        status=HTTPStatus.CREATED,
    ),
    Endpoint(
        "GET",
        "/v1/webhook_endpoints",
        "webhook_endpoints.list",
        "Every address that events are delivered to, the newest first.",
        "none",
        KeyScope.READ,
        webhooks.list_,
        "WebhookEndpoint",
        is_list=True,
    ),
    _webhook("GET", "", "get", "One webhook endpoint.", webhooks.get),
    _webhook(
        "PATCH",
        "",
        "change",
        "Another address, other events, enabled or not: what is not given stays.",
        webhooks.change,
        inputs=(webhooks.OTHER_URL, webhooks.WANTED, webhooks.ENABLED, webhooks.DESCRIPTION),
        codes=("address_not_usable",),
    ),
    _webhook("DELETE", "", "remove", "Forgets an endpoint with its secrets and its log.", webhooks.remove),
    _webhook(
        "POST",
        "/rotate",
        "rotate",
        "Gives it another secret, which the answer has. The one before signs for a while, too.",
        webhooks.rotate,
        inputs=(webhooks.OVERLAP,),
    ),
    _webhook(
        "POST",
        "/test",
        "test",
        "Sends something that is no event, signed like one, and tells what came of it.",
        webhooks.test,
        "WebhookTest",
    ),
    _webhook(
        "GET",
        "/deliveries",
        "deliveries",
        "What was or is to be delivered, the newest events first, page by page.",
        webhooks.deliveries,
        "WebhookDelivery",
        (webhooks.STATE, LIMIT, webhooks.CURSOR),
    ),
    _webhook(
        "POST",
        "/replay",
        "replay",
        "Delivers once more: one event or, without one, all that did not arrive.",
        webhooks.replay,
        "WebhookReplay",
        (webhooks.EVENT, webhooks.AFTER),
        ("event_not_found", "webhook_endpoint_disabled"),
    ),
)
