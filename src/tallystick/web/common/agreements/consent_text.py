"""What people agree to, in plain words with exact figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import AmountRule, LimitTerms, TokenType
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
from tallystick.web.common.agreements.payment_method_text import METHOD_NAMES
from tallystick.web.common.agreements.phrases import any_of, every, limit_of_payments, limit_of_purchases, share
from tallystick.words import day, dollars, marked
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.domain.decide.outgoing.redemption import Redemption
    from tallystick.domain.periods import Period
    from tallystick.services.consent.participants import Names

LINE_NAMES: Final = {
    "itemTotal": marked("Items"),
    "shipping": marked("Shipping"),
    "handling": marked("Handling"),
    "giftWrapping": marked("Gift wrapping"),
    "discount": marked("Discount"),
    "tax": marked("Tax"),
}


def promises(agreed: Agreed, source: str, now: datetime) -> list[str]:
    """What is agreed to, a sentence each, and for how long. `now` is the book's time.

    `source` is the means of payment: ``your card ending in 4242``.
    """
    sentences = allowances(agreed, source, _("within three hours from now"))
    match agreed.subject:
        case AgreedPurchase() | AgreedMethodChange() | AgreedPayments(token_type=TokenType.SINGLE_USE):
            return sentences
        case _:
            return [*sentences, _validity(agreed, now)]


def allowances(agreed: Agreed, source: str, within: str) -> list[str]:  # noqa: PLR0911 - one for each subject
    """What is allowed, a sentence each, without how long. `within`: when a single payment may be taken."""
    names = agreed.names
    seller = names.seller
    match agreed.subject:
        case AgreedBalance() as balance:
            return _balance(balance, seller, source, agreed.expires_at)
        case AgreedTab() as tab:
            return _tab(tab, seller, source)
        case AgreedPurchase(amount_micros):
            return [
                _(
                    "You pay %(amount)s to %(seller)s from %(source)s, once and now.",
                    amount=dollars(amount_micros),
                    seller=seller,
                    source=source,
                ),
                _("%(seller)s gets your name and your e-mail address with the payment.", seller=seller),
            ]
        case AgreedPayments() as payments:
            return _payments(payments, names, source, within)
        case AgreedReceiving() as receiving:
            return _receiving(receiving, seller)
        case AgreedRefunds():
            return [_("%(seller)s may pay payments back to the buyers, out of your account.", seller=seller)]
        case AgreedMethodChange(payments):
            return [*_payments(payments, names, source, within), *_kept(agreed.expires_at)]


def _balance(terms: AgreedBalance, seller: str, source: str, expires_at: datetime | None) -> list[str]:
    maximum = dollars(terms.funding_limit_micros)
    return [
        _(
            "%(seller)s may take up to %(amount)s from %(source)s to fill your prepaid balance.",
            seller=seller,
            amount=maximum,
            source=source,
        ),
        _(
            "When the balance runs low, %(seller)s may top it up again, to at most %(amount)s.",
            seller=seller,
            amount=maximum,
        ),
        _("You spend from that balance at %(seller)s, without being asked each time.", seller=seller),
        _balance_expiry(seller, expires_at),
        _redemption(terms.redemption, seller),
    ]


def _balance_expiry(seller: str, expires_at: datetime | None) -> str:
    if expires_at is None:
        return _(
            "Money in the balance does not expire. "
            "It can be spent at %(seller)s only, until this authorization is cancelled.",
            seller=seller,
        )
    return _(
        "Money in the balance can be spent at %(seller)s only, until %(day)s or until this authorization is cancelled, "
        "and not afterwards.",
        seller=seller,
        day=day(expires_at),
    )


def _redemption(terms: Redemption, seller: str) -> str:
    """What is paid back when the buyer asks for it."""
    if terms.up_to_micros is None:
        return _(
            "%(seller)s pays back what you have not spent, to where it came from, whenever you ask for it.",
            seller=seller,
        )
    if terms.up_to_micros and terms.up_to_micros >= terms.below_micros:
        return _(
            "When at most %(amount)s is left, %(seller)s pays it back to where it came from, whenever you ask. "
            "When more is left, %(seller)s may pay it back, but need not.",
            amount=dollars(terms.up_to_micros),
            seller=seller,
        )
    if terms.below_micros:
        return _(
            "When less than %(amount)s is left, %(seller)s pays it back to where it came from, whenever you ask. "
            "When more is left, %(seller)s may pay it back, but need not.",
            amount=dollars(terms.below_micros),
            seller=seller,
        )
    return _("%(seller)s may pay back what you have not spent, but need not.", seller=seller)


def _tab(terms: AgreedTab, seller: str, source: str) -> list[str]:
    return [
        _("%(seller)s may put what you buy on a tab, without asking you each time.", seller=seller),
        _("You never owe more than %(amount)s at any one time.", amount=dollars(terms.credit_limit_micros)),
        _(
            "All purchases on the tab together come to at most %(amount)s.",
            amount=dollars(terms.total_limit_micros),
        ),
        *(limit_of_purchases(limit) for limit in terms.limits),
        _(
            "%(seller)s settles the tab from %(source)s: only what you owe, in one payment or several.",
            seller=seller,
            source=source,
        ),
    ]


def _payments(payments: AgreedPayments, names: Names, source: str, within: str) -> list[str]:
    seller, amount = names.seller, dollars(payments.amount_micros or 0)
    if payments.token_type is TokenType.SINGLE_USE:
        sentences = _once(seller, amount, source, within, for_reserve=payments.for_reserve)
    elif payments.token_type is TokenType.RECURRING:
        sentences = [_again_and_again(seller, amount, source, recurring_period(payments.limits))]
    else:
        sentences = [
            _several(seller, amount, source, payments.amount_rule),
            *map(limit_of_payments, payments.limits),
        ]
    if names.recipients:
        sentences.append(
            _(
                "The money goes to %(recipients)s; %(seller)s acts on their behalf.",
                recipients=any_of(names.recipients),
                seller=seller,
            )
        )
    return sentences


def _once(seller: str, amount: str, source: str, within: str, *, for_reserve: bool) -> list[str]:
    if not for_reserve:
        return [
            _(
                "%(seller)s may take exactly %(amount)s from %(source)s, once, %(within)s.",
                seller=seller,
                amount=amount,
                source=source,
                within=within,
            )
        ]
    return [
        _(
            "%(seller)s may hold %(amount)s on %(source)s, once, %(within)s.",
            seller=seller,
            amount=amount,
            source=source,
            within=within,
        ),
        _(
            "Within seven days of that, %(seller)s may take what was held, or less. The rest is let go.",
            seller=seller,
        ),
    ]


def _again_and_again(seller: str, amount: str, source: str, period: Period | None) -> str:
    if period is None:
        return _(
            "%(seller)s may take exactly %(amount)s from %(source)s, once in all, without asking you each time.",
            seller=seller,
            amount=amount,
            source=source,
        )
    return _(
        "%(seller)s may take exactly %(amount)s from %(source)s, at most once %(every)s, without asking you each time.",
        seller=seller,
        amount=amount,
        source=source,
        every=every(period),
    )


def _several(seller: str, amount: str, source: str, rule: AmountRule | None) -> str:
    match rule:
        case None:
            return _(
                "%(seller)s may take payments from %(source)s, without asking you each time.",
                seller=seller,
                source=source,
            )
        case AmountRule.EXACT:
            text = marked(
                "%(seller)s may take payments of exactly %(amount)s each from %(source)s, without asking you each time."
            )
        case AmountRule.MAXIMUM:
            text = marked(
                "%(seller)s may take payments of at most %(amount)s each from %(source)s, without asking you each time."
            )
        case AmountRule.MINIMUM:
            text = marked(
                "%(seller)s may take payments of at least %(amount)s each from %(source)s,"
                " without asking you each time."
            )
    return _(text, seller=seller, amount=amount, source=source)


def recurring_period(limits: Sequence[LimitTerms]) -> Period | None:
    """How often a regular payment is taken; None: once in all."""
    return next((limit.period for limit in limits if limit.kind is LimitKind.COUNT), None)


def _receiving(terms: AgreedReceiving, seller: str) -> list[str]:
    keeps = share(terms.max_fixed_fee_micros, terms.max_variable_fee_ppm)
    sentences = [
        _(
            "%(seller)s may take payments from buyers on your behalf. They are credited to your account.",
            seller=seller,
        ),
        _("%(seller)s keeps at most %(share)s of each payment; the rest is yours.", seller=seller, share=keeps)
        if keeps
        else _("%(seller)s keeps no share.", seller=seller),
        _("You pay the fee that this service takes of each payment.")
        if terms.recipient_pays_fee
        else _("%(seller)s pays the fee that this service takes of each payment.", seller=seller),
        _("%(seller)s may pay such payments back to the buyers, out of your account.", seller=seller),
    ]
    if terms.accepted is not None:
        accepted = any_of([_(METHOD_NAMES[method]) for method in terms.accepted])
        sentences.insert(1, _("Buyers may pay by %(methods)s only.", methods=accepted))
    return sentences


def _kept(expires_at: datetime | None) -> list[str]:
    stays = (
        _("You agreed to this before, and it stays in force until it is cancelled. Only the way you pay changes.")
        if expires_at is None
        else _(
            "You agreed to this before, and it stays in force until %(day)s. Only the way you pay changes.",
            day=day(expires_at),
        )
    )
    return [stays, _("What was used of the limits so far still counts.")]


def _validity(agreed: Agreed, now: datetime) -> str:
    if agreed.starts_at is not None and agreed.starts_at > now:
        start = _("This authorization starts on %(day)s.", day=day(agreed.starts_at))
    else:
        start = _("This authorization starts now.")
    return f"{start} {_end(agreed)}"


def _end(agreed: Agreed) -> str:
    if agreed.expires_at is not None:
        text = _("It ends on %(day)s.", day=day(agreed.expires_at))
        later = _("What you owe by then can still be settled afterwards.")
        return f"{text} {later}" if isinstance(agreed.subject, AgreedTab) else text
    match agreed.subject:
        case AgreedPayments(token_type=TokenType.MULTI_USE):
            return _("It ends after one year.")
        case AgreedReceiving():
            return _("It lasts until you or the marketplace cancel it.")
        case _:
            return _("It lasts until you or the seller cancel it.")
