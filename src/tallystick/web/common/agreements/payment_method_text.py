"""A means of payment in words: an account balance, a card, a bank account; in a list, and within a sentence."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final, Protocol

from tallystick.domain.commands import Method
from tallystick.words import dollars, marked, pgettext
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.services.consent.wallet import Choice

METHOD_NAMES: Final = {
    Method.ABT: marked("account balance"),
    Method.CC: marked("card"),
    Method.ACH: marked("bank account"),
}


class MeansOfPayment(Protocol):
    """A payment method, as far as these texts need it."""

    @property
    def method(self) -> Method:
        """Which kind it is."""

    @property
    def label(self) -> str | None:
        """The rail's name for it; balances have none."""

    @property
    def last_four(self) -> str | None:
        """Its last digits; balances have none."""

    @property
    def expires_on(self) -> date | None:
        """The last day on which a card can be charged."""


def noun(means: MeansOfPayment | None) -> str:
    """The form after *from*, *to* or *on*: ``your card ending in 4242``. None means an account balance, too."""
    if means is None:
        return _noun(Method.ABT, "")
    return _noun(means.method, means.last_four or "")


def _noun(method: Method, last_four: str) -> str:
    match method:
        case Method.ABT:
            return pgettext("after from, to, on", "your account balance")
        case Method.CC:
            return pgettext("after from, to, on", "your card ending in %(digits)s", digits=last_four)
        case Method.ACH:
            return pgettext("after from, to, on", "your bank account ending in %(digits)s", digits=last_four)


def title(means: MeansOfPayment) -> str:
    """By its name: ``Visa ending in 4242``."""
    if means.method is Method.ABT:
        return _("Account balance")
    label = means.label or ""
    # the name of a brand is the same everywhere; the two names that we give ourselves are translated
    known = {"Card": _("Card"), "Bank account": _("Bank account")}.get(label, label)
    return _("%(label)s ending in %(digits)s", label=known, digits=means.last_four or "")


def title_and_expiry(means: MeansOfPayment) -> str:
    """The same with the end of a card: ``Visa ending in 4242, expires 10/2031``."""
    if means.expires_on is None:
        return title(means)
    return _("%(card)s, expires %(month)s", card=title(means), month=f"{means.expires_on:%m/%Y}")


def detail(choice: Choice) -> str:
    """What a buyer should know of it before choosing it: what is there, until when it can be used."""
    if choice.balance_micros is not None:
        available = _("%(amount)s available", amount=dollars(choice.balance_micros))
        return available if choice.suffices else _("%(available)s: not enough", available=available)
    if choice.expires_on is None:
        return _("For payments from your bank")
    month = f"{choice.expires_on:%m/%Y}"
    return _("Expires %(month)s", month=month) if choice.usable else _("Expired %(month)s", month=month)
