"""The status of an authorization at a moment: what is left of it, and what its giver can still cancel. No texts.

Source: docs/protocol/flows.md, 5 (tokens: life and end).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import TYPE_CHECKING

from tallystick.domain.commands import TokenPurpose
from tallystick.domain.decide.outgoing.redemption import NEVER, Redemption
from tallystick.domain.tokens import state_of
from tallystick.store.keys.access_keys import SANDBOX

if TYPE_CHECKING:
    from tallystick.services.consent.participants import Names
    from tallystick.store.queries.authorizations import Authorization


@unique
class AuthorizationStatus(Enum):
    """The status of an authorization, as its giver sees it."""

    ACTIVE = "active"
    NOT_YET = "not yet"
    USED = "used"
    ENDED = "ended"
    CANCELLED = "cancelled"


@unique
class Scope(Enum):
    """How much of an authorization its giver cancels. Only a prepaid balance has top-ups."""

    ALL = "all"
    TOP_UPS = "top-ups"


@dataclass(frozen=True, slots=True)
class AuthorizationState:
    """One authorization at a moment of its book's time. `names`: of the seller and of those who are paid.

    Of a prepaid balance, what its buyer may have paid back: as `promised` when it was agreed to, and as it is now.
    """

    authorization: Authorization
    names: Names
    now: datetime
    promised: Redemption = NEVER
    redemption: Redemption = NEVER

    @property
    def seller(self) -> str:
        """Whom it was given to."""
        return self.authorization.seller_name

    @property
    def sandbox(self) -> bool:
        """Whether no real money moves."""
        return self.authorization.environment == SANDBOX

    @property
    def prepaid(self) -> bool:
        """Whether it is a balance to spend."""
        return self.authorization.purpose is TokenPurpose.PREPAID_SENDER

    @property
    def tab(self) -> bool:
        """Whether purchases are owed at first."""
        return self.authorization.purpose is TokenPurpose.CREDIT_SENDER

    @property
    def receives(self) -> bool:
        """Whether the giver is paid through it."""
        return self.authorization.purpose is TokenPurpose.RECIPIENT

    @property
    def refunds(self) -> bool:
        """Whether it lets the seller pay back out of the giver's account; it has no history of its own."""
        return self.authorization.purpose is TokenPurpose.INSTALLED

    @property
    def balance_micros(self) -> int:
        """What is left to spend, or owed; 0 where there is no such thing."""
        return 0 if self.authorization.holdings is None else self.authorization.holdings.balance_micros

    @property
    def redeemable(self) -> bool:
        """Whether the buyer may have the balance paid back, as far as anything can go back."""
        return self.prepaid and self.redemption.allows(self.balance_micros)

    @property
    def coming_in_micros(self) -> int:
        """What is on its way into a prepaid balance."""
        return self.authorization.pending_micros - self.authorization.going_back_micros if self.prepaid else 0

    @property
    def spending(self) -> bool:
        """Whether the main token has neither ended nor been cancelled or used up."""
        return state_of(self.authorization.token_dates, self.now).live

    @property
    def topping_up(self) -> bool:
        """Whether the seller may bring money into a prepaid balance."""
        return self.prepaid and state_of(self.authorization.money_dates, self.now).live

    @property
    def cancellable(self) -> bool:
        """Whether anything is left to be cancelled."""
        return self.spending or self.topping_up

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What the giver may choose to cancel; top-ups alone where there is a balance left to spend."""
        if self.spending and self.topping_up and self.balance_micros:
            return Scope.TOP_UPS, Scope.ALL
        return (Scope.ALL,) if self.cancellable else ()

    @property
    def status(self) -> AuthorizationStatus:
        """Its status, in one word."""
        if self.cancellable:
            return (
                AuthorizationStatus.NOT_YET if self.now < self.authorization.valid_from else AuthorizationStatus.ACTIVE
            )
        if self.authorization.used:
            return AuthorizationStatus.USED
        return AuthorizationStatus.ENDED if self.authorization.cancelled_at is None else AuthorizationStatus.CANCELLED

    @property
    def stuck_method(self) -> int | None:
        """The card or bank account that money could be taken from, had it not been removed or expired."""
        source = self.authorization.source
        wanted = self.topping_up if self.prepaid else self.cancellable or (self.tab and self.balance_micros > 0)
        if source is None or not wanted:
            return None
        expired = source.expires_on is not None and self.now.date() > source.expires_on
        return source.payment_method_id if source.removed or expired else None
