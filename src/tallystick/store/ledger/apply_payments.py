"""Write down payments from instruments: one statement for all of a group, which is also its commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple

from tallystick.db.connections import Connection
from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import FeePayer, TokenPurpose
from tallystick.domain.decide.receipts import SUCCESS_CODE, kept_message
from tallystick.domain.ids import TokenId
from tallystick.domain.state import KEPT_OF_FINGERPRINT, Decision, IdempotencyRecord, Transaction, Transfer
from tallystick.domain.tokens import Token
from tallystick.store.ledger.apply import Batch, version_conflicts
from tallystick.store.ledger.encode import answer_row
from tallystick.store.ledger.load import LoadedState
from tallystick.store.ledger.statements import MONEY

_SALES: Final = TOTALS[AccountKind.SALES]
_RECIPIENT: Final = FeePayer.RECIPIENT  # Python 3.11 looks a member up by a call each time it is named
_PREPAID: Final = TokenPurpose.PREPAID_SENDER
_CREDIT: Final = TokenPurpose.CREDIT_SENDER

_LARGEST_PIECE: Final = 134
"""A page of `transaction_pkey` has room for 135 entries of 60 bytes; a piece of more splits it twice."""
_SMALLEST_PIECE: Final = 120
"""Pieces of fewer leave more of a page empty than the order of ids does in the last book of the index."""


async def apply_payments(
    connection: Connection,
    loaded: LoadedState,
    decisions: Sequence[Decision],
    *,
    real_now: datetime,
) -> None:
    """Apply and commit `decisions` about payments from instruments: all of it, or nothing.

    `real_now`: from when on others may be told. Raises VersionConflictError; TypeError where a decision comes to
    anything but a payment or a refusal; asyncpg's errors where a constraint of the schema holds against the domain.
    """
    group = Batch(connection, loaded, decisions)
    one_row = loaded.one_row_payments
    paid, refused, transfers, first = payment_rows(decisions, loaded.state.tokens if one_row else None)
    if not paid and not refused:
        return  # all were answered before
    paid = order_for_index(paid, one_row=one_row)
    tokens = [*group.last_tokens()]
    values = (
        loaded.state.book.book_id,
        paid,
        kind_of(first, one_row=one_row),
        group.balance_changes(transfers, tokens),
        refused,
        loaded.now,
    )
    queued = group.queued_events() if loaded.charge_events else []  # else they are no events: the seller asked for none
    more = group.more(tokens)
    with version_conflicts():
        if any(more) or queued:
            await connection.execute(MONEY["apply_payments_and_more"], *values, *more, real_now, queued)
        else:
            await connection.execute(MONEY["apply_payments"], *values)


def order_for_index(paid: list[tuple[Any, ...]], *, one_row: bool = True) -> list[tuple[Any, ...]]:
    """A book's new payments in the order in which `transaction_pkey` takes the least room.

    Ids ascend, but other books' entries stand behind the newest one of a book. There a full page is split in halves,
    and the left half is never filled up: all later ids are greater. So a group comes in pieces of nearly a page, each
    backwards: what follows the split belongs between the halves, and fills the left one (docs/decisions/213). Groups
    that make no such pieces come in the order of their ids, which is best for the last book, where pages are split at
    nine tenths; so do payments with rows of `transfer` (not `one_row`), whose key grows at its end.
    """
    paid.sort()
    count = len(paid)
    pieces = -(-count // _LARGEST_PIECE)
    if not one_row or not count or count < pieces * _SMALLEST_PIECE:
        return paid
    ends = [count * piece // pieces for piece in range(pieces + 1)]
    return [row for start, end in pairwise(ends) for row in reversed(paid[start:end])]


class PaymentRows(NamedTuple):
    """Payments and refusals as rows, and what moves; `first`: one of the payments, as which all others are."""

    paid: list[tuple[Any, ...]]
    refused: list[tuple[Any, ...]]
    transfers: list[Transfer]
    first: Transaction | None


def payment_rows(decisions: Sequence[Decision], tokens: Mapping[TokenId, Token] | None) -> PaymentRows:
    """What is to be written for `decisions`. Raises TypeError where one needs more than these statements write.

    `tokens`: those that were charged, where each payment is its own transfer, of which less is kept; else None.
    """
    paid: list[tuple[Any, ...]] = []
    refused: list[tuple[Any, ...]] = []
    transfers: list[Transfer] = []
    first: Transaction | None = None
    for decision in decisions:
        if decision.answered is None:
            continue  # as it was answered before
        reference, answered = decision.answered
        if not decision.transactions:
            refused.append(answer_row(reference, answered))
            continue
        (transaction,), (transfer,) = decision.transactions, decision.transfers
        first = first or transaction
        if not (is_plain(decision, transaction, transfer) and is_alike(transaction, first)):
            raise TypeError("this decision needs a transaction of several statements")
        paid.append(payment_row(transaction, transfer, answered, tokens))
        transfers.append(transfer)
    return PaymentRows(paid, refused, transfers, first)


def kind_of(payment: Transaction | None, *, one_row: bool) -> tuple[Any, ...]:
    """What all payments of a group have in common; of no importance where there are none.

    `one_row`: each is its own transfer, and no row of `transfer` names the account of sales; nor are its usual code and
    message kept, which readers know.
    """
    credit = None if one_row else _SALES
    if payment is None:
        return (None, None, None, None, credit)
    return (
        payment.operation._value_,  # `value` is two calls in Python 3.11
        payment.status._value_,
        None if one_row and payment.status_code == SUCCESS_CODE else payment.status_code,
        kept_message(payment) if one_row else payment.status_message,
        credit,
    )


def is_alike(one: Transaction, other: Transaction) -> bool:
    """Whether two payments have that in common."""
    return (
        one.operation is other.operation
        and one.status is other.status
        and one.status_code == other.status_code
        and one.status_message == other.status_message
    )


def is_plain(decision: Decision, transaction: Transaction, transfer: Transfer) -> bool:
    """Whether the statement writes all that there is to a decision. What it does not name has the schema's defaults."""
    return not (
        decision.opens
        or decision.operator_opens
        or decision.operator_transfers
        or decision.recipient_transfers
        or decision.steps
        or decision.rail_request
        or decision.rail_record
        or decision.resolved
        or transfer.credit != _SALES
        or transfer.phase
        or transaction.completed_at != transaction.received_at
        or transaction.fee_micros
        or transaction.refunded_micros
        or transaction.marketplace_fee_micros
        or transaction.original_id
        or transaction.recipient_id
        or transaction.recipient_token_id
        or transaction.fee_payer is not _RECIPIENT
        or transaction.times_out_at
    )


