"""What moves money in /v1: each request becomes the action of the query API, with its digest and its reference.

So the two interfaces have one space of references: what a program asked for there is not done again when it asks here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallystick.domain.ids import TransactionId
from tallystick.domain.money import USD, format_amount, whole_minor_units
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.actions.prepaid import refund_funding
from tallystick.services.api.fields import V2010
from tallystick.services.api.registry import ACTIONS
from tallystick.services.charges import charge_rules
from tallystick.services.events.authorizations import largest_payment_micros
from tallystick.services.reports import instruments
from tallystick.services.reports import transactions as reports
from tallystick.web.api.calls import read_call
from tallystick.web.v1 import authorizations, transactions
from tallystick.web.v1.authorizations import POSTPAID, PREPAID, AuthorizationObject
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import DESCRIPTION, MINUTES, NOTE, NOTIFY
from tallystick.web.v1.problems import RefusedProblemError

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result
    from tallystick.services.reports.instruments import TokenRecord
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.web.v1.endpoint import Asked

_PLAIN: Final = (DESCRIPTION, NOTE, NOTIFY, MINUTES)
ABOVE: Final = frozenset(
    {
        Refusal.InsufficientBalance,
        Refusal.TokenUsageError,
        Refusal.PrepaidFundingLimitExceeded,
        Refusal.SettleAmountGreaterThanDebt,
        Refusal.RefundAmountExceeded,
        Refusal.TransactionFullyRefundedAlready,
    }
)
"""Refusals that tell of a bound: with a smaller amount the same would pass."""

Bounds = Mapping[str, str]
"""``limit``, ``available``, ``largest_amount`` and ``smallest_amount`` of a problem."""
Bounded = Callable[[], Awaitable[Bounds]]


async def charge(asked: Asked) -> Reply:
    """Charge a prepaid balance, a tab or, with a token, real money."""
    text = asked.given["authorization"]
    if authorizations.kind_of(text) is None:
        return await with_token(asked, "Pay", text)
    found = await authorizations.find(asked.books, text)

    async def largest() -> Bounds:
        return charge_bounds(await authorizations.find(asked.books, text), asked.books.now)

    params = {"SenderTokenId": found.spending_token.token_id} | _amount(asked, "TransactionAmount")
    return await move(asked, "Pay", params, largest, has_smallest=True)


async def with_token(asked: Asked, action_name: str, text: str) -> Reply:
    """Take real money by a token, or hold it. Raises ProblemError."""
    params = {"SenderTokenId": text} | _amount(asked, "TransactionAmount")
    try:
        return await move(asked, action_name, params, partial(_payment_bounds, asked, text))
    except RefusedProblemError as problem:  # to the query API a token that is not there is a wrong value
        if problem.refusal is Refusal.InvalidParams and await authorizations.find_direct(asked.books, text) is None:
            raise authorizations.not_found() from None
        raise


async def _payment_bounds(asked: Asked, text: str) -> Bounds:
    """What the terms of a token leave to one payment."""
    token = await instruments.token(asked.books, text)
    return {} if token is None else charge_bounds(token, asked.books.now)


def charge_bounds(found: AuthorizationObject | TokenRecord, now: datetime) -> Bounds:
    """What would pass of a charge at `now`, the books' time; nothing where the terms of a token bound nothing."""
    if isinstance(found, AuthorizationObject):
        return {
            "limit": format_amount(found.instrument.limit_micros),
            "available": format_amount(found.available_micros()),
            "largest_amount": format_amount(found.largest_charge_micros(now)),
        }
    left = largest_payment_micros(found, now)
    return {} if left is None else {"largest_amount": format_amount(left)}


async def top_up(asked: Asked) -> Reply:
    """Bring real money onto a prepaid balance."""
    found = await _of_kind(asked, PREPAID)

    async def largest() -> Bounds:
        now = await authorizations.find(asked.books, found.instrument.instrument_id)
        return {
            "limit": format_amount(now.instrument.limit_micros),
            "largest_amount": format_amount(now.largest_top_up_micros()),
        }

    params = {
        "SenderTokenId": found.money_token.token_id,
        "PrepaidInstrumentId": found.instrument.instrument_id,
    } | _amount(asked, "FundingAmount")
    return await move(asked, "FundPrepaid", params, largest)


async def refund_top_up(asked: Asked) -> Reply:
    """Give back what was not spent of a top-up, to where it came from."""
    funding_id = transactions.transaction_id(asked.subject, "id")

    async def largest() -> Bounds:
        funding = await transactions.find(asked.books, funding_id)
        refunds = await reports.refunds_of(asked.books, funding_id)
        left = funding.amount_micros - sum(one.amount_micros for one in refunds if one.status != "Failure")
        if funding.instrument_id is not None:
            held = await authorizations.find(asked.books, funding.instrument_id)
            left = min(left, held.instrument.balance_micros)
        return {"largest_amount": format_amount(max(0, whole_minor_units(left)))}

    params: dict[str, str] = {"TransactionId": funding_id}
    if "amount" in asked.given:
        params |= _amount(asked, "RefundAmount")
    return await move(asked, "Refund", params, largest, refund_funding)


