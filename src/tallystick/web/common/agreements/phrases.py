"""Parts of sentences that several texts share: how often, until when, who, how much of it.

A language may put such a part elsewhere in its sentence, but says it in these words wherever it stands; where a
language needs another form, the text has a context of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.domain.commands import LimitTerms
from tallystick.domain.limits import LimitKind
from tallystick.words import day, dollars, ngettext
from tallystick.words import gettext as _
from tallystick.words.figures import percent

if TYPE_CHECKING:
    from tallystick.domain.periods import Period


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


def share(fixed_micros: int | None, variable_ppm: int | None) -> str:
    """The caller's share of each payment: ``0.30 USD plus 2.5 %``; empty when there is none."""
    fixed = dollars(fixed_micros) if fixed_micros else ""
    variable = percent(variable_ppm) if variable_ppm else ""
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
