"""Move settled history out of the books into files, so that what is left still proves itself.

What was completed before a moment leaves a book with all that belongs to it: transactions, their transfers in every
book, later statuses and announced events. Its sums stay behind, by account and by instrument or token, and count in
every check of `verify`. docs/decisions/061-history-moves-out-by-the-clock.md.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from tallystick.db.connections import UNAVAILABLE, Connection, Database, Pool
from tallystick.db.distribution import take_one_connection
from tallystick.db.statements import load_statements
from tallystick.domain.commands import FeePayer
from tallystick.domain.decide import REFERENCE_LIFETIME
from tallystick.domain.decide.receipts import SUCCESS_CODE
from tallystick.domain.ids import BookId, transaction_ids_from
from tallystick.store.archive import movements
from tallystick.store.archive.files import WrittenBatch, write_batch
from tallystick.store.archive.movements import MovedOut
from tallystick.store.queries import figures

_SQL: Final = load_statements("archive.sql", __package__)

MAX_PER_BATCH: Final = 20_000
"""Transactions of one batch: what is locked while its files are written, for a second or two."""

_ALL_COMMITS: Final = 1_000_000
REVERSAL: Final = "RefundReversal"
"""The operation of a refund that came back."""

WITHOUT_REFERENCE: Final = frozenset({"Deposit", "Dispute", "RailMovement", REVERSAL})
"""Operations that nobody asked for under a reference."""

_PAUSE_SECONDS: Final = 0.1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOCK: Final = 0x7461_6C6C_7961_7263  # "tallyarc": one run at a time
_BATCH_LOCK: Final = _LOCK + 1
"""Of the session that moves a batch, until it commits: also of a run whose other session was lost."""


class TooRecentError(ValueError):
    """History so young must stay: requests are answered as before for seven days."""


class AlreadyRunningError(RuntimeError):
    """Somebody else is archiving."""


@dataclass(frozen=True, slots=True)
class ArchivedBatch:
    """A batch that left a book."""

    book_id: BookId
    number: int
    transactions: int
    directory: Path


@dataclass(frozen=True, slots=True)
class Totals:
    """What successful transactions with one instrument or token came to, in micro-units, where they were moved out."""

    paid_micros: int = 0
    refunded_micros: int = 0
    other_micros: int = 0


@dataclass(frozen=True, slots=True)
class _Book:
    """A book, the operator's books in which its real money is mirrored, and up to where its history can leave."""

    book_id: BookId
    mirrors: frozenset[BookId]
    until: datetime


async def archived_before(database: Database, book_id: BookId) -> datetime | None:
    """By the book's clock: what was completed before may be in the archive; None when nothing ever was."""
    moment: datetime | None = await database.fetchval(_SQL["archived_before"], book_id)
    return moment


async def held_back(database: Database, before: datetime) -> list[tuple[BookId, datetime]]:
    """Books in which settled history from before a moment is left, for whatever reason, and from when on."""
    books = [row["book_id"] for row in await database.fetch(_SQL["books"])]
    found = [(book, await database.fetchval(_SQL["oldest"], book, _ids_from(before), before)) for book in books]
    return [(book_id, since) for book_id, since in found if since is not None]


async def _cuts(database: Database, before: datetime) -> dict[BookId, datetime]:
    """Up to where history of each book can leave, `before` at the latest.

    Sellers who were paid through one another share the least: what a payment moved leaves both books at once, and
    figures that are walked back must not step over a gap in either. So do a seller's parts, whose cash is shown as one.
    """
    pairs = [(row["caller_id"], row["recipient_id"]) for row in await database.fetch(_SQL["partners"])]
    pairs += [(row["first_id"], row["other_id"]) for row in await database.fetch(_SQL["siblings"])]
    cuts: dict[BookId, datetime] = {}
    for row in await database.fetch(_SQL["books"]):  # read later: every book of a pair is among them
        cuts[row["book_id"]] = await database.fetchval(_SQL["cut"], row["book_id"], before)
    while uneven := [pair for pair in pairs if cuts[pair[0]] != cuts[pair[1]]]:
        for one, other in uneven:
            cuts[one] = cuts[other] = min(cuts[one], cuts[other])
    return cuts


