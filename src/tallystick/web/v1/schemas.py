"""The objects that /v1 answers with, as a table: what the document, the reference and the tests know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.messages.events import TYPES as EVENT_TYPES
from tallystick.domain.scopes import EVERYTHING, scope_names
from tallystick.web.v1 import transactions
from tallystick.web.v1.events.webhooks import EVERY, STATES
from tallystick.web.v1.outputs import agreements
from tallystick.web.v1.outputs.output import (
    AMOUNT,
    AN_ID,
    AUTHORIZATION_ID,
    CURRENCY,
    ENVIRONMENT,
    MOMENT,
    NUMBER,
    TEXT,
    TEXTS,
    YES_OR_NO,
    Output,
    inner,
    one_of,
)
from tallystick.web.v1.problems import CODES, OWN
from tallystick.web.v1.sandbox import faults

_RESULT: Final = inner(
    Output("idempotency_key", TEXT, "The key of the charge.", "job-17"),
    Output("id", TEXT, "The charge; null: it was refused.", AN_ID, nullable=True),
    Output("status", TEXT, "How far it is.", "succeeded", nullable=True),
    Output("replayed", YES_OR_NO, "Whether it was done before, under the same key.", example=False),
    Output(
        "problem",
        {"type": "object", "required": ["code", "status", "detail"]},
        "Why it was refused, as for a single charge.",
        None,
        nullable=True,
    ),
)


def _transaction(*names: str) -> tuple[Output, ...]:
    refund = names == ("refund",)
    return (
        Output("object", one_of(*names), "What it is.", names[0]),
        Output("id", TEXT, "Its id, the TransactionId of the query API.", AN_ID),
        Output("status", one_of(*transactions.STATUSES.values()), "How far it is.", "succeeded"),
        Output("status_code", TEXT, "The StatusCode of the query API, which says more.", "Success"),
        Output("amount", AMOUNT, "How much.", "0.250000"),
        Output("fee", AMOUNT, "What the service keeps of it.", "0.000000"),
        CURRENCY,
        ENVIRONMENT,
        Output(
            "authorization",
            TEXT,
            "What it was charged to.",
            AUTHORIZATION_ID,
            nullable=True,
            expands="" if names == ("payout",) else "Authorization",
        ),
        Output(
            "refunded_transaction",
            TEXT,
            "What it gives back or disputes.",
            AN_ID if refund else None,
            nullable=True,
            expands="Transaction" if refund or len(names) > 1 else "",
        ),
        Output("payment_method", one_of(*transactions.METHODS.values()), "How it is paid.", "prepaid_balance"),
        Output("description", TEXT, "What the buyer reads.", "1,000 tokens", nullable=True),
        Output("note", TEXT, "The seller's own note.", None, nullable=True),
        Output("idempotency_key", TEXT, "The key, or CallerReference, of its request.", "job-17", nullable=True),
        Output("created_at", MOMENT, "When the request was received.", "2026-12-01T12:00:00.125000Z"),
        Output("completed_at", MOMENT, "When it came to its end.", "2026-12-01T12:00:00.125000Z", nullable=True),
    )


def _sum(name: str, meaning: str, *members: str) -> Output:
    schema = {"type": "object", "properties": dict.fromkeys(members, AMOUNT), "required": list(members)}
    return Output(name, schema, meaning, dict.fromkeys(members, "0.000000"))


OBJECTS: Final[Mapping[str, tuple[Output, ...]]] = {
    "Authorization": agreements.AUTHORIZATION,
    "Statement": agreements.STATEMENT,
    "StatementMonth": agreements.STATEMENT_MONTH,
    "Charge": _transaction("charge"),
    "Batch": (
        Output("object", one_of("batch"), "What it is.", "batch"),
        Output("succeeded", NUMBER, "How many were done.", 1),
        Output("refused", NUMBER, "How many were not.", 0),
        Output(
            "results",
            {"type": "array", "items": _RESULT},
            "What became of each, in their order.",
            [
                {"idempotency_key": "job-17", "id": AN_ID, "status": "succeeded", "replayed": False, "problem": None},
            ],
        ),
    ),
    "Reservation": _transaction("reservation"),
    "TopUp": _transaction("top_up"),
    "Settlement": _transaction("settlement"),
    "WriteOff": _transaction("write_off"),
    "Refund": _transaction("refund"),
    "Payout": _transaction("payout"),
    "Transaction": _transaction(*transactions.OBJECTS.values()),
    "Dispute": (
        Output("object", one_of("dispute"), "What it is.", "dispute"),
        Output("id", TEXT, "Its id: that of its transaction.", AN_ID),
        Output("status", one_of(*(status.value for status in DisputeStatus)), "How far it is.", "evidence_due"),
        Output("charge", TEXT, "The transaction that is disputed.", AN_ID),
        Output("authorization", TEXT, "What was charged.", AUTHORIZATION_ID, nullable=True),
        Output("amount", AMOUNT, "How much is disputed.", "10.000000"),
        Output("held", AMOUNT, "What of it the balance or tab bears: of a balance, frozen meanwhile.", "4.000000"),
        Output("owed", AMOUNT, "What the seller owes for it and has not paid yet.", "0.000000"),
        Output("fee", AMOUNT, "What the payment network takes for the dispute.", "0.000000"),
        CURRENCY,
        ENVIRONMENT,
        Output("reason", TEXT, "What the buyer's bank says.", "fraudulent", nullable=True),
        Output("reference", TEXT, "What the payment network calls it.", "dp_1PXb2vJZ"),
        Output("has_evidence", YES_OR_NO, "Whether this seller has any: who called for the charge.", example=True),
        Output("created_at", MOMENT, "When it was opened.", "2026-12-01T12:00:00.125000Z"),
        Output("evidence_due_at", MOMENT, "Until when the bank waits.", "2026-12-08T12:00:00.000000Z", nullable=True),
        Output("closed_at", MOMENT, "When it was over.", None, nullable=True),
    ),
    "Account": (
        Output("object", one_of("account"), "What it is.", "account"),
        ENVIRONMENT,
        CURRENCY,
        _sum("cash", "What the service holds for the seller.", "balance", "pending", "refundable"),
        _sum("prepaid_liability", "What the seller owes in goods.", "balance", "pending"),
        _sum("debt", "What buyers owe the seller.", "balance", "pending"),
    ),
    "Key": (
        Output("object", one_of("key"), "What it is.", "key"),
        Output("id", TEXT, "The access key's id.", "AK0GZ49JDG4ZM7FCND5Z"),
        Output("name", TEXT, "What its maker calls it.", "Nightly report"),
        ENVIRONMENT,
        Output("usable", YES_OR_NO, "Whether calls with it are answered.", example=True),
        Output("scopes", {"type": "array", "items": one_of(*scope_names(EVERYTHING))}, "What it may do.", ["read"]),
        Output("networks", TEXTS, "Where its calls come from; none: anywhere.", ["10.1.0.0/16"]),
        Output("calls_per_second", NUMBER, "Its own rate; null: the setting.", None, nullable=True),
        Output("created_at", MOMENT, "When it was made.", "2026-12-01T12:00:00.000000Z"),
        Output("expires_at", MOMENT, "When it ends; null: never.", None, nullable=True),
        Output("revoked_at", MOMENT, "When it was revoked.", None, nullable=True),
        Output("last_used_at", MOMENT, "When it was last used.", None, nullable=True),
    ),
    "Fault": (
        Output("object", one_of("fault"), "What it is.", "fault"),
        Output("id", TEXT, "Its id.", "3f9c51b2a6d07e48"),
        Output("status", one_of(*faults.STATUSES), "Whether it waits, holds something, or is over.", "waiting"),
        Output("operation", one_of(*faults.OPERATION_NAMES), "What meets it.", "charge"),
        Output("outcome", one_of(*faults.OUTCOME_NAMES, faults.PAY), "What happens then.", "temporary_decline"),
        Output("transaction", TEXT, "The transaction that met it.", None, nullable=True),
        Output("created_at", MOMENT, "When it was ordered.", "2026-12-01T12:00:00.000000Z"),
        Output("met_at", MOMENT, "When something met it.", None, nullable=True),
        Output("released_at", MOMENT, "When what it held was let go.", None, nullable=True),
    ),
    "Event": (
        Output("object", one_of("event"), "What it is.", "event"),
        Output("id", TEXT, "Its id, the same in every delivery.", "evt_3f2a91c07b5d_42"),
        Output("sequence", NUMBER, "Its number: the next event of the account has the next one, without a gap.", 42),
        Output("type", one_of(*EVENT_TYPES), "What happened.", "top_up.succeeded"),
        Output("occurred_at", MOMENT, "When it happened.", "2026-12-01T12:00:03.250000Z"),
        Output(
            "data",
            {"type": "object"},
            "The object that it happened to, as it was then.",
            {"object": "top_up", "id": AN_ID, "status": "succeeded"},
        ),
    ),
    "WebhookEndpoint": (
        Output("object", one_of("webhook_endpoint"), "What it is.", "webhook_endpoint"),
        Output("id", TEXT, "Its id.", "we_5b0c9a2f7d1e4c38a6b1f0d2"),
        ENVIRONMENT,
        Output("url", TEXT, "Where events are posted to.", "https://shop.example/events"),
        Output(
            "types",
            {"type": "array", "items": one_of(EVERY, *EVENT_TYPES)},
            "Which events; `*`: every one but charges that are answered at once.",
            ["top_up.succeeded", "top_up.failed"],
        ),
        Output("description", TEXT, "A note.", "Ledger of the shop", nullable=True),
        Output("enabled", YES_OR_NO, "Whether events are delivered to it.", example=True),
        Output(
            "disabled_because",
            one_of("seller", "failures"),
            "Why not: somebody wanted it so, or nothing arrived for days.",
            None,
            nullable=True,
        ),
        Output("secret", TEXT, "Only where it was just made: what signs.", "whsec_MfKQ9r8GKYqrTwjU", nullable=True),
        Output("previous_secret_until", MOMENT, "Until when the one before signs, too.", None, nullable=True),
        Output("created_at", MOMENT, "When it was made.", "2026-12-01T12:00:00.000000Z"),
        Output("failing_since", MOMENT, "Since when nothing has arrived.", None, nullable=True),
        Output("last_delivered_at", MOMENT, "When something arrived, to the minute.", None, nullable=True),
    ),
    "WebhookTest": (
        Output("object", one_of("webhook_test"), "What it is.", "webhook_test"),
        Output("arrived", YES_OR_NO, "Whether an event would count as delivered.", example=True),
        Output("http_status", NUMBER, "What the receiver answered.", 204, nullable=True),
        Output("problem", TEXT, "Why there is no answer.", None, nullable=True),
        Output("milliseconds", NUMBER, "How long it took.", 38),
    ),
    "WebhookDelivery": (
        Output("object", one_of("webhook_delivery"), "What it is.", "webhook_delivery"),
        Output("event", TEXT, "The event's id.", "evt_3f2a91c07b5d_42"),
        Output("sequence", NUMBER, "The event's number.", 42),
        Output("type", TEXT, "What happened; null: the event is kept no longer.", "top_up.succeeded", nullable=True),
        Output("status", one_of(*STATES.values()), "How far it is.", "delivered"),
        Output("attempts", NUMBER, "How often it was tried.", 1),
        Output("http_status", NUMBER, "What the receiver answered last.", 204, nullable=True),
        Output("problem", TEXT, "Why the last try failed.", None, nullable=True),
        Output("next_try_at", MOMENT, "When it is tried again.", None, nullable=True),
        Output("delivered_at", MOMENT, "When it arrived.", "2026-12-01T12:00:04.000000Z", nullable=True),
    ),
    "WebhookReplay": (
        Output("object", one_of("webhook_replay"), "What it is.", "webhook_replay"),
        Output("events", NUMBER, "How many are delivered once more.", 3),
    ),
    "Clock": (
        Output("object", one_of("clock"), "What it is.", "clock"),
        Output("now", MOMENT, "What time it is in the sandbox.", "2026-12-04T12:00:00.000000Z"),
        Output("ahead_seconds", NUMBER, "How far that is ahead.", 259200),
    ),
}
"""The members of each object, in their order. All of them are always there."""

PROBLEM: Final = (
    Output(
        "type",
        {"type": "string", "format": "uri-reference"},
        "The page about it: `/docs/errors#` and the code, at the public address.",
        "http://127.0.0.1:8400/docs/errors#insufficient_balance",
    ),
    Output("title", TEXT, "What the code means.", "the account or instrument lacks the funds"),
    Output("status", NUMBER, "The status of the answer.", 402),
    Output("detail", TEXT, "What is wrong with this request.", "The prepaid balance of 1.00 does not cover 4.00."),
    Output("code", TEXT, "Stable: go by this.", "insufficient_balance"),
    Output("request_id", TEXT, "For questions about this request.", "9cffaf62-1339-4594-9d24-b1ce2518b4b0"),
)
"""What every problem has."""

PROBLEM_MORE: Final = (
    Output("fps_code", TEXT, "What the query API calls it.", "InsufficientBalance"),
    Output("field", TEXT, "The field that is wrong, or too large.", "amount"),
    Output("limit", AMOUNT, "The limit that was hit.", "25.000000"),
    Output("available", AMOUNT, "What is left.", "1.000000"),
    Output("largest_amount", AMOUNT, "The largest amount that would have passed.", "1.000000"),
    Output("smallest_amount", AMOUNT, "The smallest amount that would have passed.", "0.010000"),
    Output("transaction", TEXT, "The transaction that the key stands for.", AN_ID),
    Output("retry_after", NUMBER, "When to come again, in seconds.", 1),
)
"""What some problems have."""


def status_of(code: str) -> int:
    """The HTTP status of a problem. Raises KeyError: there is no such code."""
    return OWN[code][0] if code in OWN else _STATUS_OF[code]


_STATUS_OF: Final = {code: status for status, code in CODES.values()}
