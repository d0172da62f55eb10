"""What is asked for, at a glance: the head of the hosted pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.domain.commands import LimitTerms, TokenTerms, TokenType
from tallystick.domain.limits import LimitKind
from tallystick.services.consent.consent_phrases import every, share, until
from tallystick.services.consent.consent_text import Names, certain, recurring_period
from tallystick.services.consent.terms import (
    AnyTerms,
    EditTerms,
    PostpaidTerms,
    PrepaidTerms,
    PurchaseTerms,
    RecipientTerms,
    SenderTerms,
)
from tallystick.words import dollars
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.domain.periods import Period
    from tallystick.store.queries.consent_tokens import AgreedToken


@dataclass(frozen=True, slots=True)
class Offer:
    """What is asked for, at a glance, and how its pages speak of it.

    `figure` is what matters most, `qualifier` stands before it. `summary` is all of it in one sentence: who, how much,
    until when. `source_label` names the means of payment chosen, `method_heading` asks for one, `button` agrees,
    `closing` says what agreeing does to the person's money.
    """

    label: str
    qualifier: str
    figure: str
    summary: str
    source_label: str
    method_heading: str
    button: str
    closing: str


def offer(terms: AnyTerms, names: Names, edited: AgreedToken | None = None) -> Offer:
    """What is asked for. `edited` is the token of EditToken. Raises LookupError without it."""
    seller = names.seller
    match terms:
        case PrepaidTerms():
            return _balance(terms, seller)
        case PostpaidTerms():
            return _tab(terms, seller)
        case PurchaseTerms():
            return _purchase(terms, seller)
        case SenderTerms():
            return _payments(terms.token_type, terms.agreed, terms.limits, seller, terms.expires_at)
        case RecipientTerms():
            return _receiving(terms, seller)
        case EditTerms():
            old = certain(edited)
            return replace(
                _payments(old.token_type, old.terms, old.limits, seller, old.expires_at),
                label=_("Change how you pay"),
                summary=_("%(seller)s keeps charging you as agreed. Only the way you pay changes.", seller=seller),
                method_heading=_("Choose how to pay from now on"),
            )


def _balance(terms: PrepaidTerms, seller: str) -> Offer:
    maximum = dollars(terms.funding_limit_micros)
    return Offer(
        label=_("Prepaid balance"),
        qualifier=_("up to"),
        figure=maximum,
        summary=_(
            "%(seller)s may charge you to fill a balance of up to %(amount)s %(until)s.",
            seller=seller,
            amount=maximum,
            until=until(terms.expires_at),
        ),
        source_label=_("Filled from"),
        method_heading=_("Choose how to fill the balance"),
        button=_("Confirm"),
        closing=_("Nothing is charged now."),
    )


def _tab(terms: PostpaidTerms, seller: str) -> Offer:
    maximum = dollars(terms.credit_limit_micros)
    return Offer(
        label=_("Pay later on a tab"),
        qualifier=_("up to"),
        figure=maximum,
        summary=_(
            "You may owe %(seller)s up to %(amount)s at a time and %(total)s in total %(until)s.",
            seller=seller,
            amount=maximum,
            total=dollars(terms.total_limit_micros),
            until=until(terms.expires_at),
        ),
        source_label=_("Settled from"),
        method_heading=_("Choose how to settle the tab"),
        button=_("Confirm"),
        closing=_("Nothing is charged now."),
    )


def _purchase(terms: PurchaseTerms, seller: str) -> Offer:
    price = dollars(terms.amount_micros)
    return Offer(
        label=_("Pay now"),
        qualifier="",
        figure=price,
        summary=_("You pay %(amount)s to %(seller)s, once.", amount=price, seller=seller),
        source_label=_("Paid from"),
        method_heading=_("Choose how to pay"),
        button=_("Pay %(amount)s", amount=price),
        closing=_("You pay %(amount)s when you confirm.", amount=price),
    )


def _payments(
    token_type: TokenType, agreed: TokenTerms, limits: Sequence[LimitTerms], seller: str, expires_at: datetime | None
) -> Offer:
    total = next((one.limit for one in limits if one.kind is LimitKind.AMOUNT and one.period is None), None)
    micros = agreed.amount_micros
    if token_type is TokenType.SINGLE_USE and micros is not None:
        label, qualifier, figure = (
            _("Hold on your card") if agreed.for_reserve else _("One payment"),
            "",
            dollars(micros),
        )
        summary = _once(figure, seller, for_reserve=agreed.for_reserve)
    elif token_type is TokenType.RECURRING and micros is not None:
        label, qualifier, figure = _("Regular payments"), "", dollars(micros)
        summary = _again_and_again(figure, seller, recurring_period(limits), expires_at)
    elif total is not None:
        label, qualifier, figure = _("Payments"), _("up to"), dollars(total)
        summary = _in_total(figure, seller, token_type, expires_at)
    else:
        label, qualifier, figure = _("Payments"), "", _("As agreed")
        summary = _("%(seller)s may charge you as agreed %(until)s.", seller=seller, until=until(expires_at))
    return Offer(
        label=label,
        qualifier=qualifier,
        figure=figure,
        summary=summary,
        source_label=_("Paid from"),
        method_heading=_("Choose how to pay"),
        button=_("Confirm"),
        closing=_("Nothing is charged now."),
    )


def _once(price: str, seller: str, *, for_reserve: bool) -> str:
    if for_reserve:
        return _("%(seller)s may hold %(amount)s, once, within three hours.", seller=seller, amount=price)
    return _("%(seller)s may charge you %(amount)s, once, within three hours.", seller=seller, amount=price)


def _again_and_again(price: str, seller: str, period: Period | None, expires_at: datetime | None) -> str:
    if period is None:
        return _("%(seller)s may charge you %(amount)s, once in all.", seller=seller, amount=price)
    return _(
        "%(seller)s may charge you %(amount)s at most once %(every)s %(until)s.",
        seller=seller,
        amount=price,
        every=every(period),
        until=until(expires_at),
    )


def _in_total(maximum: str, seller: str, token_type: TokenType, expires_at: datetime | None) -> str:
    for_a_year = token_type is TokenType.MULTI_USE and expires_at is None
    return _(
        "%(seller)s may charge you up to %(amount)s in total %(until)s.",
        seller=seller,
        amount=maximum,
        until=_("for one year") if for_a_year else until(expires_at),
    )


def _receiving(terms: RecipientTerms, seller: str) -> Offer:
    kept = share(terms.agreed) or dollars(0)
    return Offer(
        label=_("Receive payments through a marketplace"),
        qualifier=_("up to"),
        figure=kept,
        summary=_(
            "%(seller)s may take payments on your behalf and keeps at most %(share)s of each payment, %(until)s.",
            seller=seller,
            share=kept,
            until=until(terms.expires_at),
        ),
        source_label="",
        method_heading="",
        button=_("Confirm"),
        closing=_("Nothing is charged now."),
    )
