"""SettleDebt, WriteOffDebt and the debts of credit instruments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain import commands
from tallystick.domain.ids import IdKind
from tallystick.services.actions.instruments import instrument_balance
from tallystick.services.api import identify
from tallystick.services.api.call import amount, check_descriptor, timeout
from tallystick.store.queries import reads

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result


async def settle_debt(call: Call) -> Result:
    """Charge the sender through the settlement token and lower the debt."""
    token_id = identify.sender_token(call)
    instrument_id = identify.own_instrument(call, IdKind.CREDIT_INSTRUMENT)
    check_descriptor(call)
    call = call.beside(instrument_id)
    return await call.move_money(
        commands.SettleDebt(
            call.request(), token_id, instrument_id, call.values.integer("SettlementAmount"), timeout(call)
        )
    )


async def write_off_debt(call: Call) -> Result:
    """Forgive debt; no token is needed, since nobody is charged."""
    instrument_id = identify.own_instrument(call, IdKind.CREDIT_INSTRUMENT)
    call = call.beside(instrument_id)
    return await call.move_money(
        commands.WriteOffDebt(call.request(), instrument_id, amount_micros=call.values.integer("AdjustmentAmount"))
    )


def get_debt_balance(call: Call) -> Awaitable[Result]:
    """What is owed on one instrument, and what of it is being settled."""
    return instrument_balance(call, IdKind.CREDIT_INSTRUMENT, "DebtBalance", "PendingOutBalance")


async def get_outstanding_debt_balance(call: Call) -> Result:
    """What all senders together owe the caller."""
    total = await reads.instrument_totals(call.service.pool, call.key.parts, "credit")
    return {
        "OutstandingDebt": {
            "OutstandingBalance": amount(total.balance_micros),
            "PendingOutBalance": amount(total.pending_micros),
        }
    }
