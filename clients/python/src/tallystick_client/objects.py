"""The objects of the service. Made by `python -m tools.clients` from /v1/openapi.json: not changed by hand.

Words that a member can have are known to a type checker; at run time others are read as well, which a later service may
have.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec import field

from tallystick_client.base import ApiObject, Awaited

if TYPE_CHECKING:
    AuthorizationAmountRule = Literal["exact", "maximum", "minimum"]
    AuthorizationKind = Literal["prepaid", "postpaid", "payment"]
    AuthorizationPaymentMethod = Literal["card", "bank_account", "account_balance"]
    AuthorizationStatus = Literal["pending", "not_yet_active", "active", "used", "expired", "cancelled"]
    AuthorizationUse = Literal["single", "multiple", "recurring"]
    DisputeStatus = Literal["opened", "evidence_due", "won", "lost"]
    Environment = Literal["sandbox", "live"]
    EventType = Literal[
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
    ]
    FaultOperation = Literal["charge", "reservation", "refund"]
    FaultOutcome = Literal["temporary_decline", "denied", "hold", "pay"]
    FaultStatus = Literal["waiting", "holding", "met"]
    KeyScopes = Literal[
        "read",
        "charge",
        "fund",
        "refund",
        "settle",
        "write_off",
        "tokens",
        "hosted_links",
        "notifications",
        "pay_out",
        "webhooks",
    ]
    StatementKind = Literal["prepaid", "postpaid"]
    StatementStatus = Literal["open", "final"]
    TransactionObject = Literal[
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
    ]
    TransactionPaymentMethod = Literal["account_balance", "card", "bank_account", "prepaid_balance", "tab", "payout"]
    TransactionStatus = Literal["succeeded", "pending", "failed", "reserved", "cancelled"]
    WebhookDeliveryStatus = Literal["waiting", "delivered", "failed"]
    WebhookEndpointDisabledBecause = Literal["seller", "failures"]
    WebhookEndpointTypes = Literal[
        "*",
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
    ]
else:
    AuthorizationAmountRule = str
    AuthorizationKind = str
    AuthorizationPaymentMethod = str
    AuthorizationStatus = str
    AuthorizationUse = str
    DisputeStatus = str
    Environment = str
    EventType = str
    FaultOperation = str
    FaultOutcome = str
    FaultStatus = str
    KeyScopes = str
    StatementKind = str
    StatementStatus = str
    TransactionObject = str
    TransactionPaymentMethod = str
    TransactionStatus = str
    WebhookDeliveryStatus = str
    WebhookEndpointDisabledBecause = str
    WebhookEndpointTypes = str


class AuthorizationLimits(ApiObject, frozen=True, kw_only=True, dict=True):
    """An authorization limits, as the service tells it."""

    amount: Decimal | None = None
    charges: int | None = None
    left_amount: Decimal | None = None
    left_charges: int | None = None
    period: str | None = None
    renews_at: datetime | None = None


class StatementTotals(ApiObject, frozen=True, kw_only=True, dict=True):
    """A statement totals, as the service tells it."""

    type: str
    count: int
    change: Decimal


class StatementLines(ApiObject, frozen=True, kw_only=True, dict=True):
    """A statement lines, as the service tells it."""

    at: datetime
    type: str
    transaction: str | None = None
    description: str | None = None
    count: int
    change: Decimal
    balance: Decimal


class BatchResults(ApiObject, frozen=True, kw_only=True, dict=True):
    """A batch results, as the service tells it."""

    idempotency_key: str
    id: str | None = None
    status: str | None = None
    replayed: bool
    problem: dict[str, Any] | None = None


class AccountCash(ApiObject, frozen=True, kw_only=True, dict=True):
    """What the service holds for the seller."""

    balance: Decimal
    pending: Decimal
    refundable: Decimal


class AccountPrepaidLiability(ApiObject, frozen=True, kw_only=True, dict=True):
    """What the seller owes in goods."""

    balance: Decimal
    pending: Decimal


class AccountDebt(ApiObject, frozen=True, kw_only=True, dict=True):
    """What buyers owe the seller."""

    balance: Decimal
    pending: Decimal


class Authorization(Awaited, frozen=True, kw_only=True, dict=True):
    """An authorization, as the service tells it.

    Attributes:
        object: What it is.
        id: The instrument's id; of a payment token, the token's.
        kind: What was agreed to.
        use: Of payments: how often. Null also where a rule in the seller's own words says.
        status: `pending` until a buyer agrees.
        url: While it is pending: where a buyer agrees.
        currency: Of all amounts.
        limit: The most that a balance can be, or that can be owed.
        total_limit: Of a tab or payments: the most that may be charged in all.
        limits: What else bounds charges, in a period or ever.
        amount: Of payments: what each comes to.
        amount_rule: Of payments: how `amount` binds each.
        for_reservation: Of payments: whether it is for a reservation.
        payment_method: How the buyer brings in real money, once somebody has agreed.
        balance: Of a balance: what is on it.
        owed: Of a tab: what is owed.
        pending: What is on its way.
        available: The largest charge that would pass now.
        description: What the buyer reads.
        idempotency_key: The key of its request.
        created_at: When it was asked for or agreed to.
        starts_at: When it begins; null: when a buyer agrees.
        expires_at: When it ends; null: never.
    """

    fails: ClassVar[bool] = False

    object: str
    id: str
    kind: AuthorizationKind
    use: AuthorizationUse | None = None
    status: AuthorizationStatus
    url: str | None = None
    currency: str
    limit: Decimal | None = None
    total_limit: Decimal | None = None
    limits: list[AuthorizationLimits] = field(default_factory=list)
    amount: Decimal | None = None
    amount_rule: AuthorizationAmountRule | None = None
    for_reservation: bool | None = None
    payment_method: AuthorizationPaymentMethod | None = None
    balance: Decimal | None = None
    owed: Decimal | None = None
    pending: Decimal | None = None
    available: Decimal | None = None
    description: str | None = None
    idempotency_key: str
    created_at: datetime
    starts_at: datetime | None = None
    expires_at: datetime | None = None


class Statement(ApiObject, frozen=True, kw_only=True, dict=True):
    """A statement, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id.
        authorization: The balance or tab.
        kind: Which of the two.
        month: Of the books, in UTC.
        status: `open` while the month lasts. Afterwards all but `due` stays, unless a refund that was on its way
            fails.
        starts_at: Its first moment.
        ends_at: The first moment after it.
        currency: Of all amounts.
        environment: Where it happened.
        complete: Whether all that moved since the month began is in the books. Else part of it is in the archive,
            and the figures do not have it.
        opening: What was left, or owed on a tab, when it began.
        totals: What moved, by type.
        closing: What was left or owed at its end, or is so far.
        due: Of a tab: what of `closing` is still owed. What came in counts against the oldest charges first.
        lines: With `expand=lines`: what moved, the oldest first.
        lines_by_day: With `expand=lines`: whether more than 400 moved, so that each line is all of a type on a day.
    """

    object: str
    id: str
    authorization: str
    kind: StatementKind
    month: str
    status: StatementStatus
    starts_at: datetime
    ends_at: datetime
    currency: str
    environment: Environment
    complete: bool
    opening: Decimal
    totals: list[StatementTotals] = field(default_factory=list)
    closing: Decimal
    due: Decimal | None = None
    lines: list[StatementLines] | None = None
    lines_by_day: bool | None = None


class StatementMonth(ApiObject, frozen=True, kw_only=True, dict=True):
    """A statement month, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id.
        authorization: The balance or tab.
        kind: Which of the two.
        month: Of the books, in UTC.
        status: `open` while the month lasts. Afterwards all but `due` stays, unless a refund that was on its way
            fails.
        starts_at: Its first moment.
        ends_at: The first moment after it.
        currency: Of all amounts.
        environment: Where it happened.
    """

    object: str
    id: str
    authorization: str
    kind: StatementKind
    month: str
    status: StatementStatus
    starts_at: datetime
    ends_at: datetime
    currency: str
    environment: Environment


class Charge(Awaited, frozen=True, kw_only=True, dict=True):
    """A charge, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id, the TransactionId of the query API.
        status: How far it is.
        status_code: The StatusCode of the query API, which says more.
        amount: How much.
        fee: What the service keeps of it.
        currency: Of all amounts.
        environment: Where it happened.
        authorization: What it was charged to. The object itself with `expand`.
        refunded_transaction: What it gives back or disputes.
        payment_method: How it is paid.
        description: What the buyer reads.
        note: The seller's own note.
        idempotency_key: The key, or CallerReference, of its request.
        created_at: When the request was received.
        completed_at: When it came to its end.
    """

    object: str
    id: str
    status: TransactionStatus
    status_code: str
    amount: Decimal
    fee: Decimal
    currency: str
    environment: Environment
    authorization: str | Authorization | None = None
    refunded_transaction: str | None = None
    payment_method: TransactionPaymentMethod
    description: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    created_at: datetime
    completed_at: datetime | None = None


class Batch(ApiObject, frozen=True, kw_only=True, dict=True):
    """A batch, as the service tells it.

    Attributes:
        object: What it is.
        succeeded: How many were done.
        refused: How many were not.
        results: What became of each, in their order.
    """

    object: str
    succeeded: int
    refused: int
    results: list[BatchResults] = field(default_factory=list)


class Reservation(Awaited, frozen=True, kw_only=True, dict=True):
    """A reservation, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id, the TransactionId of the query API.
        status: How far it is.
        status_code: The StatusCode of the query API, which says more.
        amount: How much.
        fee: What the service keeps of it.
        currency: Of all amounts.
        environment: Where it happened.
        authorization: What it was charged to. The object itself with `expand`.
        refunded_transaction: What it gives back or disputes.
        payment_method: How it is paid.
        description: What the buyer reads.
        note: The seller's own note.
        idempotency_key: The key, or CallerReference, of its request.
        created_at: When the request was received.
        completed_at: When it came to its end.
    """

    object: str
    id: str
    status: TransactionStatus
    status_code: str
    amount: Decimal
    fee: Decimal
    currency: str
    environment: Environment
    authorization: str | Authorization | None = None
    refunded_transaction: str | None = None
    payment_method: TransactionPaymentMethod
    description: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    created_at: datetime
    completed_at: datetime | None = None


class TopUp(Awaited, frozen=True, kw_only=True, dict=True):
    """A top up, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id, the TransactionId of the query API.
        status: How far it is.
        status_code: The StatusCode of the query API, which says more.
        amount: How much.
        fee: What the service keeps of it.
        currency: Of all amounts.
        environment: Where it happened.
        authorization: What it was charged to. The object itself with `expand`.
        refunded_transaction: What it gives back or disputes.
        payment_method: How it is paid.
        description: What the buyer reads.
        note: The seller's own note.
        idempotency_key: The key, or CallerReference, of its request.
        created_at: When the request was received.
        completed_at: When it came to its end.
    """

    object: str
    id: str
    status: TransactionStatus
    status_code: str
    amount: Decimal
    fee: Decimal
    currency: str
    environment: Environment
    authorization: str | Authorization | None = None
    refunded_transaction: str | None = None
    payment_method: TransactionPaymentMethod
    description: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    created_at: datetime
    completed_at: datetime | None = None


class Settlement(Awaited, frozen=True, kw_only=True, dict=True):
    """A settlement, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id, the TransactionId of the query API.
        status: How far it is.
        status_code: The StatusCode of the query API, which says more.
        amount: How much.
        fee: What the service keeps of it.
        currency: Of all amounts.
        environment: Where it happened.
        authorization: What it was charged to. The object itself with `expand`.
        refunded_transaction: What it gives back or disputes.
        payment_method: How it is paid.
        description: What the buyer reads.
        note: The seller's own note.
        idempotency_key: The key, or CallerReference, of its request.
        created_at: When the request was received.
        completed_at: When it came to its end.
    """

    object: str
    id: str
    status: TransactionStatus
    status_code: str
    amount: Decimal
    fee: Decimal
    currency: str
    environment: Environment
    authorization: str | Authorization | None = None
    refunded_transaction: str | None = None
    payment_method: TransactionPaymentMethod
    description: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    created_at: datetime
    completed_at: datetime | None = None


class WriteOff(Awaited, frozen=True, kw_only=True, dict=True):
    """A write off, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id, the TransactionId of the query API.
        status: How far it is.
        status_code: The StatusCode of the query API, which says more.
        amount: How much.
        fee: What the service keeps of it.
        currency: Of all amounts.
        environment: Where it happened.
        authorization: What it was charged to. The object itself with `expand`.
        refunded_transaction: What it gives back or disputes.
        payment_method: How it is paid.
        description: What the buyer reads.
        note: The seller's own note.
        idempotency_key: The key, or CallerReference, of its request.
        created_at: When the request was received.
        completed_at: When it came to its end.
    """

    object: str
    id: str
    status: TransactionStatus
    status_code: str
    amount: Decimal
    fee: Decimal
    currency: str
    environment: Environment
    authorization: str | Authorization | None = None
    refunded_transaction: str | None = None
    payment_method: TransactionPaymentMethod
    description: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    created_at: datetime
    completed_at: datetime | None = None


class Refund(Awaited, frozen=True, kw_only=True, dict=True):
    """A refund, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id, the TransactionId of the query API.
        status: How far it is.
        status_code: The StatusCode of the query API, which says more.
        amount: How much.
        fee: What the service keeps of it.
        currency: Of all amounts.
        environment: Where it happened.
        authorization: What it was charged to. The object itself with `expand`.
        refunded_transaction: What it gives back or disputes. The object itself with `expand`.
        payment_method: How it is paid.
        description: What the buyer reads.
        note: The seller's own note.
        idempotency_key: The key, or CallerReference, of its request.
        created_at: When the request was received.
        completed_at: When it came to its end.
    """

    object: str
    id: str
    status: TransactionStatus
    status_code: str
    amount: Decimal
    fee: Decimal
    currency: str
    environment: Environment
    authorization: str | Authorization | None = None
    refunded_transaction: str | Transaction | None = None
    payment_method: TransactionPaymentMethod
    description: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    created_at: datetime
    completed_at: datetime | None = None


class Payout(Awaited, frozen=True, kw_only=True, dict=True):
    """A payout, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id, the TransactionId of the query API.
        status: How far it is.
        status_code: The StatusCode of the query API, which says more.
        amount: How much.
        fee: What the service keeps of it.
        currency: Of all amounts.
        environment: Where it happened.
        authorization: What it was charged to.
        refunded_transaction: What it gives back or disputes.
        payment_method: How it is paid.
        description: What the buyer reads.
        note: The seller's own note.
        idempotency_key: The key, or CallerReference, of its request.
        created_at: When the request was received.
        completed_at: When it came to its end.
    """

    object: str
    id: str
    status: TransactionStatus
    status_code: str
    amount: Decimal
    fee: Decimal
    currency: str
    environment: Environment
    authorization: str | None = None
    refunded_transaction: str | None = None
    payment_method: TransactionPaymentMethod
    description: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    created_at: datetime
    completed_at: datetime | None = None


class Transaction(Awaited, frozen=True, kw_only=True, dict=True):
    """A transaction, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id, the TransactionId of the query API.
        status: How far it is.
        status_code: The StatusCode of the query API, which says more.
        amount: How much.
        fee: What the service keeps of it.
        currency: Of all amounts.
        environment: Where it happened.
        authorization: What it was charged to. The object itself with `expand`.
        refunded_transaction: What it gives back or disputes. The object itself with `expand`.
        payment_method: How it is paid.
        description: What the buyer reads.
        note: The seller's own note.
        idempotency_key: The key, or CallerReference, of its request.
        created_at: When the request was received.
        completed_at: When it came to its end.
    """

    object: TransactionObject
    id: str
    status: TransactionStatus
    status_code: str
    amount: Decimal
    fee: Decimal
    currency: str
    environment: Environment
    authorization: str | Authorization | None = None
    refunded_transaction: str | Transaction | None = None
    payment_method: TransactionPaymentMethod
    description: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    created_at: datetime
    completed_at: datetime | None = None


class Dispute(ApiObject, frozen=True, kw_only=True, dict=True):
    """A dispute, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id: that of its transaction.
        status: How far it is.
        charge: The transaction that is disputed.
        authorization: What was charged.
        amount: How much is disputed.
        held: What of it the balance or tab bears: of a balance, frozen meanwhile.
        owed: What the seller owes for it and has not paid yet.
        fee: What the payment network takes for the dispute.
        currency: Of all amounts.
        environment: Where it happened.
        reason: What the buyer's bank says.
        reference: What the payment network calls it.
        has_evidence: Whether this seller has any: who called for the charge.
        created_at: When it was opened.
        evidence_due_at: Until when the bank waits.
        closed_at: When it was over.
    """

    object: str
    id: str
    status: DisputeStatus
    charge: str
    authorization: str | None = None
    amount: Decimal
    held: Decimal
    owed: Decimal
    fee: Decimal
    currency: str
    environment: Environment
    reason: str | None = None
    reference: str
    has_evidence: bool
    created_at: datetime
    evidence_due_at: datetime | None = None
    closed_at: datetime | None = None


class Account(ApiObject, frozen=True, kw_only=True, dict=True):
    """An account, as the service tells it.

    Attributes:
        object: What it is.
        environment: Where it happened.
        currency: Of all amounts.
        cash: What the service holds for the seller.
        prepaid_liability: What the seller owes in goods.
        debt: What buyers owe the seller.
    """

    object: str
    environment: Environment
    currency: str
    cash: AccountCash
    prepaid_liability: AccountPrepaidLiability
    debt: AccountDebt


class Key(ApiObject, frozen=True, kw_only=True, dict=True):
    """A key, as the service tells it.

    Attributes:
        object: What it is.
        id: The access key's id.
        name: What its maker calls it.
        environment: Where it happened.
        usable: Whether calls with it are answered.
        scopes: What it may do.
        networks: Where its calls come from; none: anywhere.
        calls_per_second: Its own rate; null: the setting.
        created_at: When it was made.
        expires_at: When it ends; null: never.
        revoked_at: When it was revoked.
        last_used_at: When it was last used.
    """

    object: str
    id: str
    name: str
    environment: Environment
    usable: bool
    scopes: list[KeyScopes] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    calls_per_second: int | None = None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class Fault(ApiObject, frozen=True, kw_only=True, dict=True):
    """A fault, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id.
        status: Whether it waits, holds something, or is over.
        operation: What meets it.
        outcome: What happens then.
        transaction: The transaction that met it.
        created_at: When it was ordered.
        met_at: When something met it.
        released_at: When what it held was let go.
    """

    object: str
    id: str
    status: FaultStatus
    operation: FaultOperation
    outcome: FaultOutcome
    transaction: str | None = None
    created_at: datetime
    met_at: datetime | None = None
    released_at: datetime | None = None


class Event(ApiObject, frozen=True, kw_only=True, dict=True):
    """An event, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id, the same in every delivery.
        sequence: Its number: the next event of the account has the next one, without a gap.
        type: What happened.
        occurred_at: When it happened.
        data: The object that it happened to, as it was then.
    """

    object: str
    id: str
    sequence: int
    type: EventType
    occurred_at: datetime
    data: dict[str, Any]


class WebhookEndpoint(ApiObject, frozen=True, kw_only=True, dict=True):
    """A webhook endpoint, as the service tells it.

    Attributes:
        object: What it is.
        id: Its id.
        environment: Where it happened.
        url: Where events are posted to.
        types: Which events; `*`: every one but charges that are answered at once.
        description: A note.
        enabled: Whether events are delivered to it.
        disabled_because: Why not: somebody wanted it so, or nothing arrived for days.
        secret: Only where it was just made: what signs.
        previous_secret_until: Until when the one before signs, too.
        created_at: When it was made.
        failing_since: Since when nothing has arrived.
        last_delivered_at: When something arrived, to the minute.
    """

    object: str
    id: str
    environment: Environment
    url: str
    types: list[WebhookEndpointTypes] = field(default_factory=list)
    description: str | None = None
    enabled: bool
    disabled_because: WebhookEndpointDisabledBecause | None = None
    secret: str | None = None
    previous_secret_until: datetime | None = None
    created_at: datetime
    failing_since: datetime | None = None
    last_delivered_at: datetime | None = None


class WebhookTest(ApiObject, frozen=True, kw_only=True, dict=True):
    """A webhook test, as the service tells it.

    Attributes:
        object: What it is.
        arrived: Whether an event would count as delivered.
        http_status: What the receiver answered.
        problem: Why there is no answer.
        milliseconds: How long it took.
    """

    object: str
    arrived: bool
    http_status: int | None = None
    problem: str | None = None
    milliseconds: int


class WebhookDelivery(ApiObject, frozen=True, kw_only=True, dict=True):
    """A webhook delivery, as the service tells it.

    Attributes:
        object: What it is.
        event: The event's id.
        sequence: The event's number.
        type: What happened; null: the event is kept no longer.
        status: How far it is.
        attempts: How often it was tried.
        http_status: What the receiver answered last.
        problem: Why the last try failed.
        next_try_at: When it is tried again.
        delivered_at: When it arrived.
    """

    object: str
    event: str
    sequence: int
    type: str | None = None
    status: WebhookDeliveryStatus
    attempts: int
    http_status: int | None = None
    problem: str | None = None
    next_try_at: datetime | None = None
    delivered_at: datetime | None = None


class WebhookReplay(ApiObject, frozen=True, kw_only=True, dict=True):
    """A webhook replay, as the service tells it.

    Attributes:
        object: What it is.
        events: How many are delivered once more.
    """

    object: str
    events: int


class Clock(ApiObject, frozen=True, kw_only=True, dict=True):
    """A clock, as the service tells it.

    Attributes:
        object: What it is.
        now: What time it is in the sandbox.
        ahead_seconds: How far that is ahead.
    """

    object: str
    now: datetime
    ahead_seconds: int
