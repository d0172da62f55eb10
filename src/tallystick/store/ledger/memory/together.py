"""Payments of several books that are decided from memory and written by one statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tallystick.db.connections import Connection
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId
from tallystick.domain.state import Transaction
from tallystick.store.ledger.apply import version_conflicts
from tallystick.store.ledger.apply_payments import is_alike, kind_of, order_for_index
from tallystick.store.ledger.command_queue import QueuedPayment
from tallystick.store.ledger.memory.payment_memory import PaymentMemory
from tallystick.store.ledger.memory.payments_from_memory import FromMemory, recall
from tallystick.store.ledger.memory.written_payments import written_payments
from tallystick.store.ledger.rules import Rules

STATEMENTS: Final = load_statements("together.sql", __package__)
"""Payments of several books, for one machine alone."""

PATIENCE_MILLISECONDS: Final = 500
"""How long a group waits for an account that somebody has locked. Its books go their own ways then."""


def recall_all(
    memory: PaymentMemory, group: Sequence[QueuedPayment], clock: Callable[[], datetime], rules: Rules
) -> list[FromMemory]:
    """Decide what can be decided of a group, each book by itself, in the order of the books, at one moment."""
    found, moment = [], clock()
    for book_id, payments in sorted(by_book(group).items()):
        book = memory.books.get(book_id)
        recalled = None if book is None else recall(memory, book, payments, lambda: moment, rules)
        if recalled is not None:
            found.append(recalled)
    return found


def by_book(group: Sequence[QueuedPayment]) -> Mapping[BookId, list[QueuedPayment]]:
    """The payments of each book, in their order."""
    books: dict[BookId, list[QueuedPayment]] = {}
    for waiting in group:
        books.setdefault(waiting.book_id, []).append(waiting)
    return books


async def write_together(
    connection: Connection, found: Sequence[FromMemory], real_now: datetime, patience_milliseconds: int
) -> None:
    """Write and commit the payments of all these books, which come in their order: all of it, or nothing.

    Raises VersionConflictError: something is not as it is remembered, in one of the books; asyncpg's errors, of which
    LockNotAvailableError says that somebody else has locked one of the accounts.
    """
    if len(found) == 1:
        await found[0].write(connection, real_now, patience_milliseconds)
        return
    payments: list[tuple[BookId, tuple[Any, ...], datetime]] = []
    changes: list[tuple[BookId, tuple[Any, ...]]] = []
    totals_micros: list[int] = []
    tokens: list[tuple[BookId, tuple[Any, ...]]] = []
    events: list[tuple[BookId, tuple[Any, ...], datetime]] = []
    queued: list[tuple[BookId, tuple[Any, ...], datetime]] = []
    tabs: list[tuple[BookId, tuple[Any, ...]]] = []
    keys: dict[str, int] = {}
    first: Transaction | None = None
    one_row = all(one.loaded.one_row_payments for one in found)
    for one in found:
        loaded = one.loaded
        book_id, now = loaded.state.book.book_id, loaded.now
        written = written_payments(loaded, one.decisions, one_row=one_row)
        own_first = written.first
        if own_first is None:
            raise TypeError("of these payments none is to be written")
        first = first or own_first
        if not is_alike(own_first, first):
            raise TypeError("these payments have not come to the same")
        paid = order_for_index(written.paid, one_row=one_row)
        payments += [(book_id, row, now) for row in paid]
        changes += [(book_id, change) for change in written.changes]  # by book and number, as all groups lock them
        totals_micros.append(written.total_micros)
        tokens += [(book_id, token) for token in one.guards.tokens]
        events += [(book_id, event, now) for event in written.events]
        tabs += [(book_id, tab) for tab in written.tabs]
        queued += [(book_id, event, now) for event in written.queued]
        keys.update(one.guards.keys)
    books = [one.loaded.state.book.book_id for one in found]
    payment_books, rows = [book_id for book_id, _, _ in payments], [row for _, row, _ in payments]
    kind = kind_of(first, one_row=one_row)
    moments = {one.loaded.now for one in found}
    rest: tuple[Any, ...] = (
        [book_id for book_id, _ in changes],
        [change for _, change in changes],
        [book_id for book_id, _ in tokens],
        [token for _, token in tokens],
        books,
        [one.guards.book_version for one in found],
        [one.guards.owner_version for one in found],
        [*keys],
        [*keys.values()],
        found[0].guards.server_started_at,
        f"{patience_milliseconds}ms",
        totals_micros,
    )
    with version_conflicts():
        if one_row and len(moments) == 1 and not (events or queued or tabs):
            await connection.execute(STATEMENTS["apply_plain_together"], payment_books, rows, kind, *moments, *rest)
            return
        await connection.execute(
            STATEMENTS["apply_together"],
            payment_books,
            rows,
            kind,
            [now for _, _, now in payments],
            *rest,
            [book_id for book_id, _, _ in events],
            [event for _, event, _ in events],
            [now for _, _, now in events],
            real_now,
            [book_id for book_id, _, _ in queued],
            [event for _, event, _ in queued],
            [now for _, _, now in queued],
            [book_id for book_id, _ in tabs],
            [tab for _, tab in tabs],
        )
