"""What is still missing at Stripe before money can move: the account, and the endpoint that its events go to.

Source: https://docs.stripe.com/api/accounts/object and https://docs.stripe.com/api/webhook_endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import stripe

from tallystick.processors.stripe.gateway import API_VERSION, Gateway, in_time

EVENTS: Final = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "refund.updated",
    "refund.failed",
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_method.automatically_updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "payout.paid",
    "payout.failed",
)
"""What the endpoint should be sent. A missed event is found by looking again, later."""

_ALL: Final = "*"
_MOST: Final = 100


async def missing(gateway: Gateway, events_url: str) -> list[str]:
    """What is missing, by name; empty: nothing. Raises StripeError, TimeoutError: Stripe did not say."""
    account = await in_time(gateway.api.accounts.retrieve_current_async())
    found = []
    if not account.details_submitted:
        found.append("Stripe still needs details of the account")
    if not account.charges_enabled:
        found.append("the account at Stripe may not charge yet")
    if not account.payouts_enabled:
        found.append("the account at Stripe may not pay out yet")
    page = await in_time(gateway.api.webhook_endpoints.list_async({"limit": _MOST}))
    return found + _of_endpoints([one async for one in page.auto_paging_iter()], events_url)


def _of_endpoints(endpoints: Iterable[stripe.WebhookEndpoint], events_url: str) -> list[str]:
    ours = [one for one in endpoints if one.url == events_url and one.status == "enabled"]
    if not ours:
        return [f"no enabled endpoint at Stripe sends events to {events_url}"]
    sent = {event for endpoint in ours for event in endpoint.enabled_events}
    lacking = [] if _ALL in sent else [event for event in EVENTS if event not in sent]
    found = [f"the endpoint at Stripe is not sent {', '.join(lacking)}"] if lacking else []
    if all(one.api_version != API_VERSION for one in ours):
        found.append(f"the endpoint at Stripe has another API version than {API_VERSION}")
    return found
