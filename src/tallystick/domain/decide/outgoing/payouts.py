"""Payouts: cash leaves for the seller's bank, and comes back if it bounces.

Opening one takes the cash at once, in the seller's book and in what the operator owes; nobody can spend it meanwhile.
Who sends it is asked afterwards. What was sent moves on to the account of what was paid out; what was not sent comes
back to cash. A bank that sends it back later makes a transaction of its own: what was done stays done.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind, account_id
from tallystick.domain.commands import RequestPayout, ReturnPayout
from tallystick.domain.decide.checks import check_seller
from tallystick.domain.decide.receipts import SUCCESS_CODE, announce, moved_on, record, step
from tallystick.domain.ids import AccountId
from tallystick.domain.money import MICROS_PER_MINOR_UNIT, display_amount, whole_minor_units
from tallystick.domain.outcomes import Accepted, Done, TransactionStatus
from tallystick.domain.rails.commands import Declined, ResolvePayout
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import (
    Decision,
    Operation,
    PayoutEnd,
    PayoutOrder,
    State,
    Transaction,
    Transfer,
    owed_account,
)

METHOD: Final = "Payout"
"""What such transactions say of how they are paid."""

_CASH: Final = TOTALS[AccountKind.CASH]
_UNDER_WAY: Final = TOTALS[AccountKind.PAYOUTS_UNDER_WAY]
_PAID_OUT: Final = TOTALS[AccountKind.PAID_OUT]
_DUE: Final = TOTALS[AccountKind.PAYOUTS_DUE]
_SENT: Final = "The payout was sent to the seller's bank."


def request_payout(state: State, command: RequestPayout, now: datetime) -> Decision:
    """Take the cash, in whole cents, rounded down. Where payouts are only recorded, it is done at once.

    What the seller owes for disputes stays: it is collected from this cash.
    Raises Refused: InvalidAccountState_Caller, AmountOutOfRange, InsufficientBalance.
    """
    check_seller(state)
    held_micros = max(0, state.cash[state.book.book_id] - state.dues_micros)
    asked_micros = command.amount_micros
    amount_micros = whole_minor_units(held_micros - command.reserve_micros if asked_micros is None else asked_micros)
    if asked_micros is None and amount_micros < MICROS_PER_MINOR_UNIT:
        raise Refused(Refusal.InsufficientBalance, "Nothing is held above the reserve.")
    if amount_micros < MICROS_PER_MINOR_UNIT:
        message = f"A payout must be at least {display_amount(MICROS_PER_MINOR_UNIT)}."
        raise Refused(Refusal.AmountOutOfRange, message)
    if amount_micros > held_micros:
        raise Refused(Refusal.InsufficientBalance, f"Only {display_amount(held_micros)} is held for the seller.")
    recorded = command.destination_id is None
    transaction = record(
        command.request,
        Operation.PAYOUT,
        TransactionStatus.SUCCESS if recorded else TransactionStatus.PENDING,
        amount_micros,
        now,
        payment_method=METHOD,
        sender_id=None,
        instrument_id=None,
    )
    owed, outside = _owed(state), account_id(AccountKind.RAIL, command.rail)
    order = PayoutOrder(
        transaction.transaction_id, command.rail, amount_micros, command.destination_id, command.due_at, done=recorded
    )
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(transaction,),
        opens=((AccountKind.PAYOUTS_UNDER_WAY, ""), (AccountKind.PAID_OUT, "")),
        operator_opens=((AccountKind.PAYOUTS_DUE, ""), (AccountKind.RAIL, command.rail)),
        transfers=(_transfer(transaction, _PAID_OUT if recorded else _UNDER_WAY, _CASH),),
        operator_transfers=(_transfer(transaction, owed, outside if recorded else _DUE),),
        events=(announce(transaction),),
        payout=order,
    )


def resolve_payout(state: State, command: ResolvePayout, now: datetime) -> Decision:
    """Book that it was sent, or that it was not. What is said twice changes nothing."""
    transaction = state.transactions[command.transaction_id]
    if transaction.operation is not Operation.PAYOUT or transaction.status is not TransactionStatus.PENDING:
        return Decision(Done())
    if isinstance(command.answer, Declined):
        answer = command.answer
        ended = moved_on(transaction, TransactionStatus.FAILURE, answer.status_code, answer.reason, now)
        own, mirrored = _transfer(ended, _CASH, _UNDER_WAY), _transfer(ended, _DUE, _owed(state))
    else:
        ended = moved_on(transaction, TransactionStatus.SUCCESS, SUCCESS_CODE, _SENT, now)
        outside = account_id(AccountKind.RAIL, state.payout_rails[transaction.transaction_id])
        own, mirrored = _transfer(ended, _PAID_OUT, _UNDER_WAY), _transfer(ended, _DUE, outside)
    return Decision(
        Done(),
        transactions=(ended,),
        transfers=(own,),
        operator_transfers=(mirrored,),
        steps=(step(ended),),
        events=(announce(ended),),
        payout=PayoutEnd(ended.transaction_id, command.reference),
    )


def return_payout(state: State, command: ReturnPayout, now: datetime) -> Decision:
    """Book that a bank sent a payout back, all of it: it is cash again.

    Raises Refused: InvalidTransactionId, OriginalTransactionIncomplete, OriginalTransactionFailed,
    TransactionFullyRefundedAlready.
    """
    payout = _find_done(state, command)
    transaction = record(
        command.request,
        Operation.PAYOUT_RETURN,
        TransactionStatus.SUCCESS,
        payout.amount_micros,
        now,
        payment_method=METHOD,
        sender_id=None,
        instrument_id=None,
        original_id=payout.transaction_id,
    )
    transaction = replace(transaction, status_message=command.reason)
    outside = account_id(AccountKind.RAIL, state.payout_rails[payout.transaction_id])
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(replace(payout, refunded_micros=payout.amount_micros), transaction),
        transfers=(_transfer(transaction, _CASH, _PAID_OUT),),
        operator_transfers=(_transfer(transaction, outside, _owed(state)),),
        events=(announce(transaction),),
    )


def _find_done(state: State, command: ReturnPayout) -> Transaction:
    payout = state.transactions.get(command.payout_id)
    if payout is None or payout.operation is not Operation.PAYOUT:
        raise Refused(Refusal.InvalidTransactionId, f"There is no such payout: {command.payout_id}")
    if payout.status is TransactionStatus.PENDING:
        raise Refused(Refusal.OriginalTransactionIncomplete, "The payout is still Pending.")
    if payout.status is not TransactionStatus.SUCCESS:
        raise Refused(Refusal.OriginalTransactionFailed, f"The payout came to {payout.status.value}.")
    if payout.refunded_micros:
        raise Refused(Refusal.TransactionFullyRefundedAlready, "The payout has come back already.")
    return payout


def _owed(state: State) -> AccountId:
    assert state.book.seller_id is not None, "cash is in sellers' books"  # noqa: S101
    return owed_account(state.book.seller_id)


def _transfer(transaction: Transaction, debit: AccountId, credit: AccountId) -> Transfer:
    """All of the amount, in the phase of the present status."""
    phase = transaction.status_number - 1
    return Transfer(transaction.transaction_id, debit, credit, transaction.amount_micros, phase)
