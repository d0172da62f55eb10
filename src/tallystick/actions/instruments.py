"""Who may look at an instrument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.actions import identify
from tallystick.actions.fields import invalid
from tallystick.domain.refusals import Refusal, Refused
from tallystick.ledger.balances import InstrumentBalance

if TYPE_CHECKING:
    from tallystick.actions.call import Call
    from tallystick.domain.ids import IdKind


async def readable_instrument(call: Call, kind: IdKind) -> InstrumentBalance:
    """The balance of an instrument whose sender or recipient is the caller; sandbox and live never meet.

    Raises Refused: InvalidParams, InstrumentAccessDenied. Source: spec of the semantics, 10.
    """
    instrument_id, book_id = identify.instrument(call, kind)
    found = await call.service.balances.find(book_id, instrument_id)
    if found is None and call.owns(book_id):
        raise invalid(identify.INSTRUMENT_PARAMETERS[kind], identify.AN_INSTRUMENT, instrument_id)
    if (
        found is None
        or found.environment != call.key.environment
        or call.key.party_id not in {found.seller_id, found.sender_id}
    ):
        raise Refused(Refusal.InstrumentAccessDenied, "The caller is neither sender nor recipient of this instrument.")
    return found
