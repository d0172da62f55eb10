"""Refunds that are written with payments which were decided from memory: of one book, by one statement, in one commit.

Both change the total of the book's sales. With a commit of its own for each kind, each waits for the other's, and
half as many payments share one. decisions/221 tells why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Any

import msgspec
from msgspec import Struct

from tallystick.db.connections import Connection
from tallystick.domain.commands import Refund
from tallystick.domain.ids import AccountId, BookId, InstrumentId
from tallystick.domain.outcomes import Accepted
from tallystick.domain.state import Decision, InstrumentKind
from tallystick.store.ledger.apply import Batch, version_conflicts
from tallystick.store.ledger.apply_payments import kind_of, order_for_index
from tallystick.store.ledger.memory.payments_from_memory import FromMemory
from tallystick.store.ledger.memory.written_payments import WrittenPayments, written_payments
from tallystick.store.ledger.optimistic.refunds import DecidedRefunds, RefundSnapshot, decide_refunds
from tallystick.store.ledger.statements import MONEY


class Fate(Enum):
    """What became of refunds that waited for payments: committed with them, left to themselves, or overtaken."""

    WRITTEN = auto()
    ALONE = auto()
    OVERTAKEN = auto()


class WaitingRefunds(Struct):
    """Refunds that were read, and wait for payments of their book with which they may be written.

    `decided`: what they come to, as soon as that is decided, which a snapshot is good for once. `are_written`: that is
    committed; `are_beside`: with payments.
    """

    snapshot: RefundSnapshot
    commands: Sequence[Refund]
    fate: asyncio.Future[Fate] = msgspec.field(default_factory=lambda: asyncio.get_running_loop().create_future())
    decided: DecidedRefunds | None = None
    are_written: bool = False
    are_beside: bool = False

    @property
    def book_id(self) -> BookId:
        """Their book."""
        return self.snapshot.loaded.state.book.book_id

    def decide(self, now: datetime | None = None) -> DecidedRefunds:
        """What they come to, at the moment in which they were read, or `now`; what was decided stays so."""
        if self.decided is None:
            self.decided = decide_refunds(self.snapshot, self.commands, now)
        return self.decided

    async def write(self, connection: Connection, real_now: datetime) -> None:
        """Write and commit by themselves. Raises what DecidedRefunds.write does."""
        await self.decide().write(connection, real_now)
        self.are_written = True

    def end(self, fate: Fate) -> None:
        """Tell whoever waits; they may have gone."""
        if not self.fate.done():
            self.fate.set_result(fate)


class Rows(Struct, frozen=True):
    """What payments and refunds change together: arguments of the statement that are neither's alone."""

    changes: list[tuple[AccountId, int, int | None]]
    total_micros: int
    account_versions: list[int | None]
    instruments: list[InstrumentId]
    instrument_versions: list[int]


def rows_beside(payments: FromMemory, refunds: WaitingRefunds) -> tuple[WrittenPayments, Rows] | None:
    """What is written of both, if that can be together; None where the refunds have to go their own way.

    They go it where one is refused or was answered before, and where one takes something off a debt that is charged in
    the same group: that has to be as it was read.
    """
    loaded = payments.loaded
    decisions = refunds.decide(loaded.now).decisions
    if not all(map(_is_written, decisions)):
        return None
    written = written_payments(loaded, payments.decisions, one_row=loaded.one_row_payments)
    if not written.paid:
        return None
    moved = {account: (delta, terms) for account, delta, terms in written.changes}
    snapshot, total_micros = refunds.snapshot, written.total_micros
    versions: dict[AccountId, int] = {}
    raised: dict[InstrumentId, int] = {}
    for decision in decisions:
        (transfer,), (after,) = decision.transfers, decision.instruments
        instrument = snapshot.loaded.known_instruments[after.instrument_id]
        row, terms = snapshot.instruments[after.instrument_id]
        account, amount_micros = instrument.account_id, transfer.amount_micros
        delta, known_terms = moved.get(account, (0, terms))
        if known_terms != terms:
            return None
        if instrument.kind is InstrumentKind.PREPAID:
            raised[after.instrument_id] = row
        elif account in moved and account not in versions:
            return None
        else:
            versions[account] = snapshot.loaded.versions[account]
        moved[account] = (delta - amount_micros, terms)
        total_micros -= amount_micros
    changes: list[tuple[AccountId, int, int | None]] = [(account, *moved[account]) for account in sorted(moved)]
    account_versions = [versions.get(account) for account, _, _ in changes]
    return written, Rows(changes, total_micros, account_versions, [*raised], [*raised.values()])


def _is_written(decision: Decision) -> bool:
    """Whether a refund is carried out, and for the first time."""
    return decision.answered is not None and isinstance(decision.outcome, Accepted) and len(decision.transfers) == 1


async def write_beside(
    connection: Connection,
    payments: FromMemory,
    refunds: WaitingRefunds,
    real_now: datetime,
    patience_milliseconds: int,
) -> Fate:
    """Write and commit payments and refunds of one book: all of it, or nothing where the refunds go their own way.

    Raises VersionConflictError: something is not as it is remembered, or as it was read; asyncpg's errors.
    """
    found = rows_beside(payments, refunds)
    if found is None:
        return Fate.ALONE
    (written, rows), decided = found, refunds.decide()
    loaded, guards, one_row = payments.loaded, payments.guards, payments.loaded.one_row_payments
    own: tuple[Any, ...] = Batch(connection, decided.snapshot.loaded, decided.decisions).values(
        [transfer for decision in decided.decisions for transfer in decision.transfers], real_now
    )
    _, transactions, transfers, _, answers, _, instruments, tokens, events, *_, queued = own
    if instruments or tokens:
        raise TypeError("a refund changes nothing but its payment and a balance")
    with version_conflicts():
        await connection.execute(
            MONEY["apply_from_memory_and_refund"],
            loaded.state.book.book_id,
            order_for_index(written.paid, one_row=one_row),
            kind_of(written.first, one_row=one_row),
            rows.changes,
            guards.book_version,
            loaded.now,
            guards.tokens,
            guards.owner_version,
            guards.keys,
            guards.server_started_at,
            f"{patience_milliseconds}ms",
            rows.total_micros,
            [*written.events, *events],
            real_now,
            [*written.queued, *queued],
            rows.account_versions,
            written.tabs,
            transactions,
            transfers,
            answers,
            *decided.changed_payments(),
            rows.instruments,
            rows.instrument_versions,
        )
    refunds.are_written = refunds.are_beside = True
    return Fate.WRITTEN
