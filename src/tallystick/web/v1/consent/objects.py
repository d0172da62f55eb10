"""The authorization object of /v1: what was asked for, and what somebody has agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.money import format_amount
from tallystick.services.consent import requested
from tallystick.services.consent.terms import PostpaidTerms, PrepaidTerms, SenderTerms, read_terms
from tallystick.services.events.authorizations import (
    STATES,
    agreed_object,
    each_members,
    head_members,
    payment_object,
    promised_limit,
    total_limit,
)
from tallystick.web.v1.consent.terms import KIND_OF, USE_OF
from tallystick.web.v1.transactions import moment

if TYPE_CHECKING:
    from tallystick.services.consent.requested import RequestedAuthorization
    from tallystick.services.reports.instruments import TokenRecord
    from tallystick.web.v1.authorizations import AuthorizationObject
    from tallystick.web.v1.endpoint import Asked

PENDING: Final = "pending"
STATUSES: Final = (PENDING, *STATES.values())


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
            "limits": [promised_limit(limit) for limit in terms.limits],
        }
    elif isinstance(terms, SenderTerms):
        total, others = total_limit(terms.limits)
        shown |= {"total_limit": total, "limits": [promised_limit(one) for one in others], **each_members(terms.agreed)}
    return {
        **head_members(wanted.authorization_id, KIND_OF[wanted.pipeline], PENDING),
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
    return agreed_object(found, asked.books.now, None if wanted is None else wanted.caller_reference)


def payment(asked: Asked, token: TokenRecord) -> Mapping[str, Any]:
    """A token that charges real money, or that receives."""
    return payment_object(token, asked.books.now)
