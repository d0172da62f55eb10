"""Authorizations as programs see them: the instrument with its tokens or, without an instrument, a token by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.commands import AmountRule, LimitTerms, Method, TokenPurpose, TokenType
from tallystick.domain.ids import IdKind, InstrumentId, token_kind_and_book
from tallystick.domain.limits import LimitKind, UsageLimit
from tallystick.domain.money import MAX_AMOUNT_MICROS, USD, format_amount
from tallystick.domain.tokens import TokenState
from tallystick.services.events.objects import moment
from tallystick.services.reports import instruments

if TYPE_CHECKING:
    from tallystick.domain.commands import TokenTerms
    from tallystick.services.reports.instruments import InstrumentRecord, TokenRecord
    from tallystick.services.seller.manual_operations import BookContext

PREPAID: Final = "prepaid"
POSTPAID: Final = "postpaid"
PAYMENT: Final = "payment"

SINGLE: Final = "single"
MULTIPLE: Final = "multiple"
RECURRING: Final = "recurring"

RULES: Final = {AmountRule.EXACT: "exact", AmountRule.MAXIMUM: "maximum", AmountRule.MINIMUM: "minimum"}
METHODS: Final = {Method.CC: "card", Method.ACH: "bank_account", Method.ABT: "account_balance"}
STATES: Final = {
    TokenState.NOT_YET: "not_yet_active",
    TokenState.ACTIVE: "active",
    TokenState.USED: "used",
    TokenState.EXPIRED: "expired",
    TokenState.CANCELLED: "cancelled",
}
_USES: Final = {
    TokenType.SINGLE_USE: SINGLE,
    TokenType.MULTI_USE: MULTIPLE,
    TokenType.RECURRING: RECURRING,
    TokenType.UNRESTRICTED: None,
}
_NOTHING: Final[Mapping[str, Any]] = dict.fromkeys(
    (
        "use",
        "url",
        "limit",
        "total_limit",
        "amount",
        "amount_rule",
        "for_reservation",
        "payment_method",
        "balance",
        "owed",
        "pending",
        "available",
    )
)

KINDS: Final = {IdKind.PREPAID_INSTRUMENT: PREPAID, IdKind.CREDIT_INSTRUMENT: POSTPAID}
_SPENDING: Final = {PREPAID: TokenPurpose.PREPAID_SENDER, POSTPAID: TokenPurpose.CREDIT_SENDER}
_MONEY: Final = {PREPAID: TokenPurpose.FUNDING, POSTPAID: TokenPurpose.SETTLEMENT}


@dataclass(frozen=True, slots=True)
class AuthorizationObject:
    """A prepaid balance or a tab, with its tokens."""

    kind: str
    instrument: InstrumentRecord
    tokens: tuple[TokenRecord, ...]

    @property
    def is_whole(self) -> bool:
        """Whether it has both its tokens."""
        wanted = (_SPENDING[self.kind], _MONEY[self.kind])
        return all(instruments.current(self.tokens, purpose) is not None for purpose in wanted)

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
            raise LookupError(f"{self.instrument.instrument_id} has no token for {purpose.value}")
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


async def find_direct(books: BookContext, text: str) -> TokenRecord | None:
    """A token without an instrument, which is an authorization by itself."""
    token = await instruments.token(books, text)
    return token if token is not None and token.instrument_id is None else None


async def find_agreed(books: BookContext, text: str) -> AuthorizationObject | None:
    """The prepaid balance or tab of this id; None for any other. Raises MalformedIdError."""
    kind, _ = token_kind_and_book(text)
    name = KINDS.get(kind)
    record = None if name is None else await instruments.instrument(books, text)
    if record is None or name is None:
        return None
    found = AuthorizationObject(name, record, tuple(await instruments.tokens_of(books, InstrumentId(text))))
    return found if found.is_whole else None


async def find_all(books: BookContext, ids: Collection[str]) -> dict[str, AuthorizationObject | TokenRecord]:
    """Authorizations of any kind by their ids, with or without an instrument; those that are not there are left out.

    A few queries, however many they are. Raises MalformedIdError.
    """
    names = {one: KINDS.get(token_kind_and_book(one)[0]) for one in ids}
    found: dict[str, AuthorizationObject | TokenRecord] = {}
    for record, tokens in await instruments.named_instruments(books, [one for one, name in names.items() if name]):
        agreed = AuthorizationObject(names[record.instrument_id] or "", record, tokens)
        if agreed.is_whole:
            found[record.instrument_id] = agreed
    for token in await instruments.named_tokens(books, [one for one, name in names.items() if name is None]):
        if token.instrument_id is None:
            found[token.token_id] = token
    return found


async def describe_all(books: BookContext, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Authorizations of any kind as they are now, by their ids; as `find_all` finds them. Raises MalformedIdError."""
    now = books.now
    return {
        name: agreed_object(one, now) if isinstance(one, AuthorizationObject) else payment_object(one, now)
        for name, one in (await find_all(books, ids)).items()
    }


