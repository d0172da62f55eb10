"""WriteOffDebt: forgive debt. No money moves, and there is no way back. Source: docs/protocol/flows.md, 3."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import WriteOffDebt
from tallystick.domain.decide.checks import check_part_amount, check_seller, find_instrument
from tallystick.domain.decide.receipts import announce, record
from tallystick.domain.money import display_amount
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, Instrument, InstrumentKind, Operation, State, Transfer


def write_off_debt(state: State, command: WriteOffDebt, now: datetime) -> Decision:
    """Forgive part or all of a debt, also after the authorization has ended.

    Raises Refused: InvalidAccountState_Caller, InvalidParams, AmountOutOfRange, SettleAmountGreaterThanDebt.
    """
    check_seller(state)
    instrument = find_instrument(state, command.instrument_id, InstrumentKind.CREDIT)
    check_part_amount(state, command.amount_micros, instrument.settleable_micros)
    check_debt(instrument, command.amount_micros)
    transaction = record(
        command.request,
        Operation.WRITE_OFF_DEBT,
        TransactionStatus.SUCCESS,
        command.amount_micros,
        now,
        payment_method="Debt",
        sender_id=instrument.sender_id,
        instrument_id=instrument.instrument_id,
    )
    loss = Transfer(
        transaction.transaction_id, TOTALS[AccountKind.WRITE_OFFS], instrument.account_id, command.amount_micros
    )
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(transaction,),
        transfers=(loss,),
        instruments=(replace(instrument, balance_micros=instrument.balance_micros - command.amount_micros),),
        events=(announce(transaction),),
    )


def check_debt(instrument: Instrument, amount_micros: int) -> None:
    """Not more than is owed and not already being settled. Raises Refused: SettleAmountGreaterThanDebt."""
    if amount_micros > instrument.settleable_micros:
        message = (
            f"{display_amount(amount_micros)} is more than the debt of {display_amount(instrument.settleable_micros)}"
        )
        if instrument.pending_micros:
            message += f" ({display_amount(instrument.pending_micros)} more is being settled)"
        raise Refused(Refusal.SettleAmountGreaterThanDebt, f"{message}.")
