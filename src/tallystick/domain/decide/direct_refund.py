"""Refund of a payment in real money: a card gets it back through its rail, others on the account balance.

The service's fee goes back in proportion, and the caller's share too where the policy says so. What sellers give is
booked when the refund is opened, so that they cannot spend it meanwhile; a rail's refusal books it back. The policy
MarketplaceTxnOnly leaves the buyer out: the caller's share alone goes back, to the recipient.
Source: docs/protocol/semantics.md, 2 and 6; docs/protocol/datatypes.md, MarketplaceRefundPolicy.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.commands import FeePayer, Method, Refund, RefundPolicy
from tallystick.domain.decide.checks import check_rail_amount, check_simulated_fault
from tallystick.domain.decide.receipts import announce, ask_rail, record
from tallystick.domain.decide.shares import Parts, book, in_proportion, when_opened, whole
from tallystick.domain.money import display_amount, whole_minor_units
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.rails.commands import RailOperation
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, Operation, State, Transaction, balance_account


def refund_directly(
    state: State, command: Refund, original: Transaction, amount_micros: int, now: datetime
) -> Decision:
    """Refund real money, in whole cents, rounded down.

    Raises Refused: AmountOutOfRange, InsufficientBalance, PaymentMethodNotDefined, AccessFailure (simulated).
    """
    assert original.sender_id is not None, "a payment always has a sender"  # noqa: S101
    check_rail_amount(amount_micros)
    amount_micros = whole_minor_units(amount_micros)
    by_card = original.payment_method == Method.CC.value
    with_share = command.policy is RefundPolicy.MASTER_AND_MARKETPLACE
    fee_micros = fee_part(original, amount_micros)
    marketplace_fee_micros = 0
    if with_share:
        marketplace_fee_micros = _share_part(original, amount_micros)
    check_sellers_cash(state, original, amount_micros, fee_micros, marketplace_fee_micros)
    if not by_card:
        check_simulated_fault(state, amount_micros)
    transaction = record(
        command.request,
        Operation.REFUND,
        TransactionStatus.PENDING if by_card else TransactionStatus.SUCCESS,
        amount_micros,
        now,
        payment_method=original.payment_method,
        sender_id=original.sender_id,
        token_id=original.sender_token_id,
        instrument_id=None,
        original_id=original.transaction_id,
        fee_micros=-fee_micros,
    )
    transaction = replace(
        transaction,
        recipient_id=original.recipient_id,
        recipient_token_id=original.recipient_token_id,
        fee_payer=original.fee_payer,
        marketplace_fee_micros=-marketplace_fee_micros,
    )
    request = None
    outside, opened = balance_account(original.sender_id), (AccountKind.BALANCE_OF, str(original.sender_id))
    if by_card:
        token = None if original.sender_token_id is None else state.tokens.get(original.sender_token_id)
        source = None if token is None else token.source
        request = ask_rail(state, transaction, source, RailOperation.REFUND, original.transaction_id)
        outside, opened = account_id(AccountKind.RAIL, request.rail), (AccountKind.RAIL, request.rail)
    refunded = replace(
        original,
        refunded_micros=original.refunded_micros + amount_micros,
        fee_refunded_micros=original.fee_refunded_micros + fee_micros,
        marketplace_refunded_micros=original.marketplace_refunded_micros + marketplace_fee_micros,
    )
    parts = when_opened(transaction) if by_card else whole(transaction)
    return replace(
        book(state, transaction, parts, outside),
        outcome=Accepted(transaction.transaction_id, transaction.status),
        transactions=(refunded, transaction),
        operator_opens=(opened,),
        events=(announce(transaction),),
        rail_request=request,
    )


def refund_share(state: State, command: Refund, original: Transaction, now: datetime) -> Decision:
    """Give the caller's share, or a part of it, back to the recipient: at once, from one account to the other.

    Raises Refused: TransactionTypeNotRefundable, TransactionFullyRefundedAlready, RefundAmountExceeded,
    InsufficientBalance, AccessFailure (simulated).
    """
    if original.recipient_id is None or not original.marketplace_fee_micros:
        raise Refused(Refusal.TransactionTypeNotRefundable, "The payment has no marketplace fee to give back.")
    amount_micros = left_to_refund(_share_left(original), command.amount_micros)
    if state.book.seller_id is None or amount_micros > state.cash[state.book.book_id]:
        raise Refused(Refusal.InsufficientBalance, "The caller's account does not cover the refund.")
    check_simulated_fault(state, amount_micros)
    transaction = record(
        command.request,
        Operation.REFUND,
        TransactionStatus.SUCCESS,
        amount_micros,
        now,
        payment_method=Method.ABT.value,
        sender_id=None,
        instrument_id=None,
        original_id=original.transaction_id,
    )
    transaction = replace(
        transaction,
        recipient_id=original.recipient_id,
        recipient_token_id=original.recipient_token_id,
        marketplace_fee_micros=-amount_micros,
    )
    returned_micros = original.marketplace_refunded_micros + amount_micros
    return replace(
        book(state, transaction, Parts(share_micros=-amount_micros)),
        outcome=Accepted(transaction.transaction_id, transaction.status),
        transactions=(replace(original, marketplace_refunded_micros=returned_micros), transaction),
        events=(announce(transaction),),
    )


def left_to_refund(left_micros: int, asked_micros: int | None) -> int:
    """How much to refund: what is asked for, or all that is left.

    Raises Refused: TransactionFullyRefundedAlready, RefundAmountExceeded.
    """
    if left_micros == 0:
        raise Refused(Refusal.TransactionFullyRefundedAlready, "Nothing is left to refund.")
    if asked_micros is None:
        return left_micros
    if asked_micros > left_micros:
        raise Refused(Refusal.RefundAmountExceeded, f"Only {display_amount(left_micros)} is left to refund.")
    return asked_micros


def _share_left(original: Transaction) -> int:
    return original.marketplace_fee_micros - original.marketplace_refunded_micros


def fee_part(original: Transaction, amount_micros: int) -> int:
    """This refund's part of the service's fee: what all refunds so far come to, less what was given back already.

    Computed from the sum, so that rounding never gives back more than the fee and the last refund gives back the rest,
    also when a card declined an earlier refund.
    """
    refunded_micros = original.refunded_micros + amount_micros
    after = in_proportion(original.fee_micros, refunded_micros, original.amount_micros)
    return max(0, after - original.fee_refunded_micros)


def _share_part(original: Transaction, amount_micros: int) -> int:
    """This refund's part of the caller's share, which refunds by another policy leave out, or give back alone."""
    whole_micros, of = original.marketplace_fee_micros, original.amount_micros
    after = in_proportion(whole_micros, original.refunded_micros + amount_micros, of)
    return min(after - in_proportion(whole_micros, original.refunded_micros, of), _share_left(original))


def check_sellers_cash(
    state: State, original: Transaction, amount_micros: int, fee_micros: int, marketplace_fee_micros: int
) -> None:
    """Recipient, and the caller for its share, must have what they give back. Raises Refused: InsufficientBalance."""
    if state.book.seller_id is None:
        raise TypeError("payments live in sellers' books")
    own = state.cash[state.book.book_id]
    if original.recipient_id is None:
        enough = own + fee_micros >= amount_micros
    else:
        theirs = state.cash[state.recipients[original.recipient_id].book_id] + marketplace_fee_micros
        if original.fee_payer is FeePayer.RECIPIENT:
            theirs += fee_micros
        enough = theirs >= amount_micros and own >= marketplace_fee_micros
    if not enough:
        raise Refused(Refusal.InsufficientBalance, "The recipient's account does not cover the refund.")
