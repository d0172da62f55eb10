"""FundPrepaid and the balances of prepaid instruments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain import commands
from tallystick.domain.ids import IdKind
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.actions.instruments import instrument_balance
from tallystick.services.api import identify
from tallystick.services.api.call import amount, check_descriptor, timeout
from tallystick.services.seller.archived import explain_archived
from tallystick.store.queries import reads

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result


async def fund_prepaid(call: Call) -> Result:
    """Charge the sender through the funding token and raise the balance."""
    token_id = identify.sender_token(call)
    instrument_id = identify.own_instrument(call, IdKind.PREPAID_INSTRUMENT)
    check_descriptor(call)
    call = call.beside(instrument_id)
    return await call.move_money(
        commands.FundPrepaid(
            call.request(), token_id, instrument_id, call.values.integer("FundingAmount"), timeout(call)
        )
    )


async def refund_funding(call: Call) -> Result:
    """Give back what was not spent of a funding. For /v1: the query API has no such action.

    The call is a Refund with the funding as what is refunded. Raises Refused.
    """
    funding_id = identify.own_transaction(call)
    amount_micros = call.values.optional_integer("RefundAmount")
    call = call.beside(funding_id)
    try:
        return await call.move_money(commands.RefundFunding(call.request(), funding_id, amount_micros))
    except Refused as refused:
        if refused.refusal is not Refusal.InvalidTransactionId:
            raise
        raise await explain_archived(call, funding_id, refused) from None


def get_prepaid_balance(call: Call) -> Awaitable[Result]:
    """What is left to spend of one instrument, and what is on its way in."""
    return instrument_balance(call, IdKind.PREPAID_INSTRUMENT, "PrepaidBalance", "PendingInBalance")


async def get_total_prepaid_liability(call: Call) -> Result:
    """What the caller owes in goods to all its senders together."""
    total = await reads.instrument_totals(call.service.pool, call.key.parts, "prepaid")
    return {
        "OutstandingPrepaidLiability": {
            "OutstandingBalance": amount(total.balance_micros),
            "PendingInBalance": amount(total.pending_micros),
        }
    }