def agreed_object(found: AuthorizationObject, now: datetime, reference: str | None = None) -> dict[str, Any]:
    """A balance or a tab that somebody has agreed to, at `now`, the books' time. `reference`: of its request."""
    record, token = found.instrument, found.spending_token
    prepaid = found.kind == PREPAID
    state = token.state(now)
    over = state.over or state is TokenState.NOT_YET
    money = found.money_token.method
    return {
        **head_members(record.instrument_id, found.kind, STATES[state]),
        "limit": format_amount(record.limit_micros),
        "total_limit": None if record.total_limit_micros is None else format_amount(record.total_limit_micros),
        "limits": [_running(limit, now) for limit in token.usage_limits],
        "payment_method": None if money is None else METHODS[money],
        "balance": format_amount(record.balance_micros) if prepaid else None,
        "owed": None if prepaid else format_amount(record.balance_micros),
        "pending": format_amount(record.pending_micros),
        "available": format_amount(0 if over else found.largest_charge_micros(now)),
        "description": token.payment_reason,
        "idempotency_key": token.caller_reference if reference is None else reference,
        "created_at": moment(record.created_at),
        "starts_at": moment(token.valid_from),
        "expires_at": moment(record.expires_at),
    }


def payment_object(token: TokenRecord, now: datetime) -> dict[str, Any]:
    """A token that charges real money, or that receives."""
    state = token.state(now)
    total, others = total_limit(token.usage_limits)
    largest = largest_payment_micros(token, now)
    if state is not TokenState.ACTIVE:
        largest = 0
    return {
        **head_members(token.token_id, PAYMENT, STATES[state]),
        "use": _USES[token.token_type],
        "total_limit": total,
        "limits": [_running(limit, now) for limit in others],
        **each_members(token.terms),
        "payment_method": None if token.method is None else METHODS[token.method],
        "available": None if largest is None else format_amount(largest),
        "description": token.payment_reason,
        "idempotency_key": token.caller_reference,
        "created_at": moment(token.created_at),
        "starts_at": moment(token.valid_from),
        "expires_at": moment(token.expires_at),
    }


def head_members(an_id: str, kind: str, status: str) -> dict[str, Any]:
    """What every authorization begins with; what it does not have is null."""
    return {"object": "authorization", "id": an_id, "kind": kind, "status": status, "currency": USD, **_NOTHING}


def each_members(terms: TokenTerms) -> Mapping[str, Any]:
    """What each payment comes to."""
    return {
        "amount": None if terms.amount_micros is None else format_amount(terms.amount_micros),
        "amount_rule": None if terms.amount_rule is None else RULES[terms.amount_rule],
        "for_reservation": terms.for_reserve,
    }


def total_limit(limits: Iterable[LimitTerms | UsageLimit]) -> tuple[str | None, list[Any]]:
    """The limit on all payments together, and the others."""
    others = list(limits)
    for limit in others:
        if limit.kind is LimitKind.AMOUNT and limit.period is None:
            others.remove(limit)
            return format_amount(limit.limit), others
    return None, others


def promised_limit(limit: LimitTerms) -> Mapping[str, Any]:
    """A usage limit of which nothing is used yet."""
    return _limit(limit.kind, limit.limit, limit.limit, limit.period, None)


def _running(limit: UsageLimit, now: datetime) -> Mapping[str, Any]:
    current = limit.rolled(now)
    renews_at = None
    if limit.period is not None:
        with suppress(OverflowError):  # beyond the calendar, which long periods reach at once
            renews_at = limit.period.window_end(limit.anchor, now)
    return _limit(limit.kind, limit.limit, max(0, current.limit - current.used), limit.period, renews_at)


def _limit(kind: LimitKind, most: int, left: int, period: object, renews_at: datetime | None) -> Mapping[str, Any]:
    of_amount = kind is LimitKind.AMOUNT
    return {
        "amount": format_amount(most) if of_amount else None,
        "charges": None if of_amount else most,
        "left_amount": format_amount(left) if of_amount else None,
        "left_charges": None if of_amount else left,
        "period": None if period is None else str(period),
        "renews_at": moment(renews_at),
    }