async def archive(
    pool: Pool, root: Path, before: datetime, now: datetime, max_per_batch: int = MAX_PER_BATCH
) -> AsyncGenerator[ArchivedBatch, None]:
    """Move out of every book what was completed before a moment of its clock, batch by batch, the oldest first.

    A batch is on disk before it leaves the books, and leaves them in one commit. Payments go on meanwhile; only what is
    moved is locked. Raises TooRecentError, AlreadyRunningError, ArchiveError, OSError.
    """
    if before > now - REFERENCE_LIFETIME:
        raise TooRecentError(f"only what is older than {REFERENCE_LIFETIME.days} days can be archived")
    async with pool.acquire() as lock:
        if not await lock.fetchval(_SQL["lock_runs"], _LOCK):
            raise AlreadyRunningError("another process is archiving; wait for it")
        try:
            async for moved in _archive_all(pool, root, before, now, max_per_batch):
                yield moved
        finally:
            with suppress(*UNAVAILABLE):  # a session that was lost holds no lock any more
                await lock.execute(_SQL["unlock_runs"], _LOCK)


async def _archive_all(
    pool: Pool, root: Path, before: datetime, now: datetime, maximum: int
) -> AsyncGenerator[ArchivedBatch, None]:
    cuts = await _cuts(pool, before)
    books = await pool.fetch(_SQL["books"])
    for row in books:  # all of them first: a batch of a caller's takes transfers of its recipients' books along
        book_now = now + timedelta(seconds=row["clock_offset_seconds"])
        if row["has_console"] and before > book_now - figures.LONGEST:
            await _add_up(pool, row["book_id"], before, book_now)
    for row in books:
        until = cuts.get(row["book_id"], _EPOCH)  # a book that was opened meanwhile has nothing so old
        book = _Book(row["book_id"], frozenset({row["operator_book_id"], row["balances_book_id"]}), until)
        book_now = now + timedelta(seconds=row["clock_offset_seconds"])
        await pool.execute(_SQL["forget_answers"], row["book_id"], book_now - REFERENCE_LIFETIME)
        while True:
            async with pool.acquire() as connection, connection.transaction():
                moved = await _move_batch(connection, root, book, now, maximum)
            if moved is None:
                break
            yield moved


