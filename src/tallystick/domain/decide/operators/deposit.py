"""Deposit: sandbox money onto a person's account balance (ABT). A command of the operator's own book."""

from __future__ import annotations

from datetime import datetime

from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.commands import Method
from tallystick.domain.decide.checks import check_rail_amount
from tallystick.domain.decide.receipts import SUCCESS_CODE
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.rails.commands import Deposit
from tallystick.domain.state import Decision, Operation, State, Transaction, Transfer, balance_account
from tallystick.domain.transitions import check_first


def deposit(state: State, command: Deposit, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all rules
    """Put money on an account balance. Raises Refused: AmountOutOfRange."""
    check_rail_amount(command.amount_micros)
    check_first(Operation.DEPOSIT, TransactionStatus.SUCCESS)
    transaction = Transaction(
        transaction_id=command.transaction_id,
        operation=Operation.DEPOSIT,
        status=TransactionStatus.SUCCESS,
        status_code=SUCCESS_CODE,
        status_message=None,
        amount_micros=command.amount_micros,
        fee_micros=0,
        payment_method=Method.ABT.value,
        sender_id=command.party_id,
        sender_token_id=None,
        instrument_id=None,
        caller_reference=command.transaction_id,
        requested_at=now,
        received_at=now,
        completed_at=now,
    )
    received = Transfer(
        command.transaction_id,
        account_id(AccountKind.RAIL, command.rail),
        balance_account(command.party_id),
        command.amount_micros,
    )
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(transaction,),
        opens=((AccountKind.BALANCE_OF, str(command.party_id)),),
        transfers=(received,),
    )
