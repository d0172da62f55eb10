"""The objects that /v1 answers with, as a table: what the document, the reference and the tests know of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.environments import ENVIRONMENTS
from tallystick.domain.messages.events import TYPES as EVENT_TYPES
from tallystick.domain.scopes import EVERYTHING, scope_names
from tallystick.services.events.authorizations import METHODS, MULTIPLE, RECURRING, RULES, SINGLE
from tallystick.web.v1 import transactions
from tallystick.web.v1.authorizations import PREPAID
from tallystick.web.v1.consent import objects, terms
from tallystick.web.v1.events.webhooks import EVERY, STATES
from tallystick.web.v1.problems import CODES, OWN
from tallystick.web.v1.sandbox import faults

AMOUNT: Final = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{6}$"}
MOMENT: Final = {"type": "string", "format": "date-time"}
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "integer"}
YES_OR_NO: Final = {"type": "boolean"}
TEXTS: Final = {"type": "array", "items": TEXT}


@dataclass(frozen=True, slots=True)
class Output:
    """One member of an object. `schema`: of JSON Schema; `nullable`: it may be null, for what there is not.

    `expands`: the object that it can be asked for to have in the place of the id.
    """

    name: str
    schema: Mapping[str, Any]
    meaning: str
    example: Any
    nullable: bool = False
    expands: str = ""


def _one_of(*words: str) -> Mapping[str, Any]:
    return {"type": "string", "enum": list(words)}


_ID: Final = "01KB7WZ3TC00000000000108KJ2X1RKYQ0M"
_AUTHORIZATION: Final = "PC0000000000108KJ2X1RKYQ0M3B5T7V9W1X3Z5A7C9E1G3J5M7P9R1T3V5X7Z"
_CURRENCY: Final = Output("currency", _one_of("USD"), "Of all amounts.", "USD")
_ENVIRONMENT: Final = Output("environment", _one_of(*ENVIRONMENTS), "Where it happened.", "sandbox")


def _inner(*members: Output) -> Mapping[str, Any]:
    """The schema of an object within another one."""
    return {
        "type": "object",
        "properties": {
            one.name: {**one.schema, "type": [one.schema["type"], "null"]} if one.nullable else one.schema
            for one in members
        },
        "required": [one.name for one in members],
    }


_LIMIT: Final = _inner(
    Output("amount", AMOUNT, "The most that may be charged.", "50.000000", nullable=True),
    Output("charges", NUMBER, "How many charges there may be.", None, nullable=True),
    Output("left_amount", AMOUNT, "What is left of it.", "49.750000", nullable=True),
    Output("left_charges", NUMBER, "How many are left.", None, nullable=True),
    Output("period", TEXT, "How often it starts anew; null: never.", "1 Month", nullable=True),
    Output("renews_at", MOMENT, "When it starts anew.", "2027-01-01T12:00:00.000000Z", nullable=True),
)


_RESULT: Final = _inner(
    Output("idempotency_key", TEXT, "The key of the charge.", "job-17"),
    Output("id", TEXT, "The charge; null: it was refused.", _ID, nullable=True),
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
        Output("object", _one_of(*names), "What it is.", names[0]),
        Output("id", TEXT, "Its id, the TransactionId of the query API.", _ID),
        Output("status", _one_of(*transactions.STATUSES.values()), "How far it is.", "succeeded"),
        Output("status_code", TEXT, "The StatusCode of the query API, which says more.", "Success"),
        Output("amount", AMOUNT, "How much.", "0.250000"),
        Output("fee", AMOUNT, "What the service keeps of it.", "0.000000"),
        _CURRENCY,
        _ENVIRONMENT,
        Output(
            "authorization",
            TEXT,
            "What it was charged to.",
            _AUTHORIZATION,
            nullable=True,
            expands="" if names == ("payout",) else "Authorization",
        ),
        Output(
            "refunded_transaction",
            TEXT,
            "What it gives back or disputes.",
            _ID if refund else None,
            nullable=True,
            expands="Transaction" if refund or len(names) > 1 else "",
        ),
        Output("payment_method", _one_of(*transactions.METHODS.values()), "How it is paid.", "prepaid_balance"),
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
    "Authorization": (
        Output("object", _one_of("authorization"), "What it is.", "authorization"),
        Output("id", TEXT, "The instrument's id; of a payment token, the token's.", _AUTHORIZATION),
        Output("kind", _one_of(*terms.KINDS), "What was agreed to.", PREPAID),
        Output(
            "use",
            _one_of(SINGLE, MULTIPLE, RECURRING),
            "Of payments: how often. Null also where a rule in the seller's own words says.",
            None,
            nullable=True,
        ),
        Output("status", _one_of(*objects.STATUSES), "`pending` until a buyer agrees.", "active"),
        Output("url", TEXT, "While it is pending: where a buyer agrees.", None, nullable=True),
        _CURRENCY,
        Output("limit", AMOUNT, "The most that a balance can be, or that can be owed.", "25.000000", nullable=True),
        Output(
            "total_limit", AMOUNT, "Of a tab or payments: the most that may be charged in all.", None, nullable=True
        ),
        Output("limits", {"type": "array", "items": _LIMIT}, "What else bounds charges, in a period or ever.", []),
        Output("amount", AMOUNT, "Of payments: what each comes to.", None, nullable=True),
        Output("amount_rule", _one_of(*RULES.values()), "Of payments: how `amount` binds each.", None, nullable=True),
        Output("for_reservation", YES_OR_NO, "Of payments: whether it is for a reservation.", None, nullable=True),
        Output(
            "payment_method",
            _one_of(*METHODS.values()),
            "How the buyer brings in real money, once somebody has agreed.",
            "card",
            nullable=True,
        ),
        Output("balance", AMOUNT, "Of a balance: what is on it.", "9.750000", nullable=True),
        Output("owed", AMOUNT, "Of a tab: what is owed.", None, nullable=True),
        Output("pending", AMOUNT, "What is on its way.", "0.000000", nullable=True),
        Output("available", AMOUNT, "The largest charge that would pass now.", "9.750000", nullable=True),
        Output("description", TEXT, "What the buyer reads.", "API credits", nullable=True),
        Output("idempotency_key", TEXT, "The key of its request.", "wallet-of-ada"),
        Output("created_at", MOMENT, "When it was asked for or agreed to.", "2026-12-01T12:00:00.000000Z"),
        Output("starts_at", MOMENT, "When it begins; null: when a buyer agrees.", None, nullable=True),
        Output("expires_at", MOMENT, "When it ends; null: never.", None, nullable=True),
    ),
    "Charge": _transaction("charge"),
    "Batch": (
        Output("object", _one_of("batch"), "What it is.", "batch"),
        Output("succeeded", NUMBER, "How many were done.", 1),
        Output("refused", NUMBER, "How many were not.", 0),
        Output(
            "results",
            {"type": "array", "items": _RESULT},
            "What became of each, in their order.",
            [
                {"idempotency_key": "job-17", "id": _ID, "status": "succeeded", "replayed": False, "problem": None},
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
        Output("object", _one_of("dispute"), "What it is.", "dispute"),
        Output("id", TEXT, "Its id: that of its transaction.", _ID),
        Output("status", _one_of(*(status.value for status in DisputeStatus)), "How far it is.", "evidence_due"),
        Output("charge", TEXT, "The transaction that is disputed.", _ID),
        Output("authorization", TEXT, "What was charged.", _AUTHORIZATION, nullable=True),
        Output("amount", AMOUNT, "How much is disputed.", "10.000000"),
        Output("held", AMOUNT, "What of it the balance or tab bears: of a balance, frozen meanwhile.", "4.000000"),
        Output("owed", AMOUNT, "What the seller owes for it and has not paid yet.", "0.000000"),
        Output("fee", AMOUNT, "What the payment network takes for the dispute.", "0.000000"),
        _CURRENCY,
        _ENVIRONMENT,
        Output("reason", TEXT, "What the buyer's bank says.", "fraudulent", nullable=True),
        Output("reference", TEXT, "What the payment network calls it.", "dp_1PXb2vJZ"),
        Output("has_evidence", YES_OR_NO, "Whether this seller has any: who called for the charge.", example=True),
        Output("created_at", MOMENT, "When it was opened.", "2026-12-01T12:00:00.125000Z"),
        Output("evidence_due_at", MOMENT, "Until when the bank waits.", "2026-12-08T12:00:00.000000Z", nullable=True),
        Output("closed_at", MOMENT, "When it was over.", None, nullable=True),
    ),
    "Account": (
        Output("object", _one_of("account"), "What it is.", "account"),
        _ENVIRONMENT,
        _CURRENCY,
        _sum("cash", "What the service holds for the seller.", "balance", "pending", "refundable"),
        _sum("prepaid_liability", "What the seller owes in goods.", "balance", "pending"),
        _sum("debt", "What buyers owe the seller.", "balance", "pending"),
    ),
    "Key": (
        Output("object", _one_of("key"), "What it is.", "key"),
        Output("id", TEXT, "The access key's id.", "AK0GZ49JDG4ZM7FCND5Z"),
        Output("name", TEXT, "What its maker calls it.", "Nightly report"),
        _ENVIRONMENT,
        Output("usable", YES_OR_NO, "Whether calls with it are answered.", example=True),
        Output("scopes", {"type": "array", "items": _one_of(*scope_names(EVERYTHING))}, "What it may do.", ["read"]),
        Output("networks", TEXTS, "Where its calls come from; none: anywhere.", ["10.1.0.0/16"]),
        Output("calls_per_second", NUMBER, "Its own rate; null: the setting.", None, nullable=True),
        Output("created_at", MOMENT, "When it was made.", "2026-12-01T12:00:00.000000Z"),
        Output("expires_at", MOMENT, "When it ends; null: never.", None, nullable=True),
        Output("revoked_at", MOMENT, "When it was revoked.", None, nullable=True),
        Output("last_used_at", MOMENT, "When it was last used.", None, nullable=True),
    ),
    "Fault": (
        Output("object", _one_of("fault"), "What it is.", "fault"),
        Output("id", TEXT, "Its id.", "3f9c51b2a6d07e48"),
        Output("status", _one_of(*faults.STATUSES), "Whether it waits, holds something, or is over.", "waiting"),
        Output("operation", _one_of(*faults.OPERATION_NAMES), "What meets it.", "charge"),
        Output("outcome", _one_of(*faults.OUTCOME_NAMES, faults.PAY), "What happens then.", "temporary_decline"),
        Output("transaction", TEXT, "The transaction that met it.", None, nullable=True),
        Output("created_at", MOMENT, "When it was ordered.", "2026-12-01T12:00:00.000000Z"),
        Output("met_at", MOMENT, "When something met it.", None, nullable=True),
        Output("released_at", MOMENT, "When what it held was let go.", None, nullable=True),
    ),
    "Event": (
        Output("object", _one_of("event"), "What it is.", "event"),
        Output("id", TEXT, "Its id, the same in every delivery.", "evt_3f2a91c07b5d_42"),
        Output("sequence", NUMBER, "Its number: the next event of the account has the next one, without a gap.", 42),
        Output("type", _one_of(*EVENT_TYPES), "What happened.", "top_up.succeeded"),
        Output("occurred_at", MOMENT, "When it happened.", "2026-12-01T12:00:03.250000Z"),
        Output(
            "data",
            {"type": "object"},
            "The object that it happened to, as it was then.",
            {"object": "top_up", "id": _ID, "status": "succeeded"},
        ),
    ),
    "WebhookEndpoint": (
        Output("object", _one_of("webhook_endpoint"), "What it is.", "webhook_endpoint"),
        Output("id", TEXT, "Its id.", "we_5b0c9a2f7d1e4c38a6b1f0d2"),
        _ENVIRONMENT,
        Output("url", TEXT, "Where events are posted to.", "https://shop.example/events"),
        Output(
            "types",
            {"type": "array", "items": _one_of(EVERY, *EVENT_TYPES)},
            "Which events; `*`: every one but charges that are answered at once.",
            ["top_up.succeeded", "top_up.failed"],
        ),
        Output("description", TEXT, "A note.", "Ledger of the shop", nullable=True),
        Output("enabled", YES_OR_NO, "Whether events are delivered to it.", example=True),
        Output(
            "disabled_because",
            _one_of("seller", "failures"),
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
        Output("object", _one_of("webhook_test"), "What it is.", "webhook_test"),
        Output("arrived", YES_OR_NO, "Whether an event would count as delivered.", example=True),
        Output("http_status", NUMBER, "What the receiver answered.", 204, nullable=True),
        Output("problem", TEXT, "Why there is no answer.", None, nullable=True),
        Output("milliseconds", NUMBER, "How long it took.", 38),
    ),
    "WebhookDelivery": (
        Output("object", _one_of("webhook_delivery"), "What it is.", "webhook_delivery"),
        Output("event", TEXT, "The event's id.", "evt_3f2a91c07b5d_42"),
        Output("sequence", NUMBER, "The event's number.", 42),
        Output("type", TEXT, "What happened; null: the event is kept no longer.", "top_up.succeeded", nullable=True),
        Output("status", _one_of(*STATES.values()), "How far it is.", "delivered"),
        Output("attempts", NUMBER, "How often it was tried.", 1),
        Output("http_status", NUMBER, "What the receiver answered last.", 204, nullable=True),
        Output("problem", TEXT, "Why the last try failed.", None, nullable=True),
        Output("next_try_at", MOMENT, "When it is tried again.", None, nullable=True),
        Output("delivered_at", MOMENT, "When it arrived.", "2026-12-01T12:00:04.000000Z", nullable=True),
    ),
    "WebhookReplay": (
        Output("object", _one_of("webhook_replay"), "What it is.", "webhook_replay"),
        Output("events", NUMBER, "How many are delivered once more.", 3),
    ),
    "Clock": (
        Output("object", _one_of("clock"), "What it is.", "clock"),
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
    Output("transaction", TEXT, "The transaction that the key stands for.", _ID),
    Output("retry_after", NUMBER, "When to come again, in seconds.", 1),
)
"""What some problems have."""


def status_of(code: str) -> int:
    """The HTTP status of a problem. Raises KeyError: there is no such code."""
    return OWN[code][0] if code in OWN else _STATUS_OF[code]


_STATUS_OF: Final = {code: status for status, code in CODES.values()}
