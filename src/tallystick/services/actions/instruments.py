"""What an instrument holds or owes, for those who may know."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api import identify
from tallystick.services.api.call import amount
from tallystick.services.api.fields import invalid
from tallystick.store.queries.frequent_reads import InstrumentBalance

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, IdKind, InstrumentId
    from tallystick.services.api.call import Call
    from tallystick.services.api.callers import AccessKey, Caller
    from tallystick.services.api.types import Result
    from tallystick.services.context import Service

__all__ = ["InstrumentBalance", "balance_for", "instrument_balance"]


def instrument_balance(call: Call, kind: IdKind, element: str, pending: str) -> Awaitable[Result]:
    """The balance of an instrument whose sender or recipient is the caller; sandbox and live never meet.

    `element` and its member `pending` are named as the kind's result has them. Raises Refused: InvalidParams; what is
    to be awaited does too, and InstrumentAccessDenied. Source: docs/protocol/semantics.md, 10.
    """
    return _read(call, kind, element, pending, *identify.instrument(call, kind))


async def _read(
    call: Call, kind: IdKind, element: str, pending: str, instrument_id: InstrumentId, book_id: BookId
) -> Result:
    found = await balance_for(call.service, call.key, call.cached_key, kind, instrument_id, book_id)
    return {element: {"AvailableBalance": amount(found.balance_micros), pending: amount(found.pending_micros)}}


async def balance_for(
    service: Service,
    caller: Caller,
    cached_key: AccessKey | None,
    kind: IdKind,
    instrument_id: InstrumentId,
    book_id: BookId,
) -> InstrumentBalance:
    """The balance of an instrument, whose id names this book, for who may know it. `cached_key`: to be revalidated.

    Raises Refused: InvalidParams, InstrumentAccessDenied; StaleCachedKeyError before that.
    """
    return may_know(
        await service.balances.find(book_id, instrument_id, cached_key), caller, kind, instrument_id, book_id
    )


def may_know(
    found: InstrumentBalance | None, caller: Caller, kind: IdKind, instrument_id: InstrumentId, book_id: BookId
) -> InstrumentBalance:
    """What was found, for who may know it. Raises Refused: InvalidParams, InstrumentAccessDenied."""
    if found is None and book_id in caller.parts:
        raise invalid(identify.INSTRUMENT_PARAMETERS[kind], identify.AN_INSTRUMENT, instrument_id)
    if (
        found is None
        or found.environment != caller.environment
        or caller.party_id not in {found.seller_id, found.sender_id}
    ):
        raise Refused(Refusal.InstrumentAccessDenied, "The caller is neither sender nor recipient of this instrument.")
    return found
