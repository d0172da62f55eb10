"""What an instrument holds or owes, for those who may know."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api import identify
from tallystick.services.api.call import amount
from tallystick.services.api.fields import invalid

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, IdKind, InstrumentId
    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result


def instrument_balance(call: Call, kind: IdKind, element: str, pending: str) -> Awaitable[Result]:
    """The balance of an instrument whose sender or recipient is the caller; sandbox and live never meet.

    `element` and its member `pending` are named as the kind's result has them. Raises Refused: InvalidParams; what is
    to be awaited does too, and InstrumentAccessDenied. Source: docs/protocol/semantics.md, 10.
    """
    return _read(call, kind, element, pending, *identify.instrument(call, kind))


async def _read(
    call: Call, kind: IdKind, element: str, pending: str, instrument_id: InstrumentId, book_id: BookId
) -> Result:
    found = await call.service.balances.find(book_id, instrument_id, call.cached_key)
    if found is None and call.owns(book_id):
        raise invalid(identify.INSTRUMENT_PARAMETERS[kind], identify.AN_INSTRUMENT, instrument_id)
    if (
        found is None
        or found.environment != call.key.environment
        or call.key.party_id not in {found.seller_id, found.sender_id}
    ):
        raise Refused(Refusal.InstrumentAccessDenied, "The caller is neither sender nor recipient of this instrument.")
    return {element: {"AvailableBalance": amount(found.balance_micros), pending: amount(found.pending_micros)}}
