"""Authorizations as /v1 has them: the instrument with its tokens or, without an instrument, a token by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import AmountRule, TokenPurpose
from tallystick.domain.ids import IdKind, InstrumentId, MalformedIdError, token_kind_and_book
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import MAX_AMOUNT_MICROS
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.reports import instruments
from tallystick.web.v1.problems import JsonProblemError, RefusedProblemError

if TYPE_CHECKING:
    from tallystick.services.reports.instruments import InstrumentRecord, TokenRecord
    from tallystick.services.seller.manual_operations import BookContext

PREPAID: Final = "prepaid"
POSTPAID: Final = "postpaid"

_KINDS: Final = {IdKind.PREPAID_INSTRUMENT: PREPAID, IdKind.CREDIT_INSTRUMENT: POSTPAID}
_SPENDING: Final = {PREPAID: TokenPurpose.PREPAID_SENDER, POSTPAID: TokenPurpose.CREDIT_SENDER}
_MONEY: Final = {PREPAID: TokenPurpose.FUNDING, POSTPAID: TokenPurpose.SETTLEMENT}


@dataclass(frozen=True, slots=True)
class AuthorizationObject:
    """A prepaid balance or a tab, with its tokens."""

    kind: str
    instrument: InstrumentRecord
    tokens: tuple[TokenRecord, ...]

    @property
    def spending_token(self) -> TokenRecord:
        """The token that charges go through."""
        return self._latest(_SPENDING[self.kind])

    @property
    def money_token(self) -> TokenRecord:
        """The token through which real money comes in: for top-ups or settlements."""
        return self._latest(_MONEY[self.kind])

    def _latest(self, purpose: TokenPurpose) -> TokenRecord:
        """Of several the one that replaced the others."""
        found = instruments.current(self.tokens, purpose)
        if found is None:
            raise not_found()
        return found

    def available_micros(self) -> int:
        """What balance or tab leave to be charged, whatever else the token's limits say."""
        record = self.instrument
        if self.kind == PREPAID:
            return record.balance_micros
        left = record.limit_micros - record.balance_micros
        if record.total_limit_micros is not None:
            left = min(left, record.total_limit_micros - record.charged_micros)
        return max(0, left)

    def largest_charge_micros(self, now: datetime) -> int:
        """The largest charge that would pass at `now`, the books' time."""
        return max(0, min(self.available_micros(), *_left_micros(self.spending_token, now)))

    def largest_top_up_micros(self) -> int:
        """How much more fits on a prepaid balance, with what is on its way."""
        record = self.instrument
        return max(0, record.limit_micros - record.balance_micros - record.pending_micros)

    def owed_micros(self) -> int:
        """What of a tab is owed, and not being settled already."""
        return max(0, self.instrument.balance_micros - self.instrument.pending_micros)


def _left_micros(token: TokenRecord, now: datetime) -> Iterator[int]:
    """What each limit of a token leaves to one charge at `now`; at least one number, also where there is no limit."""
    yield MAX_AMOUNT_MICROS
    for limit in token.usage_limits:
        current = limit.rolled(now)
        if limit.kind is LimitKind.AMOUNT:
            yield current.limit - current.used
        elif current.used >= current.limit:
            yield 0


def largest_payment_micros(token: TokenRecord, now: datetime) -> int | None:
    """The largest payment that the terms of a token allow at `now`, whatever the payment network says.

    None: nothing bounds it.
    """
    left = min(_left_micros(token, now))
    terms = token.terms
    if terms.amount_micros is not None and terms.amount_rule is not AmountRule.MINIMUM:
        if terms.amount_rule is AmountRule.MAXIMUM:
            return max(0, min(left, terms.amount_micros))
        return terms.amount_micros if terms.amount_micros <= left else 0
    return None if left >= MAX_AMOUNT_MICROS else max(0, left)


def not_asked_for() -> JsonProblemError:
    """No program has asked for such an authorization in /v1."""
    message = "No authorization with this id was asked for at /v1/authorizations with a key of this account."
    return RefusedProblemError(Refused(Refusal.InstrumentAccessDenied, message), field="authorization")


def not_found(field: str = "authorization") -> JsonProblemError:
    """There is no such authorization for this key."""
    message = "There is no such authorization of this account, or nobody has agreed to it yet."
    return RefusedProblemError(Refused(Refusal.InstrumentAccessDenied, message), field=field)


def kind_of(text: str, field: str = "authorization") -> str | None:
    """``prepaid`` or ``postpaid``; None for a token. Raises ProblemError: it is no id of ours."""
    try:
        kind, _ = token_kind_and_book(text)
    except MalformedIdError:
        message = f'"{field}" must be the id of an authorization.'
        raise JsonProblemError("invalid_request", message, field=field) from None
    return _KINDS.get(kind)


async def find_direct(books: BookContext, text: str) -> TokenRecord | None:
    """A token without an instrument, which is an authorization by itself."""
    token = await instruments.token(books, text)
    return token if token is not None and token.instrument_id is None else None


async def find(books: BookContext, text: str) -> AuthorizationObject:
    """The prepaid balance or tab of this id. Raises ProblemError."""
    kind = kind_of(text)
    record = None if kind is None else await instruments.instrument(books, text)
    if record is None or kind is None:
        raise not_found()
    return AuthorizationObject(kind, record, tuple(await instruments.tokens_of(books, InstrumentId(text))))
