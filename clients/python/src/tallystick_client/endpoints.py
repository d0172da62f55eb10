"""Every endpoint, as a table. Made by `python -m tools.clients` from /v1/openapi.json: not changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick_client.endpoint import Endpoint, Input

API_VERSION: Final = "2026-12-01"
"""Of the interface: what this library was made for."""

CHARGES_CREATE: Final = Endpoint(
    "charges.create",
    "POST",
    "/v1/charges",
    "Charge",
    inputs=(
        Input("authorization", required=True),
        Input("amount", type="decimal", required=True),
        Input("currency", choices=("USD",)),
        Input("description"),
        Input("note"),
        Input("notification_url"),
        Input("timeout_minutes", type="integer"),
    ),
    takes_key=True,
)
CHARGES_LIST: Final = Endpoint(
    "charges.list",
    "GET",
    "/v1/charges",
    "Charge",
    inputs=(
        Input("authorization"),
        Input("status", choices=("succeeded", "pending", "failed", "reserved", "cancelled")),
        Input("created_after", type="date-time"),
        Input("created_before", type="date-time"),
        Input("amount_min", type="decimal"),
        Input("amount_max", type="decimal"),
        Input("limit", type="integer"),
        Input("cursor"),
        Input("expand", type="array"),
    ),
    is_list=True,
)
CHARGES_GET: Final = Endpoint(
    "charges.get",
    "GET",
    "/v1/charges/{id}",
    "Charge",
    inputs=(Input("expand", type="array"),),
)
CHARGES_BATCH: Final = Endpoint(
    "charges.batch",
    "POST",
    "/v1/charges/batch",
    "Batch",
    inputs=(Input("charges", type="array", required=True),),
    keys_inside=True,
)
CHARGES_REFUND: Final = Endpoint(
    "charges.refund",
    "POST",
    "/v1/charges/{id}/refund",
    "Refund",
    inputs=(
        Input("amount", type="decimal"),
        Input("currency", choices=("USD",)),
        Input("note"),
        Input("notification_url"),
    ),
    takes_key=True,
)
RESERVATIONS_CREATE: Final = Endpoint(
    "reservations.create",
    "POST",
    "/v1/reservations",
    "Reservation",
    inputs=(
        Input("authorization", required=True),
        Input("amount", type="decimal", required=True),
        Input("currency", choices=("USD",)),
        Input("description"),
        Input("note"),
        Input("notification_url"),
        Input("timeout_minutes", type="integer"),
    ),
    takes_key=True,
)
RESERVATIONS_LIST: Final = Endpoint(
    "reservations.list",
    "GET",
    "/v1/reservations",
    "Reservation",
    inputs=(
        Input("authorization"),
        Input("status", choices=("succeeded", "pending", "failed", "reserved", "cancelled")),
        Input("created_after", type="date-time"),
        Input("created_before", type="date-time"),
        Input("amount_min", type="decimal"),
        Input("amount_max", type="decimal"),
        Input("limit", type="integer"),
        Input("cursor"),
        Input("expand", type="array"),
    ),
    is_list=True,
)
RESERVATIONS_GET: Final = Endpoint(
    "reservations.get",
    "GET",
    "/v1/reservations/{id}",
    "Reservation",
    inputs=(Input("expand", type="array"),),
)
RESERVATIONS_CAPTURE: Final = Endpoint(
    "reservations.capture",
    "POST",
    "/v1/reservations/{id}/capture",
    "Reservation",
    inputs=(
        Input("amount", type="decimal"),
        Input("currency", choices=("USD",)),
        Input("notification_url"),
    ),
)
RESERVATIONS_RELEASE: Final = Endpoint(
    "reservations.release",
    "POST",
    "/v1/reservations/{id}/release",
    "Reservation",
    inputs=(
        Input("note"),
        Input("notification_url"),
    ),
)
TOP_UPS_CREATE: Final = Endpoint(
    "top_ups.create",
    "POST",
    "/v1/top_ups",
    "TopUp",
    inputs=(
        Input("authorization", required=True),
        Input("amount", type="decimal", required=True),
        Input("currency", choices=("USD",)),
        Input("description"),
        Input("note"),
        Input("notification_url"),
        Input("timeout_minutes", type="integer"),
    ),
    takes_key=True,
)
TOP_UPS_LIST: Final = Endpoint(
    "top_ups.list",
    "GET",
    "/v1/top_ups",
    "TopUp",
    inputs=(
        Input("authorization"),
        Input("status", choices=("succeeded", "pending", "failed", "reserved", "cancelled")),
        Input("created_after", type="date-time"),
        Input("created_before", type="date-time"),
        Input("amount_min", type="decimal"),
        Input("amount_max", type="decimal"),
        Input("limit", type="integer"),
        Input("cursor"),
        Input("expand", type="array"),
    ),
    is_list=True,
)
TOP_UPS_REFUND: Final = Endpoint(
    "top_ups.refund",
    "POST",
    "/v1/top_ups/{id}/refund",
    "Refund",
    inputs=(
        Input("amount", type="decimal"),
        Input("currency", choices=("USD",)),
        Input("note"),
        Input("notification_url"),
    ),
    takes_key=True,
)
TOP_UPS_GET: Final = Endpoint(
    "top_ups.get",
    "GET",
    "/v1/top_ups/{id}",
    "TopUp",
    inputs=(Input("expand", type="array"),),
)
SETTLEMENTS_CREATE: Final = Endpoint(
    "settlements.create",
    "POST",
    "/v1/settlements",
    "Settlement",
    inputs=(
        Input("authorization", required=True),
        Input("amount", type="decimal", required=True),
        Input("currency", choices=("USD",)),
        Input("description"),
        Input("note"),
        Input("notification_url"),
        Input("timeout_minutes", type="integer"),
    ),
    takes_key=True,
)
SETTLEMENTS_LIST: Final = Endpoint(
    "settlements.list",
    "GET",
    "/v1/settlements",
    "Settlement",
    inputs=(
        Input("authorization"),
        Input("status", choices=("succeeded", "pending", "failed", "reserved", "cancelled")),
        Input("created_after", type="date-time"),
        Input("created_before", type="date-time"),
        Input("amount_min", type="decimal"),
        Input("amount_max", type="decimal"),
        Input("limit", type="integer"),
        Input("cursor"),
        Input("expand", type="array"),
    ),
    is_list=True,
)
SETTLEMENTS_GET: Final = Endpoint(
    "settlements.get",
    "GET",
    "/v1/settlements/{id}",
    "Settlement",
    inputs=(Input("expand", type="array"),),
)
WRITE_OFFS_CREATE: Final = Endpoint(
    "write_offs.create",
    "POST",
    "/v1/write_offs",
    "WriteOff",
    inputs=(
        Input("authorization", required=True),
        Input("amount", type="decimal", required=True),
        Input("currency", choices=("USD",)),
        Input("note"),
    ),
    takes_key=True,
)
WRITE_OFFS_LIST: Final = Endpoint(
    "write_offs.list",
    "GET",
    "/v1/write_offs",
    "WriteOff",
    inputs=(
        Input("authorization"),
        Input("status", choices=("succeeded", "pending", "failed", "reserved", "cancelled")),
        Input("created_after", type="date-time"),
        Input("created_before", type="date-time"),
        Input("amount_min", type="decimal"),
        Input("amount_max", type="decimal"),
        Input("limit", type="integer"),
        Input("cursor"),
        Input("expand", type="array"),
    ),
    is_list=True,
)
WRITE_OFFS_GET: Final = Endpoint(
    "write_offs.get",
    "GET",
    "/v1/write_offs/{id}",
    "WriteOff",
    inputs=(Input("expand", type="array"),),
)
REFUNDS_CREATE: Final = Endpoint(
    "refunds.create",
    "POST",
    "/v1/refunds",
    "Refund",
    inputs=(
        Input("transaction", required=True),
        Input("amount", type="decimal"),
        Input("currency", choices=("USD",)),
        Input("note"),
        Input("notification_url"),
    ),
    takes_key=True,
)
REFUNDS_LIST: Final = Endpoint(
    "refunds.list",
    "GET",
    "/v1/refunds",
    "Refund",
    inputs=(
        Input("authorization"),
        Input("status", choices=("succeeded", "pending", "failed", "reserved", "cancelled")),
        Input("created_after", type="date-time"),
        Input("created_before", type="date-time"),
        Input("amount_min", type="decimal"),
        Input("amount_max", type="decimal"),
        Input("limit", type="integer"),
        Input("cursor"),
        Input("expand", type="array"),
    ),
    is_list=True,
)
REFUNDS_GET: Final = Endpoint(
    "refunds.get",
    "GET",
    "/v1/refunds/{id}",
    "Refund",
    inputs=(Input("expand", type="array"),),
)
PAYOUTS_CREATE: Final = Endpoint(
    "payouts.create",
    "POST",
    "/v1/payouts",
    "Payout",
    inputs=(
        Input("amount", type="decimal"),
        Input("currency", choices=("USD",)),
        Input("note"),
    ),
    takes_key=True,
)
PAYOUTS_LIST: Final = Endpoint(
    "payouts.list",
    "GET",
    "/v1/payouts",
    "Payout",
    inputs=(
        Input("authorization"),
        Input("status", choices=("succeeded", "pending", "failed", "reserved", "cancelled")),
        Input("created_after", type="date-time"),
        Input("created_before", type="date-time"),
        Input("amount_min", type="decimal"),
        Input("amount_max", type="decimal"),
        Input("limit", type="integer"),
        Input("cursor"),
    ),
    is_list=True,
)
PAYOUTS_GET: Final = Endpoint(
    "payouts.get",
    "GET",
    "/v1/payouts/{id}",
    "Payout",
)
DISPUTES_GET: Final = Endpoint(
    "disputes.get",
    "GET",
    "/v1/disputes/{id}",
    "Dispute",
)
DISPUTES_LIST: Final = Endpoint(
    "disputes.list",
    "GET",
    "/v1/disputes",
    "Dispute",
    inputs=(
        Input("status", choices=("opened", "evidence_due", "won", "lost")),
        Input("limit", type="integer"),
        Input("cursor"),
    ),
    is_list=True,
)
DISPUTES_EVIDENCE: Final = Endpoint(
    "disputes.evidence",
    "GET",
    "/v1/disputes/{id}/evidence",
    "",
    body_type="application/pdf",
)
TRANSACTIONS_GET: Final = Endpoint(
    "transactions.get",
    "GET",
    "/v1/transactions/{id}",
    "Transaction",
    inputs=(Input("expand", type="array"),),
)
TRANSACTIONS_LIST: Final = Endpoint(
    "transactions.list",
    "GET",
    "/v1/transactions",
    "Transaction",
    inputs=(
        Input(
            "type",
            choices=(
                "charge",
                "top_up",
                "settlement",
                "write_off",
                "refund",
                "reservation",
                "capture",
                "dispute",
                "refund_reversal",
                "payout",
                "payout_return",
            ),
        ),
        Input("authorization"),
        Input("status", choices=("succeeded", "pending", "failed", "reserved", "cancelled")),
        Input("created_after", type="date-time"),
        Input("created_before", type="date-time"),
        Input("amount_min", type="decimal"),
        Input("amount_max", type="decimal"),
        Input("limit", type="integer"),
        Input("cursor"),
        Input("expand", type="array"),
    ),
    is_list=True,
)
AUTHORIZATIONS_CREATE: Final = Endpoint(
    "authorizations.create",
    "POST",
    "/v1/authorizations",
    "Authorization",
    inputs=(
        Input("kind", required=True, choices=("prepaid", "postpaid", "payment")),
        Input("use", choices=("single", "multiple", "recurring")),
        Input("limit", type="decimal"),
        Input("total_limit", type="decimal"),
        Input("limits", type="array"),
        Input("amount", type="decimal"),
        Input("amount_rule", choices=("exact", "maximum", "minimum")),
        Input("period"),
        Input("for_reservation", type="boolean"),
        Input("payment_methods", type="array"),
        Input("currency", choices=("USD",)),
        Input("description"),
        Input("return_url", required=True),
        Input("starts_at", type="date-time"),
        Input("expires_at", type="date-time"),
    ),
    takes_key=True,
)
AUTHORIZATIONS_LIST: Final = Endpoint(
    "authorizations.list",
    "GET",
    "/v1/authorizations",
    "Authorization",
    inputs=(
        Input("kind", choices=("prepaid", "postpaid")),
        Input("status", choices=("not_yet_active", "active", "expired", "cancelled")),
        Input("buyer"),
        Input("created_after", type="date-time"),
        Input("created_before", type="date-time"),
        Input("limit", type="integer"),
        Input("cursor"),
    ),
    is_list=True,
)
AUTHORIZATIONS_GET: Final = Endpoint(
    "authorizations.get",
    "GET",
    "/v1/authorizations/{id}",
    "Authorization",
)
AUTHORIZATIONS_CANCEL: Final = Endpoint(
    "authorizations.cancel",
    "POST",
    "/v1/authorizations/{id}/cancel",
    "Authorization",
    inputs=(Input("notification_url"),),
)
STATEMENTS_GET: Final = Endpoint(
    "statements.get",
    "GET",
    "/v1/statements/{id}",
    "Statement",
    inputs=(Input("expand", type="array"),),
)
STATEMENTS_LIST: Final = Endpoint(
    "statements.list",
    "GET",
    "/v1/statements",
    "StatementMonth",
    inputs=(
        Input("authorization"),
        Input("month"),
        Input("limit", type="integer"),
        Input("cursor"),
    ),
    is_list=True,
)
SANDBOX_CLOCK: Final = Endpoint(
    "sandbox.clock",
    "GET",
    "/v1/sandbox/clock",
    "Clock",
)
SANDBOX_FORWARD_CLOCK: Final = Endpoint(
    "sandbox.forward_clock",
    "POST",
    "/v1/sandbox/clock",
    "Clock",
    inputs=(Input("by", required=True),),
)
SANDBOX_AUTHORIZE: Final = Endpoint(
    "sandbox.authorize",
    "POST",
    "/v1/sandbox/authorize",
    "Authorization",
    inputs=(
        Input("authorization", required=True),
        Input("buyer", required=True),
        Input("method", choices=("card", "bank_account", "account_balance")),
        Input("number"),
    ),
)
SANDBOX_FAULTS: Final = Endpoint(
    "sandbox.faults",
    "GET",
    "/v1/sandbox/faults",
    "Fault",
    is_list=True,
)
SANDBOX_ORDER_FAULT: Final = Endpoint(
    "sandbox.order_fault",
    "POST",
    "/v1/sandbox/faults",
    "Fault",
    inputs=(
        Input("operation", required=True, choices=("charge", "reservation", "refund")),
        Input("outcome", required=True, choices=("temporary_decline", "denied", "hold")),
    ),
)
SANDBOX_RELEASE_FAULT: Final = Endpoint(
    "sandbox.release_fault",
    "POST",
    "/v1/sandbox/faults/{id}/release",
    "Fault",
    inputs=(Input("outcome", choices=("pay", "temporary_decline", "denied")),),
)
SANDBOX_TAKE_BACK_FAULT: Final = Endpoint(
    "sandbox.take_back_fault",
    "DELETE",
    "/v1/sandbox/faults/{id}",
    "Fault",
)
ACCOUNT_GET: Final = Endpoint(
    "account.get",
    "GET",
    "/v1/account",
    "Account",
)
EVENTS_GET: Final = Endpoint(
    "events.get",
    "GET",
    "/v1/events/{id}",
    "Event",
)
EVENTS_LIST: Final = Endpoint(
    "events.list",
    "GET",
    "/v1/events",
    "Event",
    inputs=(
        Input("after"),
        Input(
            "type",
            choices=(
                "authorization.activated",
                "authorization.cancelled",
                "authorization.expired",
                "balance.low",
                "charge.pending",
                "charge.succeeded",
                "charge.failed",
                "charge.cancelled",
                "top_up.pending",
                "top_up.succeeded",
                "top_up.failed",
                "top_up.cancelled",
                "settlement.pending",
                "settlement.succeeded",
                "settlement.failed",
                "settlement.cancelled",
                "write_off.succeeded",
                "refund.pending",
                "refund.succeeded",
                "refund.failed",
                "refund.reversed",
                "payout.pending",
                "payout.succeeded",
                "payout.failed",
                "payout.returned",
                "reservation.pending",
                "reservation.reserved",
                "reservation.captured",
                "reservation.failed",
                "reservation.released",
                "dispute.opened",
                "dispute.lost",
                "dispute.won",
                "key.revoked",
            ),
        ),
        Input("limit", type="integer"),
        Input("cursor"),
    ),
    is_list=True,
)
WEBHOOK_ENDPOINTS_CREATE: Final = Endpoint(
    "webhook_endpoints.create",
    "POST",
    "/v1/webhook_endpoints",
    "WebhookEndpoint",
    inputs=(
        Input("url", required=True),
        Input("types", type="array"),
        Input("description"),
    ),
    takes_key=True,
)
WEBHOOK_ENDPOINTS_LIST: Final = Endpoint(
    "webhook_endpoints.list",
    "GET",
    "/v1/webhook_endpoints",
    "WebhookEndpoint",
    is_list=True,
)
WEBHOOK_ENDPOINTS_GET: Final = Endpoint(
    "webhook_endpoints.get",
    "GET",
    "/v1/webhook_endpoints/{id}",
    "WebhookEndpoint",
)
WEBHOOK_ENDPOINTS_CHANGE: Final = Endpoint(
    "webhook_endpoints.change",
    "PATCH",
    "/v1/webhook_endpoints/{id}",
    "WebhookEndpoint",
    inputs=(
        Input("url"),
        Input("types", type="array"),
        Input("enabled", type="boolean"),
        Input("description"),
    ),
)
WEBHOOK_ENDPOINTS_REMOVE: Final = Endpoint(
    "webhook_endpoints.remove",
    "DELETE",
    "/v1/webhook_endpoints/{id}",
    "WebhookEndpoint",
)
WEBHOOK_ENDPOINTS_ROTATE: Final = Endpoint(
    "webhook_endpoints.rotate",
    "POST",
    "/v1/webhook_endpoints/{id}/rotate",
    "WebhookEndpoint",
    inputs=(Input("overlap_hours", type="integer"),),
)
WEBHOOK_ENDPOINTS_TEST: Final = Endpoint(
    "webhook_endpoints.test",
    "POST",
    "/v1/webhook_endpoints/{id}/test",
    "WebhookTest",
)
WEBHOOK_ENDPOINTS_DELIVERIES: Final = Endpoint(
    "webhook_endpoints.deliveries",
    "GET",
    "/v1/webhook_endpoints/{id}/deliveries",
    "WebhookDelivery",
    inputs=(
        Input("status", choices=("waiting", "delivered", "failed")),
        Input("limit", type="integer"),
        Input("cursor"),
    ),
    is_list=True,
)
WEBHOOK_ENDPOINTS_REPLAY: Final = Endpoint(
    "webhook_endpoints.replay",
    "POST",
    "/v1/webhook_endpoints/{id}/replay",
    "WebhookReplay",
    inputs=(
        Input("event"),
        Input("after"),
    ),
)
KEYS_GET: Final = Endpoint(
    "keys.get",
    "GET",
    "/v1/keys/{id}",
    "Key",
)
KEYS_REVOKE: Final = Endpoint(
    "keys.revoke",
    "DELETE",
    "/v1/keys/{id}",
    "Key",
)
KEYS_LIST: Final = Endpoint(
    "keys.list",
    "GET",
    "/v1/keys",
    "Key",
    is_list=True,
)

ENDPOINTS: Final = (
    CHARGES_CREATE,
    CHARGES_LIST,
    CHARGES_GET,
    CHARGES_BATCH,
    CHARGES_REFUND,
    RESERVATIONS_CREATE,
    RESERVATIONS_LIST,
    RESERVATIONS_GET,
    RESERVATIONS_CAPTURE,
    RESERVATIONS_RELEASE,
    TOP_UPS_CREATE,
    TOP_UPS_LIST,
    TOP_UPS_REFUND,
    TOP_UPS_GET,
    SETTLEMENTS_CREATE,
    SETTLEMENTS_LIST,
    SETTLEMENTS_GET,
    WRITE_OFFS_CREATE,
    WRITE_OFFS_LIST,
    WRITE_OFFS_GET,
    REFUNDS_CREATE,
    REFUNDS_LIST,
    REFUNDS_GET,
    PAYOUTS_CREATE,
    PAYOUTS_LIST,
    PAYOUTS_GET,
    DISPUTES_GET,
    DISPUTES_LIST,
    DISPUTES_EVIDENCE,
    TRANSACTIONS_GET,
    TRANSACTIONS_LIST,
    AUTHORIZATIONS_CREATE,
    AUTHORIZATIONS_LIST,
    AUTHORIZATIONS_GET,
    AUTHORIZATIONS_CANCEL,
    STATEMENTS_GET,
    STATEMENTS_LIST,
    SANDBOX_CLOCK,
    SANDBOX_FORWARD_CLOCK,
    SANDBOX_AUTHORIZE,
    SANDBOX_FAULTS,
    SANDBOX_ORDER_FAULT,
    SANDBOX_RELEASE_FAULT,
    SANDBOX_TAKE_BACK_FAULT,
    ACCOUNT_GET,
    EVENTS_GET,
    EVENTS_LIST,
    WEBHOOK_ENDPOINTS_CREATE,
    WEBHOOK_ENDPOINTS_LIST,
    WEBHOOK_ENDPOINTS_GET,
    WEBHOOK_ENDPOINTS_CHANGE,
    WEBHOOK_ENDPOINTS_REMOVE,
    WEBHOOK_ENDPOINTS_ROTATE,
    WEBHOOK_ENDPOINTS_TEST,
    WEBHOOK_ENDPOINTS_DELIVERIES,
    WEBHOOK_ENDPOINTS_REPLAY,
    KEYS_GET,
    KEYS_REVOKE,
    KEYS_LIST,
)
READ: Final[Mapping[str, Endpoint]] = {
    "Charge": CHARGES_GET,
    "Reservation": RESERVATIONS_GET,
    "TopUp": TOP_UPS_GET,
    "Settlement": SETTLEMENTS_GET,
    "WriteOff": WRITE_OFFS_GET,
    "Refund": REFUNDS_GET,
    "Payout": PAYOUTS_GET,
    "Dispute": DISPUTES_GET,
    "Transaction": TRANSACTIONS_GET,
    "Authorization": AUTHORIZATIONS_GET,
    "Statement": STATEMENTS_GET,
    "Event": EVENTS_GET,
    "WebhookEndpoint": WEBHOOK_ENDPOINTS_GET,
    "Key": KEYS_GET,
}
"""What reads one object of a kind anew."""
