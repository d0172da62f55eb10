"""Pay and Refund."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.actions import identify
from tallystick.actions.call import check_descriptor
from tallystick.domain import commands
from tallystick.domain.refusals import Refusal, Refused

if TYPE_CHECKING:
    from tallystick.actions.call import Call
    from tallystick.actions.types import Result


async def pay(call: Call) -> Result:
    """Charge a prepaid balance or raise a debt.

    ChargeFeeTo is checked and has no effect: charges of an instrument cost no fee. Source: spec of the semantics, 2.
    """
    token_id = identify.sender_token(call)
    identify.check_no_recipient_token(call)
    _check_no_marketplace_fee(call)
    check_descriptor(call)
    return await call.move_money(
        commands.Pay(call.request(), token_id, amount_micros=call.values.integer("TransactionAmount"))
    )


async def refund(call: Call) -> Result:
    """Give back what was charged. Marketplace policies have no effect where there is no third party."""
    original_id = identify.own_transaction(call)
    amount_micros = call.values.optional_integer("RefundAmount")
    return await call.move_money(commands.Refund(call.request(), original_id, amount_micros))


def _check_no_marketplace_fee(call: Call) -> None:
    """Caller and recipient are the same account, so there is nobody to share with."""
    if call.values.optional_integer("MarketplaceFixedFee") or call.values.optional_integer("MarketplaceVariableFee"):
        message = "Marketplace fees need a recipient token that allows them; an instrument's payments have none."
        raise Refused(Refusal.IncompatibleTokens, message)
