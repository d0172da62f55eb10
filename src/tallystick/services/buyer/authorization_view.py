"""One authorization in words, as its giver reads it: what is allowed, how it stands, what cancelling it would mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import nh3

from tallystick.domain.commands import LimitTerms, Method
from tallystick.domain.limits import LimitKind, UsageLimit
from tallystick.services.buyer.authorization_status import AuthorizationState, AuthorizationStatus, Scope
from tallystick.services.consent import consent_phrases
from tallystick.services.consent.consent_text import Names, allowances
from tallystick.services.consent.offers import offer
from tallystick.services.consent.terms import (
    REASON_TAGS,
    AnyTerms,
    PostpaidTerms,
    PrepaidTerms,
    RecipientTerms,
    SenderTerms,
)
from tallystick.words import date_of, day, dollars
from tallystick.words import gettext as _
from tallystick.words.figures import number

if TYPE_CHECKING:
    from tallystick.store.queries.authorizations import Source

_ACCEPTED: Final = re.compile(r"PaymentMethod in \(('[a-z]+'(?:, '[a-z]+')*)\);")  # as the Recipient pipeline writes it
_SHARED: Final[Mapping[str, Any]] = {
    "website": None,
    "banner": False,
    "methods": (),
    "collect_address": False,
    "address": {},
    "reference": "",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of something agreed is there or used: both figures in one unit, and the same in words."""

    label: str
    value: int
    maximum: int
    text: str


@dataclass(frozen=True, slots=True)
class View(AuthorizationState):
    """An authorization, how it stands, and the words for both. `names`: of the seller and of those who are paid."""

    names: Names

    @property
    def stand_in_words(self) -> str:
        """How it stands and since when."""
        given = self.given
        match self.stand:
            case AuthorizationStatus.ACTIVE:
                return _("Active")
            case AuthorizationStatus.NOT_YET:
                return _("Starts on %(day)s", day=day(given.valid_from))
            case AuthorizationStatus.USED:
                return _("Used")
            case AuthorizationStatus.ENDED:
                return _("Ended") if given.expires_at is None else _("Ended on %(day)s", day=date_of(given.expires_at))
            case AuthorizationStatus.CANCELLED:
                if given.cancelled_at is None:
                    return _("Cancelled")
                return _("Cancelled on %(day)s", day=date_of(given.cancelled_at))

    @property
    def end_in_words(self) -> str:
        """Until when it is good."""
        return _("When cancelled") if self.given.expires_at is None else day(self.given.expires_at)

    @property
    def label(self) -> str:
        """What kind of authorization it is."""
        terms = self._terms()
        return _("Payments back to buyers") if terms is None else offer(terms, self.names).label

    @property
    def reason_html(self) -> str:
        """What the seller said it is for; safe to show."""
        return nh3.clean(self.given.payment_reason or "", tags=REASON_TAGS, attributes={}).strip()

    @property
    def sentences(self) -> list[str]:
        """What is allowed, a sentence each."""
        terms = self._terms()
        if terms is None:
            return [
                _("%(seller)s may pay payments back to the buyers, out of your account.", seller=self.seller),
            ]
        ends = self.given.expires_at
        within = _("at any time") if ends is None else _("by %(day)s", day=day(ends))
        return allowances(terms, self.names, source_noun(self.given.source), within)

    @property
    def in_short(self) -> str:
        """What is allowed, in a sentence or two."""
        return " ".join(self.sentences[: 2 if self.tab else 1])

    @property
    def source_title(self) -> str | None:
        """The means of payment; None where nothing is paid."""
        source = self.given.source
        return None if source is None else source_title(source)

    @property
    def bars(self) -> list[Bar]:
        """What is left, owed or used, of how much."""
        found: list[Bar] = []
        holdings = self.given.holdings
        if holdings is not None:
            text = _of_at_most(dollars(holdings.balance_micros), dollars(holdings.limit_micros))
            label = _("Left to spend") if self.prepaid else _("Owed now")
            found.append(Bar(label, holdings.balance_micros, holdings.limit_micros, text))
            if holdings.total_limit_micros is not None:
                text = _of_at_most(dollars(holdings.charged_micros), dollars(holdings.total_limit_micros))
                found.append(Bar(_("All purchases"), holdings.charged_micros, holdings.total_limit_micros, text))
        return found + [_limit_bar(limit.rolled(self.now), self.tab) for limit in self.given.limits]

    @property
    def spent_label(self) -> str:
        """What the sum of all payments is called."""
        return _("Received so far") if self.receives else _("Spent so far")

    @property
    def pending_label(self) -> str:
        """What money under way is called."""
        if self.prepaid:
            return _("On its way into the balance")
        return _("Being settled") if self.tab else _("Under way or held")

    @property
    def running_label(self) -> str:
        """What the running figure of the history is called."""
        if self.prepaid:
            return _("Left")
        return _("Owed") if self.tab else _("In all")

    @property
    def notes(self) -> list[str]:
        """What the giver should know today."""
        return [*self._notes_on_source(), *self._notes_on_money()]

    def _notes_on_source(self) -> list[str]:
        source = self.given.source
        if not self.cancellable or source is None or (self.prepaid and not self.topping_up):
            return []
        name = _name(source)
        if source.removed:
            return [_("You removed %(source)s. %(seller)s cannot take money from it.", source=name, seller=self.seller)]
        if source.expires_on is not None and self.now.date() > source.expires_on:
            return [
                _(
                    "%(source)s can no longer be used. %(seller)s cannot take money from it.",
                    source=name,
                    seller=self.seller,
                )
            ]
        return []

    def _notes_on_money(self) -> list[str]:
        seller, left, found = self.seller, dollars(self.balance_micros), list[str]()
        if self.prepaid and self.spending and not self.topping_up:
            found.append(_("%(seller)s can no longer fill the balance. You can spend what is left.", seller=seller))
        elif self.topping_up and not self.spending:
            found.append(
                _("Spending has ended, but %(seller)s may still fill the balance. Cancel to stop that.", seller=seller)
            )
        elif self.prepaid and not self.cancellable and self.balance_micros:
            found.append(_("%(amount)s is left in the balance. Ask %(seller)s about it.", amount=left, seller=seller))
        if self.tab and not self.spending and self.balance_micros:
            found.append(
                _(
                    "You still owe %(amount)s. %(seller)s may settle it from %(source)s.",
                    amount=left,
                    seller=seller,
                    source=source_noun(self.given.source),
                )
            )
        return found

    def consequences(self, scope: Scope) -> list[str]:
        """What cancelling so much means, a sentence each."""
        seller, source = self.seller, source_noun(self.given.source)
        if self.receives:
            return [
                _(
                    "%(seller)s can no longer take payments on your behalf. What you received stays yours.",
                    seller=seller,
                )
            ]
        if self.refunds:
            return [_("%(seller)s can no longer pay buyers back out of your account with it.", seller=seller)]
        if self.prepaid:
            return self._consequences_for_balance(scope, source)
        if self.tab:
            found = [_("%(seller)s can no longer put anything on the tab.", seller=seller)]
            if self.balance_micros:
                found.append(
                    _(
                        "You still owe %(amount)s. %(seller)s may settle it from %(source)s, and nothing beyond it.",
                        amount=dollars(self.balance_micros),
                        seller=seller,
                        source=source,
                    )
                )
        else:
            found = [_("%(seller)s can no longer take payments from %(source)s.", seller=seller, source=source)]
            if self.given.pending_micros:
                pending = dollars(self.given.pending_micros)
                found.append(_("%(amount)s is under way or held, and may still be taken.", amount=pending))
        return found

    @property
    def aftermath(self) -> str:
        """What cancelling means in any case."""
        after = _("%(seller)s is told. To start again, you would have to agree anew on their site.", seller=self.seller)
        before = _("What was paid before stays paid.")
        return after if self.receives or self.refunds else f"{before} {after}"

    def _consequences_for_balance(self, scope: Scope, source: str) -> list[str]:
        left = dollars(self.balance_micros)
        found = [
            _(
                "%(seller)s can no longer take money from %(source)s to fill the balance.",
                seller=self.seller,
                source=source,
            )
        ]
        if scope is Scope.TOP_UPS:
            found.append(_("You can still spend the %(amount)s that is left.", amount=left))
        elif self.balance_micros:
            found.append(_("The %(amount)s that is left can no longer be spent, and it is not paid back.", amount=left))
        if self.given.pending_micros:
            pending = dollars(self.given.pending_micros)
            found.append(_("%(amount)s is on its way into the balance and may still arrive.", amount=pending))
        return found

    def _terms(self) -> AnyTerms | None:
        given = self.given
        starts_at, expires_at = given.valid_from, given.expires_at
        limits = tuple(LimitTerms(limit.kind, limit.limit, limit.period) for limit in given.limits)
        shared = {**_SHARED, "reason_html": "", "starts_at": starts_at, "expires_at": expires_at}
        holdings = given.holdings
        if holdings is not None and holdings.total_limit_micros is None:
            return PrepaidTerms(**shared, funding_reference="", funding_limit_micros=holdings.limit_micros)
        if holdings is not None and holdings.total_limit_micros is not None:
            return PostpaidTerms(
                **shared,
                settlement_reference="",
                credit_limit_micros=holdings.limit_micros,
                total_limit_micros=holdings.total_limit_micros,
                limits=limits,
            )
        if self.receives:
            return RecipientTerms(
                **shared, agreed=given.terms, accepted=_accepted(given.instruction), refund_reference=None
            )
        if self.refunds:
            return None
        return SenderTerms(**shared, token_type=given.token_type, agreed=given.terms, limits=limits)


