"""RefundFunding: what was not spent of a prepaid balance goes back to where a funding of it came from.

It is the refund of a FundPrepaid: a card gets it back through its rail, others on the account balance, and the
service's fee goes back to the seller in proportion. Never more than that funding brought in and did not give back
already, nor what a dispute claims of it, and never more than is on the balance. Balance and cash fall when the refund
is opened, so that neither can be spent meanwhile; a rail's refusal restores both. Until the rail answers, the amount
counts as pending: the balance may get it again, so funding may not fill its place.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind, account_id
from tallystick.domain.commands import Method, RefundFunding
from tallystick.domain.decide.checks import check_rail_amount, check_seller, check_simulated_fault
from tallystick.domain.decide.direct_refund import fee_part
from tallystick.domain.decide.receipts import announce, ask_rail, record
from tallystick.domain.ids import AccountId
from tallystick.domain.money import display_amount, whole_minor_units
from tallystick.domain.outcomes import Accepted, Done, TransactionStatus
from tallystick.domain.rails.commands import RailOperation
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import (
    Decision,
    Instrument,
    Operation,
    State,
    Transaction,
    Transfer,
    balance_account,
    owed_account,
)

_CASH = TOTALS[AccountKind.CASH]


def refund_funding(state: State, command: RefundFunding, now: datetime) -> Decision:
    """Give back in whole cents, rounded down; also after the authorization has ended.

    Raises Refused: InvalidAccountState_Caller, InvalidTransactionId, TransactionTypeNotRefundable,
    OriginalTransactionIncomplete, OriginalTransactionFailed, TransactionFullyRefundedAlready, RefundAmountExceeded,
    AmountOutOfRange, InsufficientBalance, InvalidAccountState_Sender, PaymentMethodNotDefined, AccessFailure
    (simulated).
    """
    check_seller(state)
    funding = _find_funding(state, command)
    assert funding.instrument_id is not None, "a funding fills an instrument"  # noqa: S101
    assert funding.sender_id is not None, "somebody paid for it"  # noqa: S101
    instrument = state.instruments[funding.instrument_id]
    amount_micros = whole_minor_units(_how_much(funding, instrument, command.amount_micros))
    fee_micros = fee_part(funding, amount_micros)
    if state.cash.get(state.book.book_id, 0) + fee_micros < amount_micros:
        raise Refused(Refusal.InsufficientBalance, "The seller's account does not cover the refund.")
    by_card = funding.payment_method == Method.CC.value
    token = None if funding.sender_token_id is None else state.tokens.get(funding.sender_token_id)
    if not by_card:
        if token is not None and not token.sender_active:  # nobody could get at it there
            raise Refused(Refusal.InvalidAccountState_Sender, "The buyer's account is suspended or closed.")
        check_simulated_fault(state, amount_micros)
    transaction = record(
        command.request,
        Operation.REFUND,
        TransactionStatus.PENDING if by_card else TransactionStatus.SUCCESS,
        amount_micros,
        now,
        payment_method=funding.payment_method,
        sender_id=funding.sender_id,
        token_id=funding.sender_token_id,
        instrument_id=instrument.instrument_id,
        original_id=funding.transaction_id,
        fee_micros=-fee_micros,
    )
    request = None
    outside, opened = balance_account(funding.sender_id), (AccountKind.BALANCE_OF, str(funding.sender_id))
    if by_card:
        source = None if token is None else token.source
        request = ask_rail(state, transaction, source, RailOperation.REFUND, funding.transaction_id)
        outside, opened = account_id(AccountKind.RAIL, request.rail), (AccountKind.RAIL, request.rail)
    own, mirrored = moved_by_refund(state, transaction, instrument.account_id, outside)
    given = replace(
        instrument,
        balance_micros=instrument.balance_micros - amount_micros,
        pending_micros=instrument.pending_micros + (amount_micros if by_card else 0),
    )
    refunded = replace(
        funding,
        refunded_micros=funding.refunded_micros + amount_micros,
        fee_refunded_micros=funding.fee_refunded_micros + fee_micros,
    )
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(refunded, transaction),
        transfers=own,
        operator_transfers=mirrored,
        operator_opens=(opened,),
        instruments=(given,),
        events=(announce(transaction),),
        rail_request=request,
    )


def is_refund_of_funding(transaction: Transaction) -> bool:
    """Whether it gives back what an instrument was brought, and not a payment: those name no rail's method."""
    by_real_money = transaction.payment_method in {method.value for method in Method}
    return transaction.operation is Operation.REFUND and transaction.instrument_id is not None and by_real_money