async def _add_up(pool: Pool, book_id: BookId, before: datetime, book_now: datetime) -> None:
    """Add up a console's figures from before a moment, so that they stay shown; waits for who is at it already."""
    while True:
        state = await figures.catch_up(pool, (book_id,), book_now, commits=_ALL_COMMITS)
        if state.complete_until >= before:
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def _move_batch(
    connection: Connection, root: Path, book: _Book, now: datetime, maximum: int
) -> ArchivedBatch | None:
    """One batch, in the caller's transaction; None when nothing is left to move.

    Raises AlreadyRunningError: a run that lost its lock is writing one.
    """
    if not await connection.fetchval(_SQL["lock_batch"], _BATCH_LOCK):
        raise AlreadyRunningError("another process is archiving; wait for it")
    await take_one_connection(connection)  # balances of the operator's book are carried on, too, and books are marked
    last = await connection.fetchrow(_SQL["last_batch"], book.book_id)
    number, previous = (1, None) if last is None else (last["number"] + 1, last["digest"])
    cut: datetime = await connection.fetchval(_SQL["cut"], book.book_id, book.until)
    found = await connection.fetch(_SQL["lock"], book.book_id, _ids_from(cut), cut, maximum)
    ids = [row["transaction_id"] for row in found]
    if not ids:
        return None
    if await connection.fetchval(_SQL["still_needed"], book.book_id, ids):
        return None  # asked for between the two statements: the next run finds another cut
    taken = _Taken()
    transfers = list(await taken.by(connection, "own_transfers", "transfer", book.book_id, ids))
    unsaid = await connection.fetch(_SQL["own_payments"], book.book_id, ids)
    paid: dict[str, tuple[str, str]] = {row["transaction_id"]: (row["paid_from"], row["paid_with"]) for row in unsaid}
    rows = await taken.by(connection, "take_transactions", "transaction", book.book_id, ids)
    transactions = [_whole(row, paid) for row in rows]
    taken.rows["transaction"] = [*transactions]
    del taken.columns["transaction"]["own_debit_account"]  # told by the row among the transfers
    await taken.by(connection, "take_steps", "transaction_step", book.book_id, ids)
    await taken.by(connection, "take_events", "outbox", book.book_id, ids, ids[0], ids[-1])
    await taken.by(connection, "take_simulated_charges", "simulated_charge", ids)
    for book_id in await _books_of(connection, book, transactions):
        transfers += await taken.by(connection, "take_transfers", "transfer", book_id, ids)
    written: WrittenBatch = write_batch(
        root, book.book_id, number, previous, cut.isoformat(), taken.rows, taken.columns
    )
    await _carry(connection, book.book_id, transactions, transfers)
    await keep_references(connection, book.book_id, transactions)
    moved = [MovedOut(*(row[name] for name in movements.TRANSFER)) for row in transfers]
    reversals = {row["transaction_id"] for row in transactions if row["operation"] == REVERSAL}
    kinds = await movements.kinds_of(connection, moved)
    await movements.keep(connection, movements.movements_of(moved, kinds, book.book_id, reversals))
    await connection.execute(
        _SQL["keep_batch"], book.book_id, number, cut, ids[0], ids[-1], len(ids), written.digest, now
    )
    await connection.execute(_SQL["mark_books"], sorted({book.book_id, *(row["book_id"] for row in transfers)}), cut)
    return ArchivedBatch(book.book_id, number, len(ids), written.directory)


async def keep_references(
    database: Database, book_id: BookId, transactions: Iterable[Mapping[str, Any] | asyncpg.Record]
) -> None:
    """Have the references of archived transactions stay spent. Those of WITHOUT_REFERENCE have none."""
    spent = [
        (row["caller_reference"], row["transaction_id"], row["received_at"])
        for row in transactions
        if row["operation"] not in WITHOUT_REFERENCE
    ]
    await database.execute(_SQL["keep_references"], book_id, *([row[place] for row in spent] for place in range(3)))


