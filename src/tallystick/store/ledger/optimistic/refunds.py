"""Refunds of payments from instruments: read without locking, and checked while they are written, as payments are.

A refund changes its payment, the balance of one instrument and the total of sales. Under locks that takes seven round
trips, and over the last three of them every payment of the book waits for the total. decisions/210 tells why this way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Final, TypeGuard

from msgspec.structs import replace

from tallystick.db.connections import Connection
from tallystick.domain.commands import Command, Refund, RefundPolicy
from tallystick.domain.decide import REFERENCE_LIFETIME, decide_all
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.state import Decision, Instrument, Operation, State, Transaction
from tallystick.store.ledger.apply import Batch, version_conflicts
from tallystick.store.ledger.decode import answered_from_rows, book_from_row, instrument_from_row, transaction_from_row
from tallystick.store.ledger.load import LoadedState
from tallystick.store.ledger.rules import Rules
from tallystick.store.ledger.statements import MONEY

if TYPE_CHECKING:
    import asyncpg

_FIRST_OTHER_COLUMN: Final = "payment_version"
"""Those of the payment itself stand before it."""


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """What one read found: the state to decide by, and the payments with the versions that they must still have."""

    loaded: LoadedState
    payments: Mapping[TransactionId, tuple[Transaction, int]]


def are_refunds(commands: Sequence[Command]) -> TypeGuard[Sequence[Refund]]:
    """Whether all of a group are refunds, and none is of a third party's share alone."""
    return all(type(one) is Refund and one.policy is not RefundPolicy.MARKETPLACE_ONLY for one in commands)


async def refund_optimistically(
    connection: Connection,
    book_id: BookId,
    refunds: Sequence[Refund],
    clock: Callable[[], datetime],
    rules: Rules,
) -> list[Decision] | None:
    """Decide and commit `refunds`: all of it, or nothing. None where one of them needs more than is looked at here.

    Raises VersionConflictError: payment, balance or reference has changed since; asyncpg's errors.
    """
    snapshot = await _read(connection, book_id, refunds, clock, rules)
    if snapshot is None:
        return None
    decisions = decide_all(snapshot.loaded.state, refunds, snapshot.loaded.now)
    await _apply(connection, snapshot, decisions, real_now=clock())
    return decisions


async def _read(
    connection: Connection, book_id: BookId, refunds: Sequence[Refund], clock: Callable[[], datetime], rules: Rules
) -> RefundSnapshot | None:
    """The payments that `refunds` name, with their instruments. The clock is read before, as by optimistic_read."""
    wanted = sorted({refund.original_id for refund in refunds})
    references = list({refund.request.caller_reference for refund in refunds})
    now = clock()
    rows = await connection.fetch(
        MONEY["read_refunded"],
        book_id,
        wanted,
        wanted[0],
        references,
        now - REFERENCE_LIFETIME,
        rules.reuse_references,
    )
    first = next((row for row in rows if row["book"] is not None), None)
    if first is None or len(rows) < len(wanted) or first["book"]["parts"]:
        return None
    book = first["book"]
    state = State(book_from_row(book_id, book, rules), answered=answered_from_rows(first["answers"]))
    versions, payments = {}, {}
    for row in rows:
        payment, instrument = _payment(row), instrument_from_row(row)
        if not _is_plain(payment, instrument):
            return None
        state.transactions[payment.transaction_id] = payment
        state.instruments[instrument.instrument_id] = instrument
        versions[instrument.account_id] = row["account_version"]
        payments[payment.transaction_id] = (payment, row["payment_version"])
    loaded = LoadedState(
        state,
        None,
        None,
        book["notification_url"],
        now + timedelta(seconds=book["clock_offset_seconds"]),
        known_instruments=dict(state.instruments),
        known_tokens=frozenset(),
        known_transactions=frozenset(state.transactions),
        versions=versions,
        reuse_references=rules.reuse_references,
    )
    return RefundSnapshot(loaded, payments)


def _payment(row: asyncpg.Record) -> Transaction:
    return transaction_from_row(dict(takewhile(lambda item: item[0] != _FIRST_OTHER_COLUMN, row.items())))


def _is_plain(payment: Transaction, instrument: Instrument) -> bool:
    """Whether nothing but this payment and this instrument decides about a refund, and nothing else changes by it."""
    return (
        payment.operation is Operation.PAY
        and payment.recipient_id is None
        and payment.original_id is None
        and not payment.disputed_micros
        and not instrument.uncovered_micros
    )


async def _apply(
    connection: Connection, snapshot: RefundSnapshot, decisions: Sequence[Decision], *, real_now: datetime
) -> None:
    if all(decision.answered is None for decision in decisions):
        return  # all were answered before, or their refusals are not kept
    last = {item.transaction_id: item for decision in decisions for item in decision.transactions}
    changed = []
    for key, (payment, version) in snapshot.payments.items():
        after = last.get(key, payment)
        if after != payment:
            changed.append((key, after.refunded_micros, version))
        if replace(payment, refunded_micros=after.refunded_micros) != after:
            raise TypeError("a refund changes nothing else of its payment")
    if not all(map(_changes_plainly, decisions)):
        raise TypeError("a refund that changes more than its payment and a balance needs several statements")
    transfers = [transfer for decision in decisions for transfer in decision.transfers]
    with version_conflicts():
        await connection.execute(
            MONEY["apply_refunds"],
            *Batch(connection, snapshot.loaded, decisions).values(transfers, real_now),
            [key for key, _, _ in changed],
            [refunded_micros for _, refunded_micros, _ in changed],
            [version for _, _, version in changed],
        )


def _changes_plainly(decision: Decision) -> bool:
    return not (
        decision.opens
        or decision.operator_opens
        or decision.operator_transfers
        or decision.recipient_opens
        or decision.recipient_transfers
        or decision.tokens
        or decision.disputes
        or decision.booking
        or decision.steps
        or decision.rail_request
        or decision.rail_record
        or decision.resolved
        or decision.payout
    )
