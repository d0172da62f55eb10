"""The authorization object of /v1: what was asked for, and what somebody has agreed to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.commands import LimitTerms, TokenType
from tallystick.domain.limits import LimitKind, UsageLimit
from tallystick.domain.money import USD, format_amount
from tallystick.domain.tokens import TokenState
from tallystick.services.consent import requested
from tallystick.services.consent.terms import PostpaidTerms, PrepaidTerms, SenderTerms, read_terms
from tallystick.web.v1.authorizations import PREPAID, largest_payment_micros
from tallystick.web.v1.consent.terms import KIND_OF, METHODS, MULTIPLE, PAYMENT, RECURRING, RULES, SINGLE, USE_OF
from tallystick.web.v1.transactions import moment

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.domain.commands import TokenTerms
    from tallystick.services.consent.requested import RequestedAuthorization
    from tallystick.services.reports.instruments import TokenRecord
    from tallystick.web.v1.authorizations import AuthorizationObject
    from tallystick.web.v1.endpoint import Asked

PENDING: Final = "pending"
_STATES: Final = {
    TokenState.NOT_YET: "not_yet_active",
    TokenState.ACTIVE: "active",
    TokenState.USED: "used",
    TokenState.EXPIRED: "expired",
    TokenState.CANCELLED: "cancelled",
}
STATUSES: Final = (PENDING, *_STATES.values())
_USES: Final = {
    TokenType.SINGLE_USE: SINGLE,
    TokenType.MULTI_USE: MULTIPLE,
    TokenType.RECURRING: RECURRING,
    TokenType.UNRESTRICTED: None,
}

_NOTHING: Final[Mapping[str, Any]] = dict.fromkeys(
    (
        "use",
        "url",
        "limit",
        "total_limit",
        "amount",
        "amount_rule",
        "for_reservation",
        "payment_method",
        "balance",
        "owed",
        "pending",
        "available",
    )
)


def pending(asked: Asked, wanted: RequestedAuthorization) -> Mapping[str, Any]:
    """What nobody has agreed to yet."""
    terms = read_terms(wanted.pipeline, wanted.parameters)
    shown: dict[str, Any] = {}
    if isinstance(terms, PrepaidTerms):
        shown |= {"limit": format_amount(terms.funding_limit_micros), "limits": []}
    elif isinstance(terms, PostpaidTerms):
        shown |= {
            "limit": format_amount(terms.credit_limit_micros),
            "total_limit": format_amount(terms.total_limit_micros),
            "limits": [_promised(limit) for limit in terms.limits],
        }
    elif isinstance(terms, SenderTerms):
        total, others = _total(terms.limits)
        shown |= {"total_limit": total, "limits": [_promised(one) for one in others], **_each(terms.agreed)}
    return {
        **_head(wanted.authorization_id, KIND_OF[wanted.pipeline], PENDING),
        "use": USE_OF[wanted.pipeline],
        "url": requested.link(asked.service, asked.key, wanted.parameters),
        **shown,
        "description": wanted.parameters.get("paymentReason"),
        "idempotency_key": wanted.caller_reference,
        "created_at": moment(wanted.created_at),
        "starts_at": moment(terms.starts_at),
        "expires_at": moment(terms.expires_at),
    }


def agreed(asked: Asked, found: AuthorizationObject, wanted: RequestedAuthorization | None) -> Mapping[str, Any]:
    """A balance or a tab that somebody has agreed to."""
    record, token, now = found.instrument, found.spending_token, asked.books.now
    prepaid = found.kind == PREPAID
    state = token.state(now)
    over = state.over or state is TokenState.NOT_YET
    money = found.money_token.method
    return {
        **_head(record.instrument_id, found.kind, _STATES[state]),
        "limit": format_amount(record.limit_micros),
        "total_limit": None if record.total_limit_micros is None else format_amount(record.total_limit_micros),
        "limits": [_running(limit, now) for limit in token.usage_limits],
        "payment_method": None if money is None else METHODS[money],
        "balance": format_amount(record.balance_micros) if prepaid else None,
        "owed": None if prepaid else format_amount(record.balance_micros),
        "pending": format_amount(record.pending_micros),
        "available": format_amount(0 if over else found.largest_charge_micros(now)),
        "description": token.payment_reason,
        "idempotency_key": token.caller_reference if wanted is None else wanted.caller_reference,
        "created_at": moment(record.created_at),
        "starts_at": moment(token.valid_from),
        "expires_at": moment(record.expires_at),
    }


def payment(asked: Asked, token: TokenRecord) -> Mapping[str, Any]:
    """A token that charges real money, or that receives."""
    now = asked.books.now
    state = token.state(now)
    total, others = _total(token.usage_limits)
    largest = largest_payment_micros(token, now)
    if state is not TokenState.ACTIVE:
        largest = 0
    return {
        **_head(token.token_id, PAYMENT, _STATES[state]),
        "use": _USES[token.token_type],
        "total_limit": total,
        "limits": [_running(limit, now) for limit in others],
        **_each(token.terms),
        "payment_method": None if token.method is None else METHODS[token.method],
        "available": None if largest is None else format_amount(largest),
        "description": token.payment_reason,
        "idempotency_key": token.caller_reference,
        "created_at": moment(token.created_at),
        "starts_at": moment(token.valid_from),
        "expires_at": moment(token.expires_at),
    }


def _head(an_id: str, kind: str, status: str) -> dict[str, Any]:
    return {"object": "authorization", "id": an_id, "kind": kind, "status": status, "currency": USD, **_NOTHING}


def _each(terms: TokenTerms) -> Mapping[str, Any]:
    """What each payment comes to."""
    return {
        "amount": None if terms.amount_micros is None else format_amount(terms.amount_micros),
        "amount_rule": None if terms.amount_rule is None else RULES[terms.amount_rule],
        "for_reservation": terms.for_reserve,
    }


def _total(limits: Iterable[LimitTerms | UsageLimit]) -> tuple[str | None, list[Any]]:
    """The limit on all payments together, and the others."""
    others = list(limits)
    for limit in others:
        if limit.kind is LimitKind.AMOUNT and limit.period is None:
            others.remove(limit)
            return format_amount(limit.limit), others
    return None, others


def _promised(limit: LimitTerms) -> Mapping[str, Any]:
    return _limit(limit.kind, limit.limit, limit.limit, limit.period, None)


def _running(limit: UsageLimit, now: datetime) -> Mapping[str, Any]:
    current = limit.rolled(now)
    renews_at = None
    if limit.period is not None:
        with suppress(OverflowError):  # beyond the calendar, which long periods reach at once
            renews_at = limit.period.window_end(limit.anchor, now)
    return _limit(limit.kind, limit.limit, max(0, current.limit - current.used), limit.period, renews_at)


def _limit(kind: LimitKind, most: int, left: int, period: object, renews_at: datetime | None) -> Mapping[str, Any]:
    of_amount = kind is LimitKind.AMOUNT
    return {
        "amount": format_amount(most) if of_amount else None,
        "charges": None if of_amount else most,
        "left_amount": format_amount(left) if of_amount else None,
        "left_charges": None if of_amount else left,
        "period": None if period is None else str(period),
        "renews_at": moment(renews_at),
    }