def source_noun(source: Source | None) -> str:
    """A means of payment after *from*, *to* or *on*: ``your card ending in 4242``."""
    return (
        consent_phrases.source(Method.ABT)
        if source is None
        else consent_phrases.source(source.method, source.last_four or "")
    )


def source_title(source: Source) -> str:
    """A means of payment by its name: ``Visa ending in 4242, expires 10/2031``."""
    if source.method is Method.ABT:
        return _("Account balance")
    name = _name(source)
    if source.expires_on is None:
        return name
    return _("%(card)s, expires %(month)s", card=name, month=f"{source.expires_on:%m/%Y}")


def _name(source: Source) -> str:
    return consent_phrases.title(source.label or "", source.last_four or "")


def _limit_bar(limit: UsageLimit, tab: bool) -> Bar:
    if limit.period is None:
        label = _("Purchases in all") if tab else _("Payments in all")
    else:
        every = consent_phrases.every(limit.period)
        label = _("Purchases, %(every)s", every=every) if tab else _("Payments, %(every)s", every=every)
    write = dollars if limit.kind is LimitKind.AMOUNT else number
    return Bar(label, limit.used, limit.limit, _of_at_most(write(limit.used), write(limit.limit)))


def _of_at_most(used: str, maximum: str) -> str:
    return _("%(used)s of at most %(most)s", used=used, most=maximum)


def _accepted(instruction: str | None) -> tuple[Method, ...] | None:
    bound = None if instruction is None else _ACCEPTED.fullmatch(instruction)
    if bound is None:
        return None
    return tuple(Method(name.strip("' ").upper()) for name in bound[1].split(","))
