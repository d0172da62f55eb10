"""What programs ask for all the time, those who ask together by one statement: balances, statuses of transactions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from tallystick.db.shared_reads import SharedReads
from tallystick.db.statements import load_statements
from tallystick.domain.decide.receipts import message_of
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TransactionId
from tallystick.store.keys.access_keys import AccessKey, CurrentKeys, StaleCachedKeyError, current_keys

if TYPE_CHECKING:
    import asyncio

    import asyncpg

    from tallystick.db.connections import Database, Pool

_READS: Final = load_statements("reads.sql", __package__)
_Asked: TypeAlias = tuple[BookId, InstrumentId, str | None]
_AskedStatus: TypeAlias = tuple[BookId, TransactionId, str | None]
"""With the id of the key to revalidate."""


class InstrumentBalance(Struct, frozen=True):
    """What one instrument holds (prepaid) or owes (credit), in micro-units, and whose it is."""

    kind: str
    seller_id: PartyId
    sender_id: PartyId
    environment: str
    balance_micros: int
    pending_micros: int


class BalanceSnapshot(Struct, frozen=True):
    """What one statement read: an instrument, and the keys that were to be revalidated."""

    balance: InstrumentBalance | None
    keys: CurrentKeys


_NOTHING: Final = BalanceSnapshot(None, {})


class Balances:
    """Finds balances, in groups; each answer is of a moment after it was asked for."""

    def __init__(self, pool: Pool) -> None:
        self._reads = SharedReads(partial(_find_all, pool))
        self._compared: tuple[CurrentKeys, AccessKey] | None = None
        """What a statement read of keys, and a key that is as it is there: of a group, most calls have the same."""

    async def find(
        self, book_id: BookId, instrument_id: InstrumentId, key: AccessKey | None = None
    ) -> InstrumentBalance | None:
        """One instrument, or None when the book has no such.

        `key` is a cached one, with which the question was signed. Raises StaleCachedKeyError: it has changed since.
        """
        return self.found(await self.ask(book_id, instrument_id, key), key)

    def ask(
        self, book_id: BookId, instrument_id: InstrumentId, key: AccessKey | None = None
    ) -> asyncio.Future[BalanceSnapshot | None]:
        """As `find`, for who does not wait: `found` tells what came of it."""
        return self._reads.find((book_id, instrument_id, None if key is None else key.access_key_id))

    def found(self, read: BalanceSnapshot | None, key: AccessKey | None) -> InstrumentBalance | None:
        """What `find` answers. Raises StaleCachedKeyError."""
        snapshot = read or _NOTHING
        if key is not None and not self._is_current(key, snapshot.keys):
            raise StaleCachedKeyError(key.access_key_id)
        return snapshot.balance

    def _is_current(self, key: AccessKey, keys: CurrentKeys) -> bool:
        compared = self._compared
        if compared is not None and compared[0] is keys and compared[1] is key:
            return True
        if not key.still_is(keys):
            return False
        self._compared = keys, key
        return True


async def _find_all(database: Database, asked: Sequence[_Asked]) -> dict[_Asked, BalanceSnapshot]:
    """One statement for each book, so that each is answered by one machine of a cluster."""
    books: dict[BookId, list[_Asked]] = {}
    for one in asked:
        books.setdefault(one[0], []).append(one)
    snapshots: dict[_Asked, BalanceSnapshot] = {}
    for book_id, together in books.items():
        wanted = [instrument_id for _, instrument_id, _ in together]
        key_ids = {key_id for _, _, key_id in together if key_id is not None}
        rows = await database.fetch(_READS["instrument_balances"], book_id, wanted, wanted[0], [*key_ids])
        keys = current_keys(terms for row in rows for terms in row["keys"] or ())
        found = {row["instrument_id"]: _balance(row) for row in rows}
        snapshots |= {one: BalanceSnapshot(found.get(one[1]), keys) for one in together}
    return snapshots


def _balance(row: asyncpg.Record) -> InstrumentBalance:
    return InstrumentBalance(
        kind=row["kind"],
        seller_id=row["seller_party_id"],
        sender_id=row["sender_party_id"],
        environment=row["environment"],
        balance_micros=row["balance_micros"],
        pending_micros=row["pending_micros"],
    )


class TransactionProgress(Struct, frozen=True):
    """How far one transaction is. `parties`: everybody who took part in it, the seller among them."""

    transaction_id: TransactionId
    environment: str
    operation: str
    status: str
    status_code: str
    status_message: str | None
    payment_method: str
    caller_reference: str
    parties: tuple[PartyId | None, ...]


class _Found(Struct, frozen=True):
    """What one statement read: a transaction, and the keys that were to be revalidated."""

    progress: TransactionProgress | None
    keys: CurrentKeys


_NOTHING_FOUND: Final = _Found(None, {})


class Statuses:
    """Finds how far transactions are, in groups; each answer is of a moment after it was asked for."""

    def __init__(self, pool: Pool) -> None:
        self._reads = SharedReads(partial(_find_statuses, pool))

    async def find(
        self, book_id: BookId, transaction_id: TransactionId, key: AccessKey | None = None
    ) -> TransactionProgress | None:
        """One transaction, or None when the book has no such.

        `key` is a cached one, with which the question was signed. Raises StaleCachedKeyError: it has changed since.
        """
        key_id = None if key is None else key.access_key_id
        found = await self._reads.find((book_id, transaction_id, key_id)) or _NOTHING_FOUND
        if key is not None and not key.still_is(found.keys):
            raise StaleCachedKeyError(key.access_key_id)
        return found.progress


async def _find_statuses(database: Database, asked: Sequence[_AskedStatus]) -> dict[_AskedStatus, _Found]:
    """One statement for each book, so that each is answered by one machine of a cluster."""
    books: dict[BookId, list[_AskedStatus]] = {}
    for one in asked:
        books.setdefault(one[0], []).append(one)
    found: dict[_AskedStatus, _Found] = {}
    for book_id, together in books.items():
        wanted = [*dict.fromkeys([transaction_id for _, transaction_id, _ in together])]
        key_ids = {key_id for _, _, key_id in together if key_id is not None}
        rows = await database.fetch(_READS["transaction_statuses"], book_id, wanted, wanted[0], [*key_ids])
        keys = current_keys(terms for row in rows for terms in row["keys"] or ())
        progress = {row["transaction_id"]: _progress(row) for row in rows}
        found |= {one: _Found(progress.get(one[1]), keys) for one in together}
    return found


def _progress(row: asyncpg.Record) -> TransactionProgress:
    operation, code = row["operation"], row["status_code"]
    return TransactionProgress(
        transaction_id=row["transaction_id"],
        environment=row["environment"],
        operation=operation,
        status=row["status"],
        status_code=code,
        status_message=message_of(operation, code, row["status_message"]),
        payment_method=row["payment_method"],
        caller_reference=row["caller_reference"],
        parties=(row["seller_party_id"], row["sender_party_id"], row["recipient_party_id"]),
    )