def _ids_from(moment: datetime) -> str:
    return transaction_ids_from(max(0, (moment - _EPOCH) // timedelta(milliseconds=1)))


def _whole(row: Mapping[str, Any] | asyncpg.Record, paid: Mapping[str, tuple[str, str]]) -> Mapping[str, Any]:
    """A transaction as the files have it. `paid`: instruments and tokens of payments that do not say what is usual."""
    values = dict(row)
    unsaid = paid.get(values["transaction_id"])
    if unsaid is not None:
        values["instrument_id"], values["sender_token_id"] = unsaid
        values["fee_payer"] = values["fee_payer"] or FeePayer.RECIPIENT.value
        values["status_code"] = values["status_code"] or SUCCESS_CODE
        values["status_number"] = values["status_number"] or 1
        for column in _ZERO_OF_PAYMENTS:
            values[column] = values[column] or 0
    return values


_ZERO_OF_PAYMENTS: Final = (
    *("fee_micros", "refunded_micros", "fee_refunded_micros", "marketplace_fee_micros", "marketplace_refunded_micros"),
)


class _Taken:
    """Rows that were deleted, by table, with the types of their columns."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Mapping[str, Any] | asyncpg.Record]] = {}
        self.columns: dict[str, dict[str, str]] = {}

    async def by(self, connection: Connection, statement: str, table: str, *arguments: object) -> list[asyncpg.Record]:
        prepared = await connection.prepare(_SQL[statement])
        rows = await prepared.fetch(*arguments)
        self.rows.setdefault(table, []).extend(rows)
        self.columns[table] = {column.name: column.type.name for column in prepared.get_attributes()}
        return rows


async def _books_of(connection: Connection, book: _Book, transactions: Sequence[Mapping[str, Any]]) -> list[BookId]:
    """The books in which these transactions moved money, in the order in which everybody locks them."""
    recipients = {row["recipient_party_id"] for row in transactions} - {None}
    found = await connection.fetch(_SQL["books_of_recipients"], book.book_id, sorted(recipients))
    return sorted({book.book_id, *book.mirrors, *(row["book_id"] for row in found)})


async def _carry(
    connection: Connection,
    book_id: BookId,
    transactions: Iterable[Mapping[str, Any]],
    transfers: Iterable[asyncpg.Record],
) -> None:
    """Leave the sums of what goes behind."""
    balances = balances_of(
        (row["book_id"], row["debit_account"], row["credit_account"], row["amount_micros"]) for row in transfers
    )
    keys = sorted(balances)
    await connection.execute(
        _SQL["carry_balances"],
        [book for book, _ in keys],
        [account for _, account in keys],
        [balances[key] for key in keys],
    )
    totals = totals_of(tuple(row[column] for column in TOTALLED) for row in transactions)
    subjects = sorted(totals)
    await connection.execute(
        _SQL["carry_totals"],
        book_id,
        subjects,
        [totals[subject].paid_micros for subject in subjects],
        [totals[subject].refunded_micros for subject in subjects],
        [totals[subject].other_micros for subject in subjects],
    )


def balances_of(transfers: Iterable[tuple[Any, ...]]) -> Counter[tuple[int, int]]:
    """Debits less credits by book and account, of rows of book, debit account, credit account and amount."""
    balances: Counter[tuple[int, int]] = Counter()
    for book_id, debit, credit, micros in transfers:
        balances[book_id, debit] += micros
        balances[book_id, credit] -= micros
    return balances


TOTALLED: Final = (
    "status",
    "operation",
    "amount_micros",
    "instrument_id",
    "sender_token_id",
    "recipient_token_id",
    "sender_party_id",
    "payment_method",
)
"""Columns of a transaction that its totals are made of."""


def totals_of(transactions: Iterable[tuple[Any, ...]]) -> dict[str, Totals]:
    """By instrument, or where there is none by sender token and by recipient token; of rows of TOTALLED."""
    totals: dict[str, Totals] = {}
    for status, name, micros, instrument_id, sender_token_id, recipient_token_id, sender_id, method in transactions:
        if status != "Success":
            continue
        of_funding = instrument_id is not None and method not in {"Prepaid", "Debt"}
        operation = _OF_FUNDINGS.get(name, name) if of_funding else name
        received = recipient_token_id if sender_id is not None else None
        for subject in {instrument_id or sender_token_id, received} - {None}:
            totals[subject] = _added(totals.get(subject, Totals()), operation, micros)
    return totals


def _added(total: Totals, operation: str, micros: int) -> Totals:
    paid, refunded, other = _CHANGES.get(operation, (0, 0, 1))
    return Totals(
        total.paid_micros + paid * micros,
        total.refunded_micros + refunded * micros,
        total.other_micros + other * micros,
    )


_OF_FUNDINGS: Final = {"Refund": "RefundFunding", "RefundReversal": "ReversedFunding"}
_CHANGES: Final = {
    "Pay": (1, 0, 0),
    "Reserve": (1, 0, 0),
    "Refund": (0, 1, 0),
    "RefundReversal": (0, -1, 0),
    "RefundFunding": (0, 0, -1),  # less was brought in
    "ReversedFunding": (0, 1, 1),  # brought in again, and beside the limit, as what is refunded to a balance
    "Dispute": (0, 0, 0),  # its row stays and says what it took
}
"""How often an amount counts as paid, as refunded, and as brought in or settled."""