async def settle(asked: Asked) -> Reply:
    """Bring in real money for a tab."""
    found = await _of_kind(asked, POSTPAID)
    params = {
        "SenderTokenId": found.money_token.token_id,
        "CreditInstrumentId": found.instrument.instrument_id,
    } | _amount(asked, "SettlementAmount")
    return await move(asked, "SettleDebt", params, _owed(asked, found))


async def write_off(asked: Asked) -> Reply:
    """Forgive what is owed on a tab."""
    found = await _of_kind(asked, POSTPAID)
    params = {"CreditInstrumentId": found.instrument.instrument_id} | _amount(asked, "AdjustmentAmount")
    return await move(asked, "WriteOffDebt", params, _owed(asked, found), has_smallest=True)


async def refund(asked: Asked) -> Reply:
    """Give back all or part of a charge: of the one in the path, or the one that the body names."""
    text = asked.subject or asked.given["transaction"]
    original_id = transactions.transaction_id(text, "id" if asked.subject else "transaction")

    async def largest() -> Bounds:
        original = await transactions.find(asked.books, original_id)
        refunds = await reports.refunds_of(asked.books, original_id)
        left = original.amount_micros - sum(one.amount_micros for one in refunds if one.status != "Failure")
        left -= (await reports.remains(asked.books, original_id)).disputed_micros
        return {"largest_amount": format_amount(max(0, left))}

    params: dict[str, str] = {"TransactionId": original_id}
    if "amount" in asked.given:
        params |= _amount(asked, "RefundAmount")
    return await move(asked, "Refund", params, largest)


async def _of_kind(asked: Asked, kind: str) -> AuthorizationObject:
    found = await authorizations.find(asked.books, asked.given["authorization"])
    if found.kind != kind:
        message = f"This is for authorizations of the kind {kind}; this one is {found.kind}."
        refused = Refused(Refusal.InvalidTokenType, message)
        raise RefusedProblemError(refused, field="authorization")
    return found


def _owed(asked: Asked, found: AuthorizationObject) -> Bounded:
    async def largest() -> Bounds:
        now = await authorizations.find(asked.books, found.instrument.instrument_id)
        return {"largest_amount": format_amount(now.owed_micros())}

    return largest


def _amount(asked: Asked, name: str) -> dict[str, str]:
    return {f"{name}.CurrencyCode": USD, f"{name}.Value": asked.given["amount"]}


async def move(
    asked: Asked,
    action_name: str,
    params: Mapping[str, str],
    largest: Bounded | None = None,
    perform: Callable[[Call], Awaitable[Result]] | None = None,
    *,
    has_smallest: bool = False,
) -> Reply:
    """Carry an action out, and show the transaction that it came to. `perform`: instead of the action's own use case.

    `has_smallest`: the seller's smallest charge bounds it from below. Raises ProblemError.
    """
    service, key, action = asked.service, asked.key, ACTIONS[action_name]
    plain = {one.parameter: asked.given[one.name] for one in _PLAIN if one.name in asked.given}
    whole = {**params, **plain, "CallerReference": asked.idempotency_key}
    made_ids: list[TransactionId] = [] if asked.begun is None else [asked.begun]
    call = replace(
        read_call(service, action, V2010, whole, key, asked.now, asked.now), refusal_spends=False, made_ids=made_ids
    )
    try:
        result = await (perform or action.perform)(call)
    except Refused as refused:
        if has_smallest and refused.refusal is Refusal.AmountOutOfRange:
            raise RefusedProblemError(refused, field="amount", **await smallest_charge(asked.books)) from None
        raise await _explained(asked, refused, largest) from None
    transaction_id = TransactionId(str(result["TransactionId"]))
    found = await transactions.find(asked.books, transaction_id)
    body = transactions.transaction_object(asked.books, found)
    return Reply(body, transaction_id, replayed=transaction_id not in made_ids)


async def smallest_charge(books: BookContext) -> Bounds:
    """The least that a charge may be."""
    return {"smallest_amount": format_amount((await charge_rules.find(books)).smallest_charge_micros)}


async def _explained(asked: Asked, refused: Refused, largest: Bounded | None) -> RefusedProblemError:
    """A refusal with what helps: the bound that was hit, or the transaction that the key stands for."""
    if refused.refusal is Refusal.DuplicateRequest:
        known = await reports.known_by_reference(asked.books, asked.idempotency_key)
        return RefusedProblemError(refused, transaction=known)
    if refused.refusal in ABOVE and largest is not None:
        return RefusedProblemError(refused, field="amount", **await largest())
    return RefusedProblemError(refused)