def payment_row(
    transaction: Transaction,
    transfer: Transfer,
    answered: IdempotencyRecord,
    tokens: Mapping[TokenId, Token] | None,
) -> tuple[Any, ...]:
    """A payment as it is written; `tokens` as in payment_rows."""
    fingerprint, sender_token_id = answered.fingerprint, transaction.sender_token_id
    instrument_id = transaction.instrument_id
    if tokens is not None:
        instrument_id = None  # that of the account: `paid_from` in shared.sql
        if fingerprint is not None:
            fingerprint = fingerprint[:KEPT_OF_FINGERPRINT]
        if sender_token_id is not None and _is_own(tokens[sender_token_id]):
            sender_token_id = None
    return (
        transaction.transaction_id,
        transaction.amount_micros,
        transaction.payment_method,
        transaction.sender_id,
        sender_token_id,
        instrument_id,
        transfer.debit,
        transaction.caller_reference,
        fingerprint,
        transaction.caller_description,
        transaction.sender_description,
        transaction.notification_url,
        transaction.requested_at,
    )


def _is_own(token: Token) -> bool:
    """Whether a token is the one of its instrument by which all are paid that name none: `paid_with` in shared.sql."""
    return token.old_token_id is None and (token.purpose is _PREPAID or token.purpose is _CREDIT)
