"""GetAccountBalance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.services.api.call import amount
from tallystick.store.queries import reads

if TYPE_CHECKING:
    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result


async def get_account_balance(call: Call) -> Result:
    """What the service holds for the caller: all of it can be withdrawn, nothing of it is on its way out.

    Payments in real money live in the first of a caller's books, and refunds of them are taken from the cash there.
    """
    cash = await reads.cash_balance(call.service.pool, call.key.parts)
    return {
        "AccountBalance": {
            "TotalBalance": amount(cash.balance_micros),
            "PendingInBalance": amount(cash.pending_in_micros),
            "PendingOutBalance": amount(0),
            "AvailableBalances": {
                "DisburseBalance": amount(cash.balance_micros),
                "RefundBalance": amount(cash.refundable_micros),
            },
        }
    }
