"""What came of an authorization, entry by entry, with what was left, owed or spent after each.

The order is that in which things came about: an entry that was decided at once, as purchases are, has its place by its
time-ordered id; one that took its time, as a card payment does, has it by the moment in which it was decided. What is
not decided yet changes nothing and is listed where it was received. So an entry that is decided later comes later, and
what earlier entries say was left after them stays true.

Nothing sums a whole history. The running figure is known at one end, the present balance, and walked back over the
entries that are shown; a page hands the place and the figure where it stopped to the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.commands import TokenPurpose
from tallystick.domain.ids import TransactionId, milliseconds_of_transaction, transaction_ids_from

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Connection, Pool
    from tallystick.domain.ids import PartyId
    from tallystick.store.queries.authorizations import Authorization

STATEMENTS: Final = load_statements("authorization_history.sql", __package__)
"""Beside their use here, for tests of what they cost."""
_UNSPENT: Final = "RefundFunding"
_ROWS_AT_ONCE: Final = 200
_LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)  # its milliseconds still fit an id
_AFTER_ALL_IDS: Final = "~"  # sorts after every character of an id
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE_DIGITS: Final = 20  # of the microseconds of a moment: as text, moments sort as they follow each other


@dataclass(frozen=True, slots=True)
class HistoryCursor:
    """A cursor between two entries of a history, and what was left, owed or spent there. `place` sorts as text."""

    place: str
    running_micros: int


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Something that happened under an authorization. `at`: when it came about, or began if it is not decided.

    `change_micros`: by how much it changed what `running_micros` says: what was left (prepaid), owed (tab), spent or
    received (others) after it. A dispute changes it when it is lost: until then what it froze is still counted.
    """

    transaction_id: str
    operation: str
    status: str
    amount_micros: int
    description: str | None
    at: datetime
    change_micros: int
    running_micros: int
    place: str

    @property
    def before(self) -> HistoryCursor:
        """The place just before this entry."""
        return HistoryCursor(self.place, self.running_micros - self.change_micros)


async def page(
    pool: Pool, authorization: Authorization, maximum: int, before: HistoryCursor | None = None
) -> list[HistoryEntry]:
    """At most so many entries, newest first; from `before` backwards, or from the present."""
    async with _snapshot(pool) as connection:
        history = await _history(connection, authorization)
        running = await history.present() if before is None else before.running_micros
        found = []
        for row in (await history.newest(None if before is None else before.place, maximum))[:maximum]:
            found.append(_entry(authorization, row, history.place(row), running))
            running = found[-1].before.running_micros
    return found


async def figure_at(pool: Pool, authorization: Authorization, moment: datetime) -> int:
    """What was left, owed or spent when `moment`, of the book's time, began. Its cost grows with what came after it."""
    async with _snapshot(pool) as connection:
        return await (await _history(connection, authorization)).figure_at(moment)


async def owed_from_before(pool: Pool, authorization: Authorization, moment: datetime) -> int:
    """What of a tab's present debt was charged before `moment`, if what came in counts against the oldest first."""
    owed: int = await pool.fetchval(
        STATEMENTS["owed_from_before"],
        authorization.book_id,
        authorization.instrument_id,
        transaction_ids_from(_milliseconds(moment)),
    )
    return owed


async def entries(
    pool: Pool, authorization: Authorization, begin: datetime | None = None, end: datetime | None = None
) -> AsyncIterator[HistoryEntry]:
    """Everything that came about from `begin` until before `end`, oldest first, without holding it in memory."""
    async with _snapshot(pool) as connection:
        history = await _history(connection, authorization)
        begin = begin or _EPOCH
        running = await history.figure_at(begin)
        async for row in history.oldest(begin, end or _LATEST):
            running += _change(authorization, row)
            yield _entry(authorization, row, history.place(row), running)


