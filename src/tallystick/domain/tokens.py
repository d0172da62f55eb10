"""Tokens: what somebody has agreed to. Source: docs/protocol/semantics.md, 5; docs/protocol/cobranded.md, 3 to 5."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum, unique
from typing import Final, Protocol

from msgspec import Struct, field

from tallystick.domain.commands import Method, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.ids import InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.limits import UsageLimit
from tallystick.domain.standing import WELL_KNOWN, Standing


class PaymentSource(Struct, frozen=True):
    """Where real money comes from: the account balance, or a card or bank account that a rail knows.

    `expires_on` is the last day on which a card can be charged. `removed`: the buyer took it out of the account.
    `verified`: it was shown to be the buyer's own.
    """

    method: Method
    payment_method_id: int | None = None
    rail: str | None = None
    expires_on: date | None = None
    removed: bool = False
    verified: bool = True


class Token(Struct, frozen=True):
    """One authorization. `source` is set for tokens that bring in real money, `instrument_id` for those of a set.

    `sender_id` is who gave it: the buyer, or the recipient of a recipient token. `instruction` is the GateKeeper text
    of an installed token. `used_by`: the transaction that used a single-use token.
    """

    token_id: TokenId
    purpose: TokenPurpose
    instrument_id: InstrumentId | None
    sender_id: PartyId
    sender_active: bool
    caller_reference: str
    source: PaymentSource | None
    payment_reason: str | None
    valid_from: datetime
    expires_at: datetime | None
    cancelled_at: datetime | None = None
    limits: tuple[UsageLimit, ...] = ()
    token_type: TokenType = TokenType.MULTI_USE
    friendly_name: str | None = None
    old_token_id: TokenId | None = None
    terms: TokenTerms = field(default_factory=TokenTerms)
    instruction: str | None = None
    used_by: TransactionId | None = None
    sender_standing: Standing = WELL_KNOWN


@unique
class TokenState(Enum):
    """What a token is good for at a moment. domain/transitions.py has which may follow which."""

    NOT_YET = "not yet"
    ACTIVE = "active"
    USED = "used"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Cancelled or expired. The protocol goes on calling a single-use token active once it was used."""
        return self is TokenState.CANCELLED or self is TokenState.EXPIRED

    @property
    def live(self) -> bool:
        """Whether something can still be charged with the token, or received: now, or once it begins."""
        return self is TokenState.ACTIVE or self is TokenState.NOT_YET


class Lifetime(Protocol):
    """What tells a token's state. `used_by`: what used up a token that is good for one payment."""

    @property
    def valid_from(self) -> datetime:
        """From when on it can be used."""

    @property
    def expires_at(self) -> datetime | None:
        """From when on it cannot any more; None: it has no end of its own."""

    @property
    def cancelled_at(self) -> datetime | None:
        """When it was barred."""

    @property
    def used_by(self) -> object | None:
        """None while it can be used again."""


class TokenDates(Struct, frozen=True):
    """The dates of a token alone, for rows that carry the dates of several tokens."""

    valid_from: datetime
    expires_at: datetime | None
    cancelled_at: datetime | None
    used_by: object | None = None


_ACTIVE: Final = TokenState.ACTIVE  # Python 3.11 looks a member up by a call each time it is named


def state_of(token: Lifetime, now: datetime) -> TokenState:
    """The state of a token, or of whatever has its dates, at `now`: its book's time.

    Cancelled counts before expired, expired before used, used before not begun. Source: docs/protocol/flows.md, 5.
    """
    if token.cancelled_at is not None:
        return TokenState.CANCELLED
    if token.expires_at is not None and now >= token.expires_at:
        return TokenState.EXPIRED
    if token.used_by is not None:
        return TokenState.USED
    return TokenState.NOT_YET if now < token.valid_from else _ACTIVE
