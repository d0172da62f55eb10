"""Reserve, Settle and Cancel: hold an amount on a card, charge it once or give it up.

Source: docs/protocol/semantics.md, 2, 3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from tallystick.domain.commands import Cancel, Reserve, Settle, TokenPurpose
from tallystick.domain.decide.checks import (
    check_above_fees,
    check_callers_cash,
    check_rail_amount,
    check_seller,
    find_sender_token,
)
from tallystick.domain.decide.payments import reserve_directly
from tallystick.domain.decide.receipts import PENDING_CODE, announce, ask_rail, moved_on, step
from tallystick.domain.decide.resolve import released
from tallystick.domain.decide.shares import NOTHING, book, caller_pays, in_proportion, when_opened
from tallystick.domain.decide.usage import give_back, give_back_rest
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import display_amount, whole_minor_units
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.rails.commands import RailOperation
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, Operation, RailRequest, State, Transaction
from tallystick.domain.tokens import PaymentSource

CANCELED_CODE: Final = "Canceled"  # one l, while the status has two: so the protocol
EXPIRED_CODE: Final = "Expired"
_BEGINNINGS: Final = frozenset({RailOperation.CHARGE, RailOperation.AUTHORIZE})
"""What can still be called off while no rail was asked: refunds are booked already, and what settles is a Settle."""

_NOT_CALLED_FOR: Final = frozenset(
    {Operation.DISPUTE, Operation.PAYOUT, Operation.PAYOUT_RETURN, Operation.RAIL_MOVEMENT, Operation.REFUND_REVERSAL}
)
"""What no caller holds, charges or gives up: the protocol knows none of them."""

_SETTLING: Final = "Waiting for the answer of the payment network."


def reserve(state: State, command: Reserve, now: datetime) -> Decision:
    """Open a reservation. Raises Refused: InvalidAccountState_Caller, and as payments.reserve_directly."""
    check_seller(state)
    token = find_sender_token(state, command.token_id, now, TokenPurpose.SENDER, TokenPurpose.INSTALLED)
    return reserve_directly(state, command, token, now)


def settle(state: State, command: Settle, now: datetime) -> Decision:
    """Charge a reservation, once, at or below what is held; the rest lapses.

    Raises Refused: InvalidTransactionId, OriginalTransactionIncomplete, OriginalTransactionFailed,
    InvalidTransactionState, AmountOutOfRange, SettleAmountGreaterThanReserveAmount, InsufficientBalance.
    """
    check_seller(state)
    reservation = _find(state, command.transaction_id)
    if reservation.operation is not Operation.RESERVE:
        raise Refused(Refusal.InvalidTransactionId, "Only a reservation can be settled.")
    _check_reserved(reservation, now)
    asked_micros = reservation.amount_micros if command.amount_micros is None else command.amount_micros
    if asked_micros > reservation.amount_micros:
        message = (
            f"{display_amount(asked_micros)} is more than the {display_amount(reservation.amount_micros)} reserved."
        )
        raise Refused(Refusal.SettleAmountGreaterThanReserveAmount, message)
    check_rail_amount(asked_micros)
    amount_micros = whole_minor_units(asked_micros)
    source = _source(state, reservation)
    share_micros = in_proportion(reservation.marketplace_fee_micros, amount_micros, reservation.amount_micros)
    fee_micros = state.book.fees[source.method].fee(amount_micros)
    check_above_fees(amount_micros, share_micros + (0 if caller_pays(reservation) else fee_micros))
    settling = replace(
        moved_on(reservation, TransactionStatus.PENDING, PENDING_CODE, _SETTLING, now),
        amount_micros=amount_micros,
        fee_micros=fee_micros,
        marketplace_fee_micros=share_micros,
        reserved_until=None,
        notification_url=command.notification_url or reservation.notification_url,
    )
    set_aside = when_opened(settling) - when_opened(reservation)
    check_callers_cash(state, set_aside.fee_micros)
    request = ask_rail(state, settling, source, RailOperation.CAPTURE, settling.transaction_id)
    changed = _changed(book(state, settling, set_aside), request)
    return replace(changed, tokens=give_back_rest(state, reservation, amount_micros, now))


def cancel(state: State, command: Cancel, now: datetime) -> Decision:
    """Give up a hold, or a payment that no rail has been asked for yet. A cancelled one stays cancelled.

    Raises Refused: InvalidTransactionId, InvalidTransactionState.
    """
    transaction = _find(state, command.transaction_id)
    code = EXPIRED_CODE if command.expired else CANCELED_CODE
    message = command.reason or ("It was not finished in time." if command.expired else "The caller cancelled it.")
    if transaction.status is TransactionStatus.CANCELLED and not command.expired:
        return Decision(Accepted(transaction.transaction_id, transaction.status))
    url = command.notification_url or transaction.notification_url
    if transaction.status is TransactionStatus.RESERVED:
        given_up = moved_on(transaction, TransactionStatus.CANCELLED, code, message, now)
        source = _source(state, transaction)
        request = ask_rail(state, transaction, source, RailOperation.VOID, transaction.transaction_id)
        booked = _undone(state, replace(given_up, reserved_until=None, notification_url=url))
        return replace(_changed(booked, request), tokens=give_back(state, transaction, now))
    operation = state.unasked.get(transaction.transaction_id)
    if transaction.status is TransactionStatus.PENDING and operation is not None and operation in _BEGINNINGS:
        status = TransactionStatus.FAILURE if command.expired else TransactionStatus.CANCELLED
        given_up = replace(moved_on(transaction, status, code, message, now), notification_url=url)
        instruments = () if transaction.instrument_id is None else (released(state, transaction),)
        return replace(
            _changed(_undone(state, given_up), None),
            instruments=instruments,
            tokens=give_back(state, transaction, now),
            resolved=(transaction.transaction_id, operation),
        )
    raise Refused(Refusal.InvalidTransactionState, f"The transaction is {transaction.status.value} and stays so.")


def _find(state: State, transaction_id: TransactionId) -> Transaction:
    transaction = state.transactions.get(transaction_id)
    if transaction is not None and transaction.operation not in _NOT_CALLED_FOR:
        return transaction
    raise Refused(Refusal.InvalidTransactionId, f'"transactionId" must be a valid transaction ID: {transaction_id}')


def _check_reserved(reservation: Transaction, now: datetime) -> None:
    match reservation.status:
        case TransactionStatus.PENDING if reservation.status_number == 1:
            raise Refused(Refusal.OriginalTransactionIncomplete, "The reservation is not decided yet.")
        case TransactionStatus.FAILURE:
            raise Refused(Refusal.OriginalTransactionFailed, "The reservation failed.")
        case TransactionStatus.RESERVED:
            if reservation.reserved_until is not None and now >= reservation.reserved_until:
                raise Refused(Refusal.InvalidTransactionState, "The reservation has expired.")
        case _:
            message = f"The reservation is {reservation.status.value}; it can be settled once."
            raise Refused(Refusal.InvalidTransactionState, message)


def _source(state: State, transaction: Transaction) -> PaymentSource:
    token = None if transaction.sender_token_id is None else state.tokens.get(transaction.sender_token_id)
    if token is None or token.source is None:
        raise Refused(Refusal.PaymentMethodNotDefined, "The sender token names no payment method.")
    return token.source


def _undone(state: State, given_up: Transaction) -> Decision:
    """What was set aside for it when it was opened is booked back."""
    return book(state, given_up, NOTHING - when_opened(given_up))


def _changed(booked: Decision, request: RailRequest | None) -> Decision:
    (transaction,) = booked.transactions
    return replace(
        booked,
        outcome=Accepted(transaction.transaction_id, transaction.status),
        steps=(step(transaction),),
        events=(announce(transaction),),
        rail_request=request,
    )
