"""Parts of sentences that several texts share: how often, who, from where, how much of it.

A language may put such a part elsewhere in its sentence, but says it in these words wherever it stands; where a
language needs another form, the text has a context of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import LimitTerms, Method, TokenTerms
from tallystick.domain.limits import LimitKind
from tallystick.words import day, dollars, marked, ngettext, pgettext
from tallystick.words import gettext as _
from tallystick.words.figures import percent

if TYPE_CHECKING:
    from tallystick.domain.periods import Period
    from tallystick.store.accounts.payment_methods import PaymentMethod

METHOD_NAMES: Final = {
    Method.ABT: marked("account balance"),
    Method.CC: marked("card"),
    Method.ACH: marked("bank account"),
}


def every(period: Period) -> str:
    """How often: ``every month``, ``every 2 days``."""
    count = period.count
    match period.unit:
        case "Hour":
            return ngettext("every hour", "every %(num)s hours", count)
        case "Day":
            return ngettext("every day", "every %(num)s days", count)
        case "Week":
            return ngettext("every week", "every %(num)s weeks", count)
        case "Month":
            return ngettext("every month", "every %(num)s months", count)
        case _:
            return ngettext("every year", "every %(num)s years", count)


def until(moment: datetime | None) -> str:
    """How long, at the end of a sentence."""
    return _("until you cancel it") if moment is None else _("until %(day)s", day=day(moment))


def any_of(names: Sequence[str]) -> str:
    """One of those: ``A``, ``A or B``, ``A, B or C``."""
    *first, last = names
    return _("%(first)s or %(last)s", first=_(", ").join(first), last=last) if first else last


def source(method: Method, last_four: str = "") -> str:
    """A means of payment after *from*, *to* or *on*: ``your card ending in 4242``."""
    match method:
        case Method.ABT:
            return pgettext("after from, to, on", "your account balance")
        case Method.CC:
            return pgettext("after from, to, on", "your card ending in %(digits)s", digits=last_four)
        case Method.ACH:
            return pgettext("after from, to, on", "your bank account ending in %(digits)s", digits=last_four)


def title(label: str, last_four: str) -> str:
    """A stored means of payment by its name: ``Visa ending in 4242``. `label` is the rail's name for it."""
    return _("%(label)s ending in %(digits)s", label=kind_of_method(label), digits=last_four)


def title_of(method: PaymentMethod) -> str:
    """The same of a buyer's own."""
    return title(method.label, method.last_four)


def kind_of_method(label: str) -> str:
    """The name of a brand as it is, the two that we gave ourselves in the language that is spoken."""
    return {"Card": _("Card"), "Bank account": _("Bank account")}.get(label, label)


def share(agreed: TokenTerms) -> str:
    """The caller's share of each payment: ``0.30 USD plus 2.5 %``; empty when there is none."""
    fixed = dollars(agreed.max_fixed_fee_micros) if agreed.max_fixed_fee_micros else ""
    variable = percent(agreed.max_variable_fee_ppm) if agreed.max_variable_fee_ppm else ""
    return _("%(fixed)s plus %(percent)s", fixed=fixed, percent=variable) if fixed and variable else fixed or variable


def limit_of_purchases(limit: LimitTerms) -> str:
    """A limit of what is put on a tab, as a sentence."""
    number = limit.limit
    if limit.kind is LimitKind.AMOUNT:
        if limit.period is None:
            return _("Purchases come to at most %(amount)s in all.", amount=dollars(number))
        return _("Purchases come to at most %(amount)s %(every)s.", amount=dollars(number), every=every(limit.period))
    if limit.period is None:
        return ngettext("There is at most 1 purchase in all.", "There are at most %(num)s purchases in all.", number)
    return ngettext(
        "There is at most 1 purchase %(every)s.",
        "There are at most %(num)s purchases %(every)s.",
        number,
        every=every(limit.period),
    )


def limit_of_payments(limit: LimitTerms) -> str:
    """A limit of what is taken, as a sentence."""
    number = limit.limit
    if limit.kind is LimitKind.AMOUNT:
        if limit.period is None:
            return _("Payments come to at most %(amount)s in all.", amount=dollars(number))
        return _("Payments come to at most %(amount)s %(every)s.", amount=dollars(number), every=every(limit.period))
    if limit.period is None:
        return ngettext("There is at most 1 payment in all.", "There are at most %(num)s payments in all.", number)
    return ngettext(
        "There is at most 1 payment %(every)s.",
        "There are at most %(num)s payments %(every)s.",
        number,
        every=every(limit.period),
    )
