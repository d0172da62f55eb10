"""BookMovement: what a rail kept for its service, paid to the bank, or moved for nobody here.

A command of the operator's own book.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.decide.receipts import SUCCESS_CODE
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.rails.commands import BookMovement
from tallystick.domain.state import Decision, Operation, RailBooking, State, Transaction, Transfer
from tallystick.domain.transitions import check_first

BY_THE_RAIL: Final = "Rail"
"""The payment method of what a rail did by itself: nobody paid."""

_ACCOUNTS: Final = {AccountKind.RAIL_FEES, AccountKind.BANK, AccountKind.SUSPENSE}


def book_movement(state: State, command: BookMovement, now: datetime) -> Decision:
    """Book it, unless it is booked: then the answer is that of the first time, even where the rail says another sum.

    Raises ValueError: no rail does that by itself.
    """
    known = state.bookings.get((command.rail, command.movement_id, command.account))
    if known is not None:
        return Decision(Accepted(known.transaction_id, TransactionStatus.SUCCESS))
    if command.account not in _ACCOUNTS or command.amount_micros == 0:
        raise ValueError(f"a rail moves nothing by itself to {command.account.value}, nor an amount of nothing")
    check_first(Operation.RAIL_MOVEMENT, TransactionStatus.SUCCESS)
    amount = abs(command.amount_micros)
    transaction = Transaction(
        transaction_id=command.transaction_id,
        operation=Operation.RAIL_MOVEMENT,
        status=TransactionStatus.SUCCESS,
        status_code=SUCCESS_CODE,
        status_message=None,
        amount_micros=amount,
        fee_micros=0,
        payment_method=BY_THE_RAIL,
        sender_id=None,
        sender_token_id=None,
        instrument_id=None,
        caller_reference=command.transaction_id,
        requested_at=now,
        received_at=now,
        completed_at=now,
    )
    there, here = account_id(AccountKind.RAIL, command.rail), account_id(command.account)
    debit, credit = (here, there) if command.amount_micros > 0 else (there, here)
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(transaction,),
        opens=((command.account, ""), (AccountKind.RAIL, command.rail)),
        transfers=(Transfer(command.transaction_id, debit, credit, amount),),
        booking=RailBooking(
            command.rail, command.movement_id, command.account, command.transaction_id, command.amount_micros
        ),
    )
