"""What is agreed to, as the texts need it: read from a visit's terms before consent, from a stored authorization after.

Both are converted to the same values, so the same sentences describe both. Amounts are micro-units of USD.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import AmountRule, LimitTerms, Method, TokenType
from tallystick.domain.decide.outgoing.redemption import NEVER, Redemption
from tallystick.services.consent.participants import Names
from tallystick.services.consent.terms import (
    AnyTerms,
    EditTerms,
    PostpaidTerms,
    PrepaidTerms,
    PurchaseTerms,
    RecipientTerms,
    SenderTerms,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.domain.commands import TokenTerms
    from tallystick.services.buyer.authorization_status import AuthorizationState
    from tallystick.services.consent.participants import TokenRecord

_ACCEPTED: Final = re.compile(r"PaymentMethod in \(('[a-z]+'(?:, '[a-z]+')*)\);")  # as the Recipient pipeline writes it


@dataclass(frozen=True, slots=True)
class AgreedBalance:
    """A prepaid balance that the seller may fill up to a maximum; what of it is paid back when the buyer asks."""

    funding_limit_micros: int
    redemption: Redemption


@dataclass(frozen=True, slots=True)
class AgreedTab:
    """Purchases that are owed at first: so much at a time, so much in all."""

    credit_limit_micros: int
    total_limit_micros: int
    limits: tuple[LimitTerms, ...]


@dataclass(frozen=True, slots=True)
class AgreedPurchase:
    """One payment, made when it is agreed to."""

    amount_micros: int


@dataclass(frozen=True, slots=True)
class AgreedPayments:
    """Payments that the seller may take: one, regular ones, or several within limits.

    `amount_rule` says how each payment relates to `amount_micros`; both are None where only the limits bind.
    """

    token_type: TokenType
    amount_rule: AmountRule | None
    amount_micros: int | None
    for_reserve: bool
    limits: tuple[LimitTerms, ...]


@dataclass(frozen=True, slots=True)
class AgreedMethodChange:
    """Another means of payment for payments that were agreed to before; all else stays."""

    payments: AgreedPayments


@dataclass(frozen=True, slots=True)
class AgreedReceiving:
    """Payments that the seller may take on somebody's behalf. `accepted` is None where buyers may pay by any method.

    The seller's share of each payment is at most a fixed amount and a part, in millionths; None: no such share.
    """

    max_fixed_fee_micros: int | None
    max_variable_fee_ppm: int | None
    recipient_pays_fee: bool | None
    accepted: tuple[Method, ...] | None


@dataclass(frozen=True, slots=True)
class AgreedRefunds:
    """Paying buyers back out of somebody's account."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What is agreed to, between whom, from when to when.

    `starts_at` is None where it starts at once, `expires_at` where no end was given.
    """

    subject: (
        AgreedBalance
        | AgreedTab
        | AgreedPurchase
        | AgreedPayments
        | AgreedMethodChange
        | AgreedReceiving
        | AgreedRefunds
    )
    names: Names
    starts_at: datetime | None
    expires_at: datetime | None


def agreed_in_visit(
    terms: AnyTerms, names: Names, edited: TokenRecord | None = None, redemption: Redemption = NEVER
) -> Agreed:
    """What the terms of a visit ask for. `edited` is the token of EditToken. Raises LookupError without it.

    `redemption`: what the seller pays back of prepaid balances.
    """
    match terms:
        case PrepaidTerms():
            return _of_terms(AgreedBalance(terms.funding_limit_micros, redemption), terms, names)
        case PostpaidTerms():
            return _of_terms(AgreedTab(terms.credit_limit_micros, terms.total_limit_micros, terms.limits), terms, names)
        case PurchaseTerms():
            return _of_terms(AgreedPurchase(terms.amount_micros), terms, names)
        case SenderTerms():
            return _of_terms(_payments(terms.token_type, terms.agreed, terms.limits), terms, names)
        case RecipientTerms():
            return _of_terms(_receiving(terms.agreed, terms.accepted), terms, names)
        case EditTerms():
            if edited is None:
                raise LookupError("the token to edit is not there")
            payments = _payments(edited.token_type, edited.terms, edited.limits)
            return Agreed(AgreedMethodChange(payments), names, edited.valid_from, edited.expires_at)


def agreed_before(state: AuthorizationState) -> Agreed:
    """What a stored authorization allows."""
    authorization = state.authorization
    return Agreed(_stored(state), state.names, authorization.valid_from, authorization.expires_at)


def _stored(state: AuthorizationState) -> AgreedBalance | AgreedTab | AgreedPayments | AgreedReceiving | AgreedRefunds:
    authorization = state.authorization
    limits = tuple(LimitTerms(limit.kind, limit.limit, limit.period) for limit in authorization.limits)
    holdings = authorization.holdings
    if holdings is not None and holdings.total_limit_micros is None:
        return AgreedBalance(holdings.limit_micros, state.promised)
    if holdings is not None and holdings.total_limit_micros is not None:
        return AgreedTab(holdings.limit_micros, holdings.total_limit_micros, limits)
    if state.receives:
        return _receiving(authorization.terms, _accepted(authorization.instruction))
    if state.refunds:
        return AgreedRefunds()
    return _payments(authorization.token_type, authorization.terms, limits)


def _of_terms(
    subject: AgreedBalance | AgreedTab | AgreedPurchase | AgreedPayments | AgreedReceiving,
    terms: AnyTerms,
    names: Names,
) -> Agreed:
    return Agreed(subject, names, terms.starts_at, terms.expires_at)


def _payments(token_type: TokenType, terms: TokenTerms, limits: Sequence[LimitTerms]) -> AgreedPayments:
    return AgreedPayments(token_type, terms.amount_rule, terms.amount_micros, terms.for_reserve, tuple(limits))


def _receiving(terms: TokenTerms, accepted: tuple[Method, ...] | None) -> AgreedReceiving:
    return AgreedReceiving(terms.max_fixed_fee_micros, terms.max_variable_fee_ppm, terms.recipient_pays_fee, accepted)


def _accepted(instruction: str | None) -> tuple[Method, ...] | None:
    """The methods that the instruction of a recipient's authorization is bound to; None: any."""
    bound = None if instruction is None else _ACCEPTED.fullmatch(instruction)
    if bound is None:
        return None
    return tuple(Method(name.strip("' ").upper()) for name in bound[1].split(","))