@asynccontextmanager
async def _snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """A snapshot: balance and entries are read as of one moment."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


async def _history(connection: Connection, authorization: Authorization) -> _InstrumentHistory | _TokenHistory:
    if authorization.instrument_id is not None:
        return _InstrumentHistory(connection, authorization, authorization.instrument_id)
    line = await connection.fetch(STATEMENTS["token_line"], authorization.book_id, authorization.token_id)
    recipient_id = authorization.giver_id if authorization.purpose is TokenPurpose.RECIPIENT else None
    return _TokenHistory(connection, authorization, [row["token_id"] for row in line], recipient_id)


@dataclass(frozen=True, slots=True)
class _InstrumentHistory:
    """Many purchases, found by their ids, and a few slow entries, found by when they were decided."""

    connection: Connection
    authorization: Authorization
    instrument_id: str

    def place(self, row: asyncpg.Record) -> str:
        """An id, or what sorts after all ids of the millisecond in which a slow entry was decided."""
        transaction_id: str = row["transaction_id"]
        if row["status_number"] == 1 or row["operation"] in {"Refund", _UNSPENT}:
            return transaction_id
        return f"{transaction_ids_from(_milliseconds(row['completed_at']))}{_AFTER_ALL_IDS}{transaction_id}"

    async def present(self) -> int:
        figure: int = await self._one("balance_of_instrument")
        return figure

    async def figure_at(self, moment: datetime) -> int:
        moved: int = await self._one("moved_by_instrument", transaction_ids_from(_milliseconds(moment)), moment)
        return await self.present() - (-moved if self.authorization.purpose is TokenPurpose.PREPAID_SENDER else moved)

    async def newest(self, before: str | None, maximum: int) -> list[asyncpg.Record]:
        first_id, moment, slow_id = _AFTER_ALL_IDS, _LATEST, ""
        if before is not None:
            prefix, slow, slow_id = before.partition(_AFTER_ALL_IDS)
            first_id, moment = prefix + slow, _moment(milliseconds_of_transaction(TransactionId(before)))
        rows = await self.connection.fetch(
            STATEMENTS["newest_of_instrument"],
            self.authorization.book_id,
            self.instrument_id,
            first_id,
            moment,
            slow_id,
            maximum,
        )
        return sorted(rows, key=self.place, reverse=True)

    async def oldest(self, begin: datetime, end: datetime) -> AsyncIterator[asyncpg.Record]:
        """Both kinds merged. The slow ones are few and wait in memory until their turn."""
        of = self.authorization.book_id, self.instrument_id
        slow = deque(await self.connection.fetch(STATEMENTS["slow_of_instrument"], *of, begin, end))
        ids = transaction_ids_from(_milliseconds(begin)), transaction_ids_from(_milliseconds(end))
        cursor = self.connection.cursor(STATEMENTS["at_once_of_instrument"], *of, *ids, prefetch=_ROWS_AT_ONCE)
        async for row in cursor:
            while slow and self.place(slow[0]) < self.place(row):
                yield slow.popleft()
            yield row
        for row in slow:
            yield row

    async def _one(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the statement gives
        return await self.connection.fetchval(
            STATEMENTS[name], self.authorization.book_id, self.instrument_id, *arguments
        )


@dataclass(frozen=True, slots=True)
class _TokenHistory:
    """Payments in real money: each went through a rail or an account balance, so there are never very many."""

    connection: Connection
    authorization: Authorization
    token_ids: Sequence[str]
    recipient_id: PartyId | None

    @property
    def _of(self) -> tuple[object, ...]:
        return self.authorization.book_id, self.token_ids, self.recipient_id

    def place(self, row: asyncpg.Record) -> str:
        return f"{_microseconds(row['completed_at'] or row['received_at']):0{_PLACE_DIGITS}}{row['transaction_id']}"

    async def present(self) -> int:
        return await self.figure_at(_LATEST)

    async def figure_at(self, moment: datetime) -> int:
        figure: int = await self.connection.fetchval(STATEMENTS["moved_by_tokens"], *self._of, moment)
        return figure

    async def newest(self, before: str | None, maximum: int) -> list[asyncpg.Record]:
        moment, last_id = _LATEST, ""
        if before is not None:
            moment, last_id = _EPOCH + timedelta(microseconds=int(before[:_PLACE_DIGITS])), before[_PLACE_DIGITS:]
        return await self.connection.fetch(STATEMENTS["newest_of_tokens"], *self._of, moment, last_id, maximum)

    async def oldest(self, begin: datetime, end: datetime) -> AsyncIterator[asyncpg.Record]:
        statement = STATEMENTS["range_of_tokens"]
        async for row in self.connection.cursor(statement, *self._of, begin, end, prefetch=_ROWS_AT_ONCE):
            yield row


def _entry(authorization: Authorization, row: asyncpg.Record, place: str, running_micros: int) -> HistoryEntry:
    return HistoryEntry(
        transaction_id=row["transaction_id"],
        operation=row["operation"],
        status=row["status"],
        amount_micros=row["amount_micros"],
        description=row["sender_description"],
        at=row["completed_at"] or row["received_at"],
        change_micros=_change(authorization, row),
        running_micros=running_micros,
        place=place,
    )


def _change(authorization: Authorization, row: asyncpg.Record) -> int:
    given_back = row["operation"] == _UNSPENT
    if row["status"] != "Success" and not (given_back and row["status"] == "Pending"):
        return 0
    charges = {"Pay", "Reserve", "RefundReversal"} if authorization.instrument_id is None else {"Pay", "Dispute"}
    raises = (given_back or row["operation"] in charges) != (authorization.purpose is TokenPurpose.PREPAID_SENDER)
    amount: int = row["amount_micros"]
    return amount if raises else -amount


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
