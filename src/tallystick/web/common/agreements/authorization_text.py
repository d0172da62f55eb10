"""One authorization in words, for the person who gave it: what it allows, its status, what cancelling it would mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tallystick.domain.limits import LimitKind, UsageLimit
from tallystick.domain.money import is_dust
from tallystick.services.buyer.authorization_status import AuthorizationState, AuthorizationStatus, Scope
from tallystick.services.consent.terms import reason_html
from tallystick.web.common.agreements.agreed import Agreed, AgreedRefunds, agreed_before
from tallystick.web.common.agreements.consent_text import allowances
from tallystick.web.common.agreements.offers import offer
from tallystick.web.common.agreements.payment_method_text import noun, title, title_and_expiry
from tallystick.web.common.agreements.phrases import every
from tallystick.words import date_of, day, dollars
from tallystick.words import gettext as _
from tallystick.words.figures import number

_LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of something agreed is there or used: both figures in one unit, and the same in words."""

    label: str
    value: int
    maximum: int
    text: str


@dataclass(frozen=True, slots=True)
class AuthorizationText:
    """The words for an authorization's current state. Templates get it from a state by the filter `in_words`."""

    state: AuthorizationState

    @property
    def _agreed(self) -> Agreed:
        return agreed_before(self.state)

    @property
    def status(self) -> str:
        """Its status and since when."""
        authorization = self.state.authorization
        ends = authorization.expires_at
        match self.state.status:
            case AuthorizationStatus.ACTIVE:
                return _("Active")
            case AuthorizationStatus.NOT_YET:
                return _("Starts on %(day)s", day=day(authorization.valid_from))
            case AuthorizationStatus.USED:
                return _("Used")
            case AuthorizationStatus.ENDED:
                return _("Ended") if ends is None else _("Ended on %(day)s", day=date_of(ends))
            case AuthorizationStatus.CANCELLED:
                if authorization.cancelled_at is None:
                    return _("Cancelled")
                return _("Cancelled on %(day)s", day=date_of(authorization.cancelled_at))

    @property
    def end(self) -> str:
        """Until when it is good."""
        ends = self.state.authorization.expires_at
        return _("When cancelled") if ends is None else day(ends)

    @property
    def label(self) -> str:
        """What kind of authorization it is."""
        agreed = self._agreed
        return _("Payments back to buyers") if isinstance(agreed.subject, AgreedRefunds) else offer(agreed).label

    @property
    def name(self) -> str:
        """What it is for, in the seller's words and in one short line; empty where the seller said nothing."""
        words = " ".join(Markup(self.reason_html).striptags().split())  # noqa: S704 - only its words are taken
        return words if len(words) <= _LONGEST_NAME else f"{words[: _LONGEST_NAME - 1].rstrip()}…"

    @property
    def reason_html(self) -> str:
        """What the seller said it is for; safe to show."""
        return reason_html(self.state.authorization.payment_reason or "")

    @property
    def sentences(self) -> list[str]:
        """What is allowed, a sentence each."""
        ends = self.state.authorization.expires_at
        within = _("at any time") if ends is None else _("by %(day)s", day=day(ends))
        return allowances(self._agreed, noun(self.state.authorization.source), within)

    @property
    def in_short(self) -> str:
        """What is allowed, in a sentence or two."""
        return " ".join(self.sentences[: 2 if self.state.tab else 1])

    @property
    def source_title(self) -> str | None:
        """The means of payment; None where nothing is paid."""
        source = self.state.authorization.source
        return None if source is None else title_and_expiry(source)

    @property
    def bars(self) -> list[Bar]:
        """What is left, owed or used, of how much."""
        found: list[Bar] = []
        holdings = self.state.authorization.holdings
        if holdings is not None:
            text = _of_at_most(dollars(holdings.balance_micros), dollars(holdings.limit_micros))
            label = _("Left to spend") if self.state.prepaid else _("Owed now")
            found.append(Bar(label, holdings.balance_micros, holdings.limit_micros, text))
            if holdings.total_limit_micros is not None:
                text = _of_at_most(dollars(holdings.charged_micros), dollars(holdings.total_limit_micros))
                found.append(Bar(_("All purchases"), holdings.charged_micros, holdings.total_limit_micros, text))
        return found + [
            _limit_bar(limit.rolled(self.state.now), self.state.tab) for limit in self.state.authorization.limits
        ]

    @property
    def spent_label(self) -> str:
        """What the sum of all payments is called."""
        return _("Received so far") if self.state.receives else _("Spent so far, less refunds")

    @property
    def pending_label(self) -> str:
        """What money under way is called."""
        if self.state.prepaid:
            return _("On its way into the balance")  # and what goes back has a figure of its own
        return _("Being settled") if self.state.tab else _("Under way or held")

    @property
    def running_label(self) -> str:
        """What the running figure of the history is called."""
        if self.state.prepaid:
            return _("Left")
        return _("Owed") if self.state.tab else _("In all")

    @property
    def notes(self) -> list[str]:
        """Notices for the person who gave it, as of today."""
        return [*self._notes_on_source(), *self._notes_on_money()]

    def _notes_on_source(self) -> list[str]:
        source = self.state.authorization.source
        if not self.state.cancellable or source is None or (self.state.prepaid and not self.state.topping_up):
            return []
        name, seller = title(source), self.state.seller
        if source.removed:
            return [
                _(
                    "You removed %(source)s. %(seller)s cannot take money from it.",
                    source=name,
                    seller=seller,
                )
            ]
        if source.expires_on is not None and self.state.now.date() > source.expires_on:
            return [
                _(
                    "%(source)s can no longer be used. %(seller)s cannot take money from it.",
                    source=name,
                    seller=seller,
                )
            ]
        return []

    def _notes_on_money(self) -> list[str]:
        seller, left, found = self.state.seller, dollars(self.state.balance_micros), list[str]()
        if self.state.prepaid and self.state.spending and not self.state.topping_up:
            found.append(_("%(seller)s can no longer fill the balance. You can spend what is left.", seller=seller))
        elif self.state.topping_up and not self.state.spending:
            found.append(
                _("Spending has ended, but %(seller)s may still fill the balance. Cancel to stop that.", seller=seller)
            )
        elif self.state.prepaid and not self.state.cancellable and self.state.balance_micros:
            found.append(
                _("%(amount)s is left in the balance. You can have it paid back.", amount=left)
                if self.state.redeemable and not is_dust(self.state.balance_micros)
                else _("%(amount)s is left in the balance. Ask %(seller)s about it.", amount=left, seller=seller)
            )
        if is_dust(self.state.balance_micros):
            found += self._notes_on_dust(left)
        elif self.state.tab and not self.state.spending and self.state.balance_micros:
            found.append(
                _(
                    "You still owe %(amount)s. %(seller)s may settle it from %(source)s.",
                    amount=left,
                    seller=seller,
                    source=noun(self.state.authorization.source),
                )
            )
        return found

    def _notes_on_dust(self, amount: str) -> list[str]:
        """Of less than a cent, which real money cannot move by itself."""
        if self.state.tab:
            if self.state.spending:
                return [
                    _("%(amount)s is less than a cent: it is collected together with later purchases.", amount=amount)
                ]
            return [_("You still owe %(amount)s, less than a cent. It cannot be collected by itself.", amount=amount)]
        if self.state.spending:
            return [_("%(amount)s is less than a cent: it can be spent, but not paid back.", amount=amount)]
        return []

    def consequences(self, scope: Scope) -> list[str]:
        """What cancelling so much means, a sentence each."""
        seller, source = self.state.seller, noun(self.state.authorization.source)
        if self.state.receives:
            return [
                _(
                    "%(seller)s can no longer take payments on your behalf. What you received stays yours.",
                    seller=seller,
                )
            ]
        if self.state.refunds:
            return [_("%(seller)s can no longer pay buyers back out of your account with it.", seller=seller)]
        if self.state.prepaid:
            return self._consequences_for_balance(scope, source)
        if self.state.tab:
            found = [_("%(seller)s can no longer put anything on the tab.", seller=seller)]
            owed = dollars(self.state.balance_micros)
            if is_dust(self.state.balance_micros):
                found.append(
                    _("You still owe %(amount)s, less than a cent. It cannot be collected by itself.", amount=owed)
                )
            elif self.state.balance_micros:
                found.append(
                    _(
                        "You still owe %(amount)s. %(seller)s may settle it from %(source)s, and nothing beyond it.",
                        amount=owed,
                        seller=seller,
                        source=source,
                    )
                )
        else:
            found = [_("%(seller)s can no longer take payments from %(source)s.", seller=seller, source=source)]
            if self.state.authorization.pending_micros:
                pending = dollars(self.state.authorization.pending_micros)
                found.append(_("%(amount)s is under way or held, and may still be taken.", amount=pending))
        return found

    @property
    def after_cancelling(self) -> str:
        """What cancelling means in any case."""
        after = _(
            "%(seller)s is told. To start again, you would have to agree anew on their site.", seller=self.state.seller
        )
        before = _("What was paid before stays paid.")
        return after if self.state.receives or self.state.refunds else f"{before} {after}"

    def _consequences_for_balance(self, scope: Scope, source: str) -> list[str]:
        left = dollars(self.state.balance_micros)
        found = [
            _(
                "%(seller)s can no longer take money from %(source)s to fill the balance.",
                seller=self.state.seller,
                source=source,
            )
        ]
        if scope is Scope.TOP_UPS:
            found.append(_("You can still spend the %(amount)s that is left.", amount=left))
        elif self.state.redeemable:
            found.append(
                _(
                    "The %(amount)s that is left can no longer be spent. It is not paid back by cancelling, "
                    "but afterwards, when you ask for it.",
                    amount=left,
                )
            )
        elif self.state.balance_micros:
            found.append(
                _(
                    "The %(amount)s that is left can no longer be spent. It is not paid back by cancelling: "
                    "ask %(seller)s about it.",
                    amount=left,
                    seller=self.state.seller,
                )
            )
        if self.state.coming_in_micros:
            pending = dollars(self.state.coming_in_micros)
            found.append(_("%(amount)s is on its way into the balance and may still arrive.", amount=pending))
        return found


def _limit_bar(limit: UsageLimit, tab: bool) -> Bar:
    if limit.period is None:
        label = _("Purchases in all") if tab else _("Payments in all")
    else:
        often = every(limit.period)
        label = _("Purchases, %(every)s", every=often) if tab else _("Payments, %(every)s", every=often)
    write = dollars if limit.kind is LimitKind.AMOUNT else number
    return Bar(label, limit.used, limit.limit, _of_at_most(write(limit.used), write(limit.limit)))


def _of_at_most(used: str, maximum: str) -> str:
    return _("%(used)s of at most %(most)s", used=used, most=maximum)
