"""The table of all endpoints of /v1. Routing, reading, documents and tests loop over it."""

from __future__ import annotations

from typing import Final

from tallystick.web.v1.resources import (
    account,
    all_transactions,
    authorizations,
    charges,
    disputes,
    events,
    keys,
    payouts,
    refunds,
    reservations,
    sandbox,
    statements,
    tabs,
    top_ups,
    webhook_endpoints,
)

ENDPOINTS: Final = (
    *charges.ENDPOINTS,
    *reservations.ENDPOINTS,
    *top_ups.ENDPOINTS,
    *tabs.ENDPOINTS,
    *refunds.ENDPOINTS,
    *payouts.ENDPOINTS,
    *disputes.ENDPOINTS,
    *all_transactions.ENDPOINTS,
    *authorizations.ENDPOINTS,
    *statements.ENDPOINTS,
    *sandbox.ENDPOINTS,
    *account.ENDPOINTS,
    *events.ENDPOINTS,
    *webhook_endpoints.ENDPOINTS,
    *keys.ENDPOINTS,
)
"""In the order in which the reference has them."""

ANY: Final = (
    "invalid_request",
    "unknown_field",
    "unknown_version",
    "key_missing",
    "unknown_key",
    "key_not_for_this",
    "account_closed",
    "too_many_requests",
    "internal_error",
    "service_unavailable",
)
"""Problems that every endpoint can have."""

OF_BODIES: Final = ("body_too_large", "unsupported_media_type")
"""Problems of whatever takes a body."""