def funding_given_back(state: State, paid: Transaction) -> Decision:
    """The rail has given it back: all was booked when the refund was opened."""
    return Decision(Done(), transactions=(paid,), instruments=(_instrument(state, paid, back_micros=0),))


def funding_kept(state: State, failed: Transaction, outside: AccountId) -> Decision:
    """The rail did not take it: balance and cash are what they would be without the refund."""
    assert failed.original_id is not None, "a refund has an original"  # noqa: S101
    instrument = _instrument(state, failed, back_micros=failed.amount_micros)
    own, mirrored = moved_by_refund(state, failed, instrument.account_id, outside)
    return Decision(
        Done(),
        transactions=(without_refund(state.transactions[failed.original_id], failed), failed),
        transfers=moved_the_other_way(own, failed),
        operator_transfers=moved_the_other_way(mirrored, failed),
        instruments=(instrument,),
    )


def without_refund(original: Transaction, failed: Transaction) -> Transaction:
    """What a refund did not give back after all."""
    return replace(
        original,
        refunded_micros=original.refunded_micros - failed.amount_micros,
        fee_refunded_micros=original.fee_refunded_micros + failed.fee_micros,
        marketplace_refunded_micros=original.marketplace_refunded_micros + failed.marketplace_fee_micros,
    )


def _find_funding(state: State, command: RefundFunding) -> Transaction:
    funding = state.transactions.get(command.funding_id)
    if funding is None:
        message = f'"transactionId" must be a valid transaction ID: {command.funding_id}'
        raise Refused(Refusal.InvalidTransactionId, message)
    if funding.operation is not Operation.FUND_PREPAID:
        message = f"{funding.operation.value} did not fill a balance."
        raise Refused(Refusal.TransactionTypeNotRefundable, message)
    if funding.status is TransactionStatus.PENDING:
        raise Refused(Refusal.OriginalTransactionIncomplete, "The funding is still Pending.")
    if funding.status is not TransactionStatus.SUCCESS:
        raise Refused(Refusal.OriginalTransactionFailed, f"The funding came to {funding.status.value}.")
    return funding


def _how_much(funding: Transaction, instrument: Instrument, asked_micros: int | None) -> int:
    not_given_back = funding.refundable_micros
    if not_given_back == 0:
        message = "All of this funding was given back already, or is disputed."
        raise Refused(Refusal.TransactionFullyRefundedAlready, message)
    left_micros = min(not_given_back, instrument.balance_micros)
    if asked_micros is not None and asked_micros > left_micros:
        message = f"Only {display_amount(left_micros)} of this funding is left on the balance."
        raise Refused(Refusal.RefundAmountExceeded, message)
    amount_micros = left_micros if asked_micros is None else asked_micros
    check_rail_amount(amount_micros)
    return amount_micros


def moved_by_refund(
    state: State, transaction: Transaction, held: AccountId, outside: AccountId
) -> tuple[tuple[Transfer, ...], tuple[Transfer, ...]]:
    """What the refund moves in the seller's book and in the operator's, in the phase of its present status.

    `held`: the account of the balance or the debt.
    """
    assert state.book.seller_id is not None, "balances live in sellers' books"  # noqa: S101
    key, phase = transaction.transaction_id, transaction.status_number - 1
    amount_micros, fee_micros = transaction.amount_micros, -transaction.fee_micros
    owed = owed_account(state.book.seller_id)
    own = [Transfer(key, held, _CASH, amount_micros, phase)]
    mirrored = [Transfer(key, owed, outside, amount_micros, phase)]
    if fee_micros:
        own.append(Transfer(key, _CASH, TOTALS[AccountKind.FEES], fee_micros, phase))
        mirrored.append(Transfer(key, TOTALS[AccountKind.FEE_INCOME], owed, fee_micros, phase))
    return tuple(own), tuple(mirrored)


def moved_the_other_way(transfers: tuple[Transfer, ...], transaction: Transaction) -> tuple[Transfer, ...]:
    """The same amounts from where they went to where they were, moved by `transaction`."""
    key, phase = transaction.transaction_id, transaction.status_number - 1
    return tuple(replace(one, transaction_id=key, debit=one.credit, credit=one.debit, phase=phase) for one in transfers)


def _instrument(state: State, transaction: Transaction, back_micros: int) -> Instrument:
    """The instrument once the rail has answered, with what it gets again."""
    assert transaction.instrument_id is not None, "the balance that it came from"  # noqa: S101
    instrument = state.instruments[transaction.instrument_id]
    return replace(
        instrument,
        balance_micros=instrument.balance_micros + back_micros,
        pending_micros=instrument.pending_micros - transaction.amount_micros,
    )
