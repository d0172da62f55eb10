"""Refunds of payments from instruments: read without locking, and checked while they are written, as payments are.

A refund changes its payment, the balance of one instrument and the total of sales. Under locks that takes seven round
trips, and over the last three of them every payment of the book waits for the total. decisions/210 tells why this way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Final, NamedTuple, TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from tallystick.db.connections import Connection
from tallystick.domain.commands import Command, Refund, RefundPolicy
from tallystick.domain.decide import REFERENCE_LIFETIME, decide_all
from tallystick.domain.ids import BookId, InstrumentId, TransactionId
from tallystick.domain.state import Decision, Instrument, Operation, State, Transaction
from tallystick.store.keys.access_keys import CurrentKeys, current_keys
from tallystick.store.ledger.apply import Batch, version_conflicts
from tallystick.store.ledger.decode import answered_from_rows, book_from_row, instrument_from_row, transaction_from_row
from tallystick.store.ledger.load import LoadedState
from tallystick.store.ledger.rules import Rules
from tallystick.store.ledger.statements import MONEY

if TYPE_CHECKING:
    import asyncpg

_FIRST_OTHER_COLUMN: Final = "payment_version"
"""Those of the payment itself stand before it."""


class InstrumentVersions(NamedTuple):
    """Versions of the instrument that a payment came from: of its row, and of its account's terms."""

    row: int
    terms: int


class RefundSnapshot(Struct, frozen=True):
    """What one read found: the state to decide by, and what must still be the same when that is written.

    `payments`: those to refund, with the versions of their rows. `instruments`: versions of theirs; those of their
    accounts are in `loaded`. `keys`: those that were asked for and are not revoked.
    """

    loaded: LoadedState
    payments: Mapping[TransactionId, tuple[Transaction, int]]
    instruments: Mapping[InstrumentId, InstrumentVersions]
    keys: CurrentKeys


class PaymentChanges(NamedTuple):
    """Of payments: their ids, what was refunded of each in all, in micro-units, and its version as it was read."""

    names: list[TransactionId]
    refunded_micros: list[int]
    versions: list[int]


class DecidedRefunds(Struct, frozen=True):
    """Refunds of one book with what they came to, as of the moment in `snapshot.loaded`."""

    snapshot: RefundSnapshot
    decisions: Sequence[Decision]

    def changed_payments(self) -> PaymentChanges:
        """What the refunds change of their payments. Raises TypeError: more than what was refunded of them."""
        last = {item.transaction_id: item for decision in self.decisions for item in decision.transactions}
        changed = PaymentChanges([], [], [])
        for key, (payment, version) in self.snapshot.payments.items():
            after = last.get(key, payment)
            if after.refunded_micros != payment.refunded_micros:
                changed.names.append(key)
                changed.refunded_micros.append(after.refunded_micros)
                changed.versions.append(version)
            if replace(payment, refunded_micros=after.refunded_micros) != after:
                raise TypeError("a refund changes nothing else of its payment")
        if not all(map(_changes_plainly, self.decisions)):
            raise TypeError("a refund that changes more than its payment and a balance needs several statements")
        return changed

    async def write(self, connection: Connection, real_now: datetime) -> None:
        """Write and commit: all of it, or nothing.

        Raises VersionConflictError: payment, balance or reference has changed since they were read; asyncpg's errors.
        """
        if all(decision.answered is None for decision in self.decisions):
            return  # all were answered before, or their refusals are not kept
        changed, loaded = self.changed_payments(), self.snapshot.loaded
        transfers = [transfer for decision in self.decisions for transfer in decision.transfers]
        with version_conflicts():
            await connection.execute(
                MONEY["apply_refunds"], *Batch(connection, loaded, self.decisions).values(transfers, real_now), *changed
            )


def is_refund_of_payment(command: Command) -> TypeGuard[Refund]:
    """Whether a command is a refund, and not of a third party's share alone."""
    return type(command) is Refund and command.policy is not RefundPolicy.MARKETPLACE_ONLY


def decide_refunds(snapshot: RefundSnapshot, refunds: Sequence[Refund], now: datetime | None = None) -> DecidedRefunds:
    """Decide, once for each snapshot, at the moment in which it was read, or `now`, both by the book's clock."""
    if now is not None:
        snapshot = replace(snapshot, loaded=replace(snapshot.loaded, now=now))
    loaded = snapshot.loaded
    return DecidedRefunds(snapshot, decide_all(loaded.state, refunds, loaded.now))


async def read_refunds(
    connection: Connection,
    book_id: BookId,
    refunds: Sequence[Refund],
    keys: Collection[str],
    clock: Callable[[], datetime],
    rules: Rules,
) -> RefundSnapshot | None:
    """The payments that `refunds` name, with their instruments. None where one needs more than is looked at here.

    `keys` are ids of cached ones. The clock is read before, as by optimistic_read.
    """
    wanted = sorted({refund.original_id for refund in refunds})
    references = list({refund.request.caller_reference for refund in refunds})
    now = clock()
    rows = await connection.fetch(
        MONEY["read_refunded"],
        book_id,
        wanted,
        wanted[0],
        [*keys],
        references,
        now - REFERENCE_LIFETIME,
        rules.reuse_references,
    )
    first = next((row for row in rows if row["book"] is not None), None)
    if first is None or len(rows) < len(wanted) or first["book"]["parts"]:
        return None
    book = first["book"]
    state = State(book_from_row(book_id, book, rules), answered=answered_from_rows(first["answers"]))
    versions, payments, instruments = {}, {}, {}
    for row in rows:
        payment, instrument = _payment(row), instrument_from_row(row)
        if not _is_plain(payment, instrument):
            return None
        state.transactions[payment.transaction_id] = payment
        state.instruments[instrument.instrument_id] = instrument
        versions[instrument.account_id] = row["account_version"]
        instruments[instrument.instrument_id] = InstrumentVersions(row["instrument_version"], row["terms_version"])
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
    return RefundSnapshot(loaded, payments, instruments, current_keys(first["keys"]))


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
