"""A rail's final answers: how slow transactions go on. Source: docs/protocol/semantics.md, 2 and 3."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.decide.charges import received
from tallystick.domain.decide.disputes.claiming import claim_what_is_free
from tallystick.domain.decide.outgoing.refund_funding import (
    funding_given_back,
    funding_kept,
    is_refund_of_funding,
    without_refund,
)
from tallystick.domain.decide.receipts import SUCCESS_CODE, announce, ask_rail, moved_on, step
from tallystick.domain.decide.shares import NOTHING, book, when_opened, whole
from tallystick.domain.decide.usage import give_back
from tallystick.domain.ids import AccountId
from tallystick.domain.outcomes import Done, TransactionStatus
from tallystick.domain.rails.commands import Declined, RailOperation, ResolveCharge, ReturnCharge
from tallystick.domain.state import Decision, Instrument, Operation, State, Transaction
from tallystick.domain.transitions import TransactionState, state_of_transaction

RESERVATION_LIFETIME: Final = timedelta(days=7)
"""How long a hold lives before it is cancelled. Source: docs/protocol/semantics.md, 2."""

_WITHOUT_STATUS: Final = frozenset({RailOperation.VOID, RailOperation.RETURN})
"""What follows the end of a transaction, and leaves its status as it is."""

_PAID: Final = "The transaction succeeded and the payment method was charged."
_HELD: Final = "The amount is held on the card."
_REFUNDED: Final = "The amount was given back to the payment method."


def resolve_charge(state: State, command: ResolveCharge, now: datetime) -> Decision:
    """Book a rail's final answer. An answer that comes twice, or to a hold that was given up, changes nothing."""
    transaction = state.transactions[command.transaction_id]
    resolved = (transaction.transaction_id, command.operation)
    if command.operation in _WITHOUT_STATUS or not _waits_for(transaction, command.operation):
        return Decision(Done(), resolved=resolved)
    outside = account_id(AccountKind.RAIL, command.rail)
    if isinstance(command.answer, Declined):
        decision = _declined(state, transaction, outside, command.answer, now)
    elif command.operation is RailOperation.AUTHORIZE:
        held = moved_on(transaction, TransactionStatus.RESERVED, SUCCESS_CODE, _HELD, now)
        decision = Decision(Done(), transactions=(replace(held, reserved_until=now + RESERVATION_LIFETIME),))
    else:
        said = _REFUNDED if transaction.operation is Operation.REFUND else _PAID
        paid = moved_on(transaction, TransactionStatus.SUCCESS, SUCCESS_CODE, said, now)
        decision = _paid(state, paid, outside)
    latest = decision.transactions[-1]
    opens = ((AccountKind.RAIL, command.rail),) if decision.operator_transfers else ()
    told = replace(
        decision,
        outcome=Done(),
        operator_opens=opens,
        events=(announce(latest),),
        steps=(step(latest),),
        resolved=resolved,
    )
    is_undone = latest.operation is Operation.REFUND and latest.status is TransactionStatus.FAILURE
    if is_undone and latest.original_id is not None:
        return claim_what_is_free(state, told, latest.original_id)
    return told


def _waits_for(transaction: Transaction, operation: RailOperation) -> bool:
    """Whether the answer to `operation` is still to come. A reservation waits twice: for its hold, and its capture."""
    state = state_of_transaction(transaction.operation, transaction.status_number, transaction.status)
    if transaction.operation is Operation.RESERVE and operation is RailOperation.CAPTURE:
        return state is TransactionState.SETTLING
    return state is TransactionState.PENDING


def return_charge(state: State, command: ReturnCharge, now: datetime) -> Decision:  # noqa: ARG001 - one shape for all rules
    """Have a rail give back what it took although the transaction came to nothing: no account of ours ever had it.

    Changes nothing where the transaction goes on, or went well, or where the rail was asked for that before.
    Raises Refused: PaymentMethodNotDefined, where nobody knows any more by what it was paid.
    """
    transaction = state.transactions[command.transaction_id]
    if transaction.status not in {TransactionStatus.FAILURE, TransactionStatus.CANCELLED}:
        return Decision(Done())
    if transaction.transaction_id in state.returned:
        return Decision(Done())
    request = ask_rail(state, transaction, None, RailOperation.RETURN, transaction.transaction_id)
    return Decision(Done(), rail_request=request)


def _paid(state: State, paid: Transaction, outside: AccountId) -> Decision:
    if is_refund_of_funding(paid):
        return funding_given_back(state, paid)
    if paid.instrument_id is not None:
        return received(state, paid, released(state, paid), outside)
    return book(state, paid, whole(paid) - when_opened(paid), outside)


def _declined(state: State, transaction: Transaction, outside: AccountId, answer: Declined, now: datetime) -> Decision:
    failed = moved_on(transaction, TransactionStatus.FAILURE, answer.status_code, answer.reason, now)
    if is_refund_of_funding(failed):
        return funding_kept(state, failed, outside)
    if transaction.instrument_id is not None:
        return Decision(Done(), transactions=(failed,), instruments=(released(state, transaction),))
    undone = book(state, failed, NOTHING - when_opened(failed), outside)
    if failed.original_id is None:
        return replace(undone, tokens=give_back(state, transaction, now))
    return replace(undone, transactions=(without_refund(state.transactions[failed.original_id], failed), failed))


def released(state: State, transaction: Transaction) -> Instrument:
    """The instrument of a charge that is no longer pending."""
    assert transaction.instrument_id is not None, "only charges of instruments are counted as pending"  # noqa: S101
    instrument = state.instruments[transaction.instrument_id]
    return replace(instrument, pending_micros=instrument.pending_micros - transaction.amount_micros)
