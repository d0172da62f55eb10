"""Subscriptions: recurring tokens seen as what they stand for. A subscription's id is the id of its token.

Source: docs/protocol/datatypes.md, SubscriptionDetails; docs/decisions/030.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain import commands
from tallystick.domain.limits import LimitKind
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.tokens import TokenState
from tallystick.services.actions.transactions import AT_A_TIME, received_at
from tallystick.services.api import identify
from tallystick.services.api.call import amount
from tallystick.services.api.fields import invalid, missing
from tallystick.store.queries import subscriptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tallystick.domain.ids import BookId
    from tallystick.domain.limits import UsageLimit
    from tallystick.domain.periods import Period
    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result, Value
    from tallystick.store.queries.subscriptions import Payment, Subscription

A_SUBSCRIPTION: Final = "a valid subscription ID"
NO_NAME: Final = "Subscription"

_SUCCESS: Final = "Success"
_DAY: Final = timedelta(days=1)


async def get_subscription_details(call: Call) -> Result:
    """What was agreed to, and how far it has come. There are no promotions here, so those elements are empty."""
    subscription, payments, _ = await _readable(call)
    now = call.now + subscription.token.clock_offset
    frequency = subscription.frequency
    active = _status(subscription, now) == "Active"
    price = amount(subscription.amount_micros)
    details: Mapping[str, Value] = {
        "SubscriptionId": subscription.token.token_id,
        "Description": subscription.description or NO_NAME,
        "SubscriptionAmount": price,
        "NextTransactionAmount": price if active else None,
        "NumberOfPromotionalTransactions": 0,
        "StartDate": subscription.token.valid_from,
        "EndDate": subscription.token.expires_at,
        "SubscriptionPeriod": _whole_days(subscription),
        "SubscriptionFrequency": _duration(frequency),
        "SubscriptionStatus": _status(subscription, now),
        "NumberOfTransactionsProcessed": sum(payment.status == _SUCCESS for payment in payments),
        "RecipientEmail": subscription.token.seller_email,
        "RecipientName": subscription.token.seller_name,
        "SenderEmail": subscription.token.giver_email,
        "SenderName": subscription.token.giver_name,
        "NextTransactionDate": _next(subscription, now) if active else None,
    }
    return {"SubscriptionDetails": details}


async def get_transactions_for_subscription(call: Call) -> Result:
    """The payments, oldest first, those of tokens that the present one replaced included.

    A caller reads its own note on each, or what it told the sender; everybody else the latter only.
    """
    subscription, payments, book_id = await _readable(call)
    own = call.owns(book_id)
    shown: list[Mapping[str, Value]] = []
    for number, payment in enumerate(payments, start=1):
        shown.append(
            {
                "TransactionId": payment.transaction_id,
                "TransactionDate": received_at(payment.transaction_id),
                "TransactionSerialNumber": number,
                "TransactionAmount": amount(payment.amount_micros),
                "Description": (payment.caller_description if own else None)
                or payment.sender_description
                or subscription.description
                or NO_NAME,
                "TransactionStatus": payment.status,
            }
        )
        if not number % AT_A_TIME:
            await call.step_aside()
    return {"SubscriptionTransaction": shown}


async def cancel_subscription_and_refund(call: Call) -> Result:
    """End a subscription; with RefundAmount give that much of its latest payment back, also after its end.

    The refund comes first, under its CallerReference: repeating a call that broke off in between gives the
    same refund and then cancels. Raises Refused: InvalidParams, InvalidSubscriptionState, and as Refund.
    """
    subscription, payments, book_id = await _readable(call)
    if book_id != call.book_id:
        raise invalid("SubscriptionId", A_SUBSCRIPTION, subscription.token.token_id)
    active = _status(subscription, call.book_now) == "Active"
    asked_micros = call.values.optional_integer("RefundAmount")
    if asked_micros is None:
        if not active:
            raise Refused(Refusal.InvalidSubscriptionState, "The subscription is cancelled or completed already.")
        await _cancel(call, subscription)
        return {}
    if "CallerReference" not in call.values.parsed:
        raise missing("CallerReference")
    if not payments:
        raise Refused(Refusal.InvalidSubscriptionState, "The subscription has no payment yet that could be refunded.")
    charged = [payment for payment in payments if payment.status == _SUCCESS]
    original_id = (charged or payments)[-1].transaction_id
    request = call.request(caller_description=call.values.optional_text("CancelReason"))
    outcome = await call.perform(commands.Refund(request, original_id, asked_micros))
    if not isinstance(outcome, Accepted):
        raise TypeError(f"a refund came to {outcome!r}")
    if active:
        await _cancel(call, subscription)
    return {"RefundTransactionId": outcome.transaction_id}


async def _cancel(call: Call, subscription: Subscription) -> None:
    try:
        await call.perform(commands.CancelToken(subscription.token.token_id, by=call.key.party_id))
    except Refused as refused:
        if refused.refusal is not Refusal.TokenNotActive:  # somebody else was quicker
            raise


async def _readable(call: Call) -> tuple[Subscription, list[Payment], BookId]:
    """The subscription that the call names, if the caller offers it or pays for it. Raises Refused: InvalidParams."""
    text = call.values.text("SubscriptionId")
    unknown = invalid("SubscriptionId", A_SUBSCRIPTION, text)
    try:
        token_id, book_id = identify.token(text, "SubscriptionId")
    except Refused:
        raise unknown from None
    found = await subscriptions.find(call.service.pool, book_id, token_id)
    if (
        found is None
        or found.token.environment != call.key.environment
        or call.key.party_id not in {found.token.seller_id, found.token.giver_id}
    ):
        raise unknown
    return found, await subscriptions.payments(call.service.pool, book_id, token_id), book_id


def _status(subscription: Subscription, now: datetime) -> str:
    match subscription.token.state(now):
        case TokenState.CANCELLED:
            return "Cancelled"
        case TokenState.EXPIRED:
            return "Completed"
        case _:
            return "Active"


def _duration(period: Period) -> Mapping[str, Value]:
    if period.unit == "Hour":  # the schema's smallest unit is the day; the limit itself stays exact
        return {"Value": max(1, period.count // 24), "TimeUnit": "day"}
    return {"Value": period.count, "TimeUnit": period.unit.lower()}


def _whole_days(subscription: Subscription) -> Mapping[str, Value] | None:
    if subscription.token.expires_at is None:
        return None
    return {"Value": (subscription.token.expires_at - subscription.token.valid_from) // _DAY, "TimeUnit": "day"}


def _next(subscription: Subscription, now: datetime) -> datetime | None:
    """When the next payment is due: now, where this period's is not made yet; None after the end, or the calendar's."""
    limit = _counting(subscription).rolled(now)
    due = max(now, subscription.token.valid_from)
    if limit.used >= limit.limit:
        try:
            due = subscription.frequency.after(limit.window_start)
        except OverflowError:
            return None
    return due if subscription.token.expires_at is None or due < subscription.token.expires_at else None


def _counting(subscription: Subscription) -> UsageLimit:
    return next(
        limit for limit in subscription.token.usage_limits if limit.kind is LimitKind.COUNT and limit.period is not None
    )
