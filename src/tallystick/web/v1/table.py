"""The table of all endpoints of /v1. Routing, reading, documents and tests loop over it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from tallystick.domain.refusals import Refusal
from tallystick.domain.scopes import KeyScope
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import Field
from tallystick.web.api.errors_of_actions import ERRORS_OF
from tallystick.web.v1 import account, consents, disputes, money, payouts, transactions
from tallystick.web.v1.consent import terms
from tallystick.web.v1.endpoint import Endpoint, Perform
from tallystick.web.v1.events import events
from tallystick.web.v1.inputs import (
    AMOUNT,
    AUTHORIZATION,
    CREATED_AFTER,
    CREATED_BEFORE,
    CURRENCY,
    CURSOR,
    DESCRIPTION,
    LIMIT,
    MINUTES,
    NOTE,
    NOTIFY,
    OF_AUTHORIZATION,
    OPTIONAL_AMOUNT,
    STATUS,
    TRANSACTION,
    JsonInput,
)
from tallystick.web.v1.problems import CODES
from tallystick.web.v1.sandbox import buyers, clock, faults

_FILTERS: Final = (OF_AUTHORIZATION, STATUS, CREATED_AFTER, CREATED_BEFORE, LIMIT, CURSOR)
_TYPE: Final = JsonInput(
    Field("type", "string", OPTIONAL, "Only these.", choices=tuple(transactions.OBJECTS.values())), "charge"
)
_OF_THIRD_PARTIES: Final = frozenset(
    {
        Refusal.InvalidAccountState_Recipient,
        Refusal.InvalidTokenId_Recipient,
        Refusal.NotMarketplaceApp,
        Refusal.TokenNotActive_Recipient,
    }
)
"""Refusals of payments to a third party, which requests of this interface cannot name."""


_OF_TOP_UPS: Final = (
    "idempotency_key_required",
    *(
        CODES[refusal][1]
        for refusal in (
            Refusal.AccessFailure,
            Refusal.AmountOutOfRange,
            Refusal.ConcurrentModification,
            Refusal.DuplicateRequest,
            Refusal.InsufficientBalance,
            Refusal.InvalidAccountState_Caller,
            Refusal.InvalidAccountState_Sender,
            Refusal.InvalidTransactionId,
            Refusal.OriginalTransactionFailed,
            Refusal.OriginalTransactionIncomplete,
            Refusal.PaymentMethodNotDefined,
            Refusal.RefundAmountExceeded,
            Refusal.TransactionTypeNotRefundable,
        )
    ),
)
"""Problems of a refund of a top-up, for which the query API has no action."""


def _codes_of(action: str) -> tuple[str, ...]:
    """The problems that the use case of an action can come to."""
    return tuple(CODES[refusal][1] for refusal in ERRORS_OF[action] if refusal not in _OF_THIRD_PARTIES)


def _money(  # noqa: PLR0913, PLR0917 - a row of the table has so many columns
    path: str,
    name: str,
    summary: str,
    action: str,
    scopes: KeyScope,
    perform: Perform,
    inputs: tuple[JsonInput, ...],
    answer: str,
    codes: tuple[str, ...] = ("authorization_not_found", "authorization_not_for_this"),
    subject: str = "",
) -> Endpoint:
    return Endpoint(
        "POST",
        path,
        name,
        summary,
        action,
        scopes,
        perform,
        answer,
        inputs,
        subject,
        ("idempotency_key_required", *_codes_of(action), *codes),
        moves_money=True,
        status=HTTPStatus.CREATED,
    )


def _reads(noun: str, name: str, what: str) -> tuple[Endpoint, Endpoint]:
    kind = None if noun == "transactions" else name
    inputs = (_TYPE, *_FILTERS) if kind is None else _FILTERS
    answer = name.title().replace("_", "")
    return (
        Endpoint(
            "GET",
            f"/v1/{noun}/{{id}}",
            f"{noun}.get",
            f"One {what}.",
            "GetTransaction",
            KeyScope.READ,
            transactions.getting(kind),
            answer,
            subject=f"the {what}",
            codes=("transaction_not_found",),
        ),
        Endpoint(
            "GET",
            f"/v1/{noun}",
            f"{noun}.list",
            f"Every {what}, the newest first, page by page.",
            "GetAccountActivity",
            KeyScope.READ,
            transactions.listing(kind),
            answer,
            inputs,
            reads_much=True,
            is_list=True,
        ),
    )


ENDPOINTS: Final = (
    _money(
        "/v1/charges",
        "charges.create",
        "Charges a prepaid balance, a tab or, with a token, real money.",
        "Pay",
        KeyScope.CHARGE,
        money.charge,
        (AUTHORIZATION, AMOUNT, CURRENCY, DESCRIPTION, NOTE, NOTIFY, MINUTES),
        "Charge",
    ),
    *_reads("charges", "charge", "charge"),
    _money(
        "/v1/charges/{id}/refund",
        "charges.refund",
        "Gives back all or part of a charge: to where it came from, or off the debt.",
        "Refund",
        KeyScope.REFUND,
        money.refund,
        (OPTIONAL_AMOUNT, CURRENCY, NOTE, NOTIFY),
        "Refund",
        subject="the charge",
        codes=(),
    ),
    _money(
        "/v1/top_ups",
        "top_ups.create",
        "Brings real money onto a prepaid balance.",
        "FundPrepaid",
        KeyScope.FUND,
        money.top_up,
        (AUTHORIZATION, AMOUNT, CURRENCY, DESCRIPTION, NOTE, NOTIFY, MINUTES),
        "TopUp",
    ),
    Endpoint(
        "POST",
        "/v1/top_ups/{id}/refund",
        "top_ups.refund",
        "Gives back what was not spent of a top-up, to where it came from.",
        "Refund",
        KeyScope.REFUND,
        money.refund_top_up,
        "Refund",
        (OPTIONAL_AMOUNT, CURRENCY, NOTE, NOTIFY),
        "the top-up",
        _OF_TOP_UPS,
        moves_money=True,
        status=HTTPStatus.CREATED,
    ),
    *_reads("top_ups", "top_up", "top-up"),
    _money(
        "/v1/settlements",
        "settlements.create",
        "Brings in real money for what is owed on a tab.",
        "SettleDebt",
        KeyScope.SETTLE,
        money.settle,
        (AUTHORIZATION, AMOUNT, CURRENCY, DESCRIPTION, NOTE, NOTIFY, MINUTES),
        "Settlement",
    ),
    *_reads("settlements", "settlement", "settlement"),
    _money(
        "/v1/write_offs",
        "write_offs.create",
        "Forgives part or all of what is owed on a tab. No money moves, and it cannot be undone.",
        "WriteOffDebt",
        KeyScope.WRITE_OFF,
        money.write_off,
        (AUTHORIZATION, AMOUNT, CURRENCY, NOTE),
        "WriteOff",
    ),
    *_reads("write_offs", "write_off", "write-off"),
    _money(
        "/v1/refunds",
        "refunds.create",
        "Gives back all or part of a transaction: to where it came from, or off the debt.",
        "Refund",
        KeyScope.REFUND,
        money.refund,
        (TRANSACTION, OPTIONAL_AMOUNT, CURRENCY, NOTE, NOTIFY),
        "Refund",
        codes=(),
    ),
    *_reads("refunds", "refund", "refund"),
    Endpoint(
        "POST",
        "/v1/payouts",
        "payouts.create",
        "Lets cash leave for the seller's bank account: so much, or all that is held.",
        "none",
        KeyScope.PAY_OUT,
        payouts.create,
        "Payout",
        (payouts.AMOUNT, CURRENCY, NOTE),
        codes=("idempotency_key_required", "payout_not_ready", *payouts.CODES_OF),
        moves_money=True,
        status=HTTPStatus.CREATED,
    ),
    *_reads("payouts", "payout", "payout"),
    Endpoint(
        "GET",
        "/v1/disputes/{id}",
        "disputes.get",
        "One dispute.",
        "none",
        KeyScope.READ,
        disputes.get,
        "Dispute",
        subject="the dispute",
        codes=("transaction_not_found",),
    ),
    Endpoint(
        "GET",
        "/v1/disputes",
        "disputes.list",
        "Every dispute of a charge, the newest first, page by page.",
        "none",
        KeyScope.READ,
        disputes.list_,
        "Dispute",
        (disputes.STATUS, LIMIT, CURSOR),
        reads_much=True,
        is_list=True,
    ),
    Endpoint(
        "GET",
        "/v1/disputes/{id}/evidence",
        "disputes.evidence",
        "What to answer the bank with: what was agreed to, from where, and each charge since, as a PDF.",
        "none",
        KeyScope.READ,
        disputes.evidence,
        "Dispute",
        subject="the dispute",
        codes=("transaction_not_found",),
        reads_much=True,
        media_type="application/pdf",
    ),
    *_reads("transactions", "transaction", "transaction"),
    Endpoint(
        "POST",
        "/v1/authorizations",
        "authorizations.create",
        "Asks for a prepaid balance, a tab or payments: a buyer agrees to it at the `url` of the answer.",
        "none",
        KeyScope.HOSTED_LINKS,
        consents.create,
        "Authorization",
        terms.INPUTS,
        codes=("idempotency_key_required", "idempotency_conflict"),
        takes_key=True,
        status=HTTPStatus.CREATED,
    ),
    Endpoint(
        "GET",
        "/v1/authorizations/{id}",
        "authorizations.get",
        "One authorization: its status, and what is left or owed.",
        "none",
        KeyScope.READ,
        consents.get,
        "Authorization",
        subject="the authorization",
        codes=("authorization_not_found",),
        has_tag=True,
    ),
    Endpoint(
        "GET",
        "/v1/authorizations",
        "authorizations.list",
        "Every balance and tab that a buyer has agreed to, the newest first, page by page.",
        "none",
        KeyScope.READ,
        consents.list_,
        "Authorization",
        (consents.KIND_FILTER, LIMIT, CURSOR),
        reads_much=True,
        is_list=True,
    ),
    Endpoint(
        "POST",
        "/v1/authorizations/{id}/cancel",
        "authorizations.cancel",
        "Ends charges and top-ups for good. What is owed on a tab can still be settled.",
        "CancelToken",
        KeyScope.TOKENS,
        consents.cancel,
        "Authorization",
        (NOTIFY,),
        subject="the authorization",
        codes=("authorization_not_found", *_codes_of("CancelToken")),
    ),
    Endpoint(
        "GET",
        "/v1/sandbox/clock",
        "sandbox.clock",
        "What time it is in the sandbox.",
        "none",
        KeyScope.READ,
        clock.read_clock,
        "Clock",
        codes=("not_found",),
    ),
    Endpoint(
        "POST",
        "/v1/sandbox/clock",
        "sandbox.forward_clock",
        "Moves the sandbox's clock forward. It never goes back.",
        "none",
        KeyScope.TOKENS,
        clock.forward_clock,
        "Clock",
        (clock.BY,),
        codes=("not_found", "clock_too_far_ahead", "clock_moved"),
    ),
    Endpoint(
        "POST",
        "/v1/sandbox/authorize",
        "sandbox.authorize",
        "Agrees to an authorization as a buyer who is played. Again by the same buyer: nothing changes.",
        "none",
        KeyScope.HOSTED_LINKS,
        buyers.authorize,
        "Authorization",
        buyers.INPUTS,
        codes=("not_found", "authorization_not_found", "buyer_cannot_agree", "agreed_by_another"),
    ),
    Endpoint(
        "GET",
        "/v1/sandbox/faults",
        "sandbox.faults",
        "The faults on order: those that wait, those that hold something, then the latest others, at most 100.",
        "none",
        KeyScope.READ,
        faults.list_,
        "Fault",
        codes=("not_found",),
        is_list=True,
    ),
    Endpoint(
        "POST",
        "/v1/sandbox/faults",
        "sandbox.order_fault",
        "Orders a fault: the next charge, reservation or refund of the sandbox fails, or has no answer until released.",
        "none",
        KeyScope.TOKENS,
        faults.order,
        "Fault",
        (faults.OPERATION, faults.OUTCOME),
        codes=("not_found", "too_many_faults"),
        status=HTTPStatus.CREATED,
    ),
    Endpoint(
        "POST",
        "/v1/sandbox/faults/{id}/release",
        "sandbox.release_fault",
        "Lets go what a fault holds.",
        "none",
        KeyScope.TOKENS,
        faults.release,
        "Fault",
        (faults.RELEASED_AS,),
        subject="the fault",
        codes=("not_found", "fault_not_holding"),
    ),
    Endpoint(
        "DELETE",
        "/v1/sandbox/faults/{id}",
        "sandbox.take_back_fault",
        "Takes a fault back that nothing has met yet.",
        "none",
        KeyScope.TOKENS,
        faults.take_back,
        "Fault",
        subject="the fault",
        codes=("not_found", "fault_met_already"),
    ),
    Endpoint(
        "GET",
        "/v1/account",
        "account.get",
        "What the service holds for the seller, what the seller owes in goods, what buyers owe the seller.",
        "GetAccountBalance",
        KeyScope.READ,
        account.get_account,
        "Account",
    ),
    Endpoint(
        "GET",
        "/v1/events/{id}",
        "events.get",
        "One event.",
        "none",
        KeyScope.READ,
        events.get,
        "Event",
        subject="the event",
        codes=("event_not_found",),
    ),
    Endpoint(
        "GET",
        "/v1/events",
        "events.list",
        "What has happened in the last 30 days, the oldest first, page by page.",
        "none",
        KeyScope.READ,
        events.list_,
        "Event",
        (events.AFTER, events.TYPE, LIMIT, events.CURSOR),
        codes=("events_forgotten",),
        reads_much=True,
        is_list=True,
    ),
    Endpoint(
        "GET",
        "/v1/keys",
        "keys.list",
        "The keys of this environment, the newest first, without their secrets.",
        "none",
        KeyScope.READ,
        account.list_keys,
        "Key",
        is_list=True,
    ),
)

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
