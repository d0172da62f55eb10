"""What is asked for, at a glance: the head of the hosted pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.domain.commands import TokenType
from tallystick.domain.limits import LimitKind
from tallystick.web.common.agreements.agreed import (
    Agreed,
    AgreedBalance,
    AgreedMethodChange,
    AgreedPayments,
    AgreedPurchase,
    AgreedReceiving,
    AgreedRefunds,
    AgreedTab,
)
from tallystick.web.common.agreements.consent_text import recurring_period
from tallystick.web.common.agreements.phrases import every, share, until
from tallystick.words import dollars
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.domain.periods import Period


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


def offer(agreed: Agreed) -> Offer:
    """The offer for what is agreed. Raises TypeError for a bare refund authorization, which no page asks for."""
    seller, ends = agreed.names.seller, agreed.expires_at
    match agreed.subject:
        case AgreedBalance() as balance:
            return _balance(balance, seller, ends)
        case AgreedTab() as tab:
            return _tab(tab, seller, ends)
        case AgreedPurchase() as purchase:
            return _purchase(purchase, seller)
        case AgreedPayments() as payments:
            return _payments(payments, seller, ends)
        case AgreedReceiving() as receiving:
            return _receiving(receiving, seller, ends)
        case AgreedRefunds():
            raise TypeError("no page asks for this alone: it comes with receiving")
        case AgreedMethodChange(payments):
            return replace(
                _payments(payments, seller, ends),
                label=_("Change how you pay"),
                summary=_("%(seller)s keeps charging you as agreed. Only the way you pay changes.", seller=seller),
                method_heading=_("Choose how to pay from now on"),
            )


def _balance(terms: AgreedBalance, seller: str, expires_at: datetime | None) -> Offer:
    maximum = dollars(terms.funding_limit_micros)
    return Offer(
        label=_("Prepaid balance"),
        qualifier=_("up to"),
        figure=maximum,
        summary=_(
            "%(seller)s may charge you to fill a balance of up to %(amount)s %(until)s.",
            seller=seller,
            amount=maximum,
            until=until(expires_at),
        ),
        source_label=_("Filled from"),
        method_heading=_("Choose how to fill the balance"),
        button=_("Confirm"),
        closing=_("Nothing is charged now."),
    )


def _tab(terms: AgreedTab, seller: str, expires_at: datetime | None) -> Offer:
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
            until=until(expires_at),
        ),
        source_label=_("Settled from"),
        method_heading=_("Choose how to settle the tab"),
        button=_("Confirm"),
        closing=_("Nothing is charged now."),
    )


def _purchase(terms: AgreedPurchase, seller: str) -> Offer:
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


def _payments(payments: AgreedPayments, seller: str, expires_at: datetime | None) -> Offer:
    token_type, micros, for_reserve = payments.token_type, payments.amount_micros, payments.for_reserve
    limits = payments.limits
    total = next((one.limit for one in limits if one.kind is LimitKind.AMOUNT and one.period is None), None)
    if token_type is TokenType.SINGLE_USE and micros is not None:
        label, qualifier, figure = _("Hold on your card") if for_reserve else _("One payment"), "", dollars(micros)
        summary = _once(figure, seller, for_reserve=for_reserve)
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


def _receiving(terms: AgreedReceiving, seller: str, expires_at: datetime | None) -> Offer:
    kept = share(terms.max_fixed_fee_micros, terms.max_variable_fee_ppm) or dollars(0)
    return Offer(
        label=_("Receive payments through a marketplace"),
        qualifier=_("up to"),
        figure=kept,
        summary=_(
            "%(seller)s may take payments on your behalf and keeps at most %(share)s of each payment, %(until)s.",
            seller=seller,
            share=kept,
            until=until(expires_at),
        ),
        source_label="",
        method_heading="",
        button=_("Confirm"),
        closing=_("Nothing is charged now."),
    )
