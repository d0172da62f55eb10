"""The sending half of the outbox: which events are due, who sends them, what came of it; and sellers' addresses.

The writing half is in the money's own commit (store/ledger/apply.py). Every moment is passed in.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from tallystick.db.connections import Connection, Database
from tallystick.db.distribution import take_one_connection
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, MalformedIdError, PartyId, TransactionId, book_named_in

_SQL: Final = load_statements("outbox.sql", __package__)

WAITING: Final = "waiting"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"
UNWANTED: Final = "unwanted"

MAX_LOOKED_AT: Final = 2_000
"""Events of a book that one query scans at most."""

DueCursor: TypeAlias = tuple[datetime, str]
"""`due_at` and id of the last event that was scanned."""

DueCursors: TypeAlias = dict[BookId, DueCursor]
"""How far the scan of a book has come whose first MAX_LOOKED_AT due events all wait for blocked addresses."""

_BEGINNING: Final[DueCursor] = (datetime.min.replace(tzinfo=UTC), "")

_BOOK_IDS_END: Final = 1 << 62
"""Above the numbers of all books: store/ledger/create_book.py."""


@dataclass(frozen=True, slots=True)
class DueEvent:
    """An event whose time has come."""

    book_id: BookId
    event_id: str
    destination: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event as the outbox has it. `announced_at`: real time, from which on the tries count; `attempts`: how many.

    `message`: the signed form as it was first sent; None before that, after it was forgotten, and in lists.
    """

    book_id: BookId
    event_id: str
    kind: str
    subject_id: str
    status: str | None
    status_code: str | None
    state: str
    destination: str | None
    occurred_at: datetime
    announced_at: datetime
    due_at: datetime | None
    attempts: int
    delivered_at: datetime | None
    last_error: str | None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedEvent(EventRecord):
    """An event that this worker may send until `due_at`; `attempts` counts this one.

    `notify_…`: what the seller wants to hear of, signed by `signature_method`.
    """

    destination: str
    due_at: datetime
    seller_id: PartyId
    notify_immediate: bool
    notify_write_offs: bool
    signature_method: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """How many events of a seller are still to be sent, and how many were given up."""

    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Where a seller is notified, and of what: also of results that the request's own answer gave; of write-offs.

    `signature_method`: by which notifications and return URLs are signed.
    """

    notification_url: str | None
    notify_immediate: bool
    notify_write_offs: bool
    signature_method: str


async def due(
    database: Database,
    now: datetime,
    without: Collection[str],
    per_book: int,
    maximum: int,
    cursors: DueCursors | None = None,
) -> list[DueEvent]:
    """Events to send now, the books by turns so that no seller waits behind another one's backlog.

    None to the addresses `without`. At most `per_book` of a book and `maximum` in all. Each book is asked by itself;
    where more than `maximum` books have something to send, others of them come first each time. `cursors` is updated
    and is to be passed to the next call.
    """
    cursors = {} if cursors is None else cursors
    found = []
    for book_id in await _books_with_due(database, now, maximum):
        rows = await _due_in_book(database, book_id, now, list(without), per_book, cursors)
        found += [(turn, DueEvent(**dict(row))) for turn, row in enumerate(rows)]
    found.sort(key=lambda one: (one[0], one[1].due_at))
    return [event for _, event in found[:maximum]]


async def _due_in_book(
    database: Database, book_id: BookId, now: datetime, without: list[str], per_book: int, cursors: DueCursors
) -> list[Any]:
    """Of the first due events of a book, those that may be sent; if all have to wait, those of the next stretch.

    The stretch moves on with each call (`cursors`). So a call costs the same however long the backlog of a receiver
    that is gone, and events behind that backlog are reached.
    """

    async def scan(after: DueCursor) -> list[Any]:
        rows: list[Any] = await database.fetch(_SQL["due"], book_id, now, without, per_book, *after, MAX_LOOKED_AT)
        return rows

    async def end(after: DueCursor) -> DueCursor | None:
        row = await database.fetchrow(_SQL["looked_at"], book_id, now, *after, MAX_LOOKED_AT)
        return None if row is None else (row["due_at"], row["event_id"])

    if rows := await scan(_BEGINNING):
        return rows
    cursor = cursors.pop(book_id, None) or await end(_BEGINNING)
    if cursor is None:
        return []
    rows = await scan(cursor)
    following = cursor if rows else await end(cursor)
    if following is not None:
        cursors[book_id] = following
    return rows


async def _books_with_due(database: Database, now: datetime, maximum: int) -> list[BookId]:
    """Books with due events, in the order of their ids from a random one on, around to it again."""
    beginning = secrets.randbelow(_BOOK_IDS_END)
    books: list[BookId] = []
    for after, end in ((beginning, _BOOK_IDS_END), (-1, beginning)):
        place = after
        while len(books) < maximum:
            book_id = await database.fetchval(_SQL["next_book"], now, place)
            if book_id is None or book_id > end:
                break
            books.append(BookId(book_id))
            place = book_id
    return books


async def claim(connection: Connection, event: DueEvent, until: datetime) -> ClaimedEvent | None:
    """Claim an event for this worker, with a lease until `until`; None when another one was quicker."""
    row = await connection.fetchrow(_SQL["claim"], event.book_id, event.event_id, event.due_at, until)
    return None if row is None else ClaimedEvent(**dict(row))


async def keep_message(connection: Connection, event: ClaimedEvent, destination: str, message: str) -> None:
    """Store what is about to be sent, and where to: every later attempt sends the same."""
    await connection.execute(_SQL["keep_message"], event.book_id, event.event_id, destination, message)


async def mark_delivered(database: Database, event: ClaimedEvent, now: datetime) -> None:
    """The receiver has it."""
    await database.execute(_SQL["delivered"], event.book_id, event.event_id, now)


async def put_off(database: Database, event: ClaimedEvent, until: datetime, error: str) -> None:
    """Try again at `until`; `error` tells people why."""
    await database.execute(_SQL["put_off"], event.book_id, event.event_id, event.due_at, until, error)


async def end(database: Database, event: ClaimedEvent, state: Literal["dead", "unwanted"], error: str | None) -> None:
    """Try no more."""
    await database.execute(_SQL["end"], event.book_id, event.event_id, event.due_at, state, error)


async def list_(database: Database, party_id: PartyId | None, state: str | None, maximum: int) -> list[EventRecord]:
    """The latest events of one seller or of all, in one state or in any; unwanted ones only when asked for."""
    rows = await database.fetch(_SQL["list"], party_id, state, maximum)
    return [EventRecord(**dict(row)) for row in rows]


async def log(
    database: Database,
    parts: Sequence[BookId],
    *,
    state: str | None,
    about: str | None,
    before: tuple[datetime, str] | None,
    maximum: int,
) -> list[EventRecord]:
    """The events of a seller's books, the newest first, without the messages; never those that nobody wanted.

    `about`: only of one transaction or token, or one event. `before`: only those after this one in the list.
    """
    moment, event_id = before or (None, None)
    look = state, about, moment, event_id, maximum
    rows = [row for part in parts for row in await database.fetch(_SQL["log"], part, *look)]
    rows.sort(key=lambda row: (row["announced_at"], row["event_id"]), reverse=True)
    return [EventRecord(**dict(row)) for row in rows[:maximum]]


async def find(database: Database, parts: Sequence[BookId], event_id: str) -> EventRecord | None:
    """One event of a seller's books with its message. Its id names the book: it begins with its subject's."""
    try:
        book_id = book_named_in(TransactionId(event_id.partition("-")[0]))
    except MalformedIdError:
        return None
    row = await database.fetchrow(_SQL["find"], book_id, event_id) if book_id in parts else None
    return None if row is None else EventRecord(**dict(row))


async def unfinished(database: Database, parts: Sequence[BookId]) -> Unfinished:
    """What of a seller's books has not arrived yet, or never will."""
    rows: list[Any] = [await database.fetchrow(_SQL["unfinished"], part) for part in parts]
    return Unfinished(sum(row["waiting"] for row in rows), sum(row["dead"] for row in rows))


async def forget_messages(database: Database, delivered_before: datetime) -> None:
    """Forget what was sent in events that arrived before a moment."""
    await database.execute(_SQL["forget_messages"], delivered_before)


async def replay(database: Database, event_id: str, now: datetime) -> int:
    """Send a delivered, dead or unwanted event again; how many there were. One that nobody can be sent does not count.

    An event's id is not its address: events are looked up in every book. For people only, not for the money path.
    """
    books = await database.fetch(_SQL["books_of_event"], event_id)
    return sum([await replay_of_book(database, row["book_id"], event_id, now) for row in books])


async def replay_dead(database: Database, party_id: PartyId | None, now: datetime) -> int:
    """Send the dead events of one seller, or of all, again; how many there were."""
    books = await database.fetch(_SQL["books_with_dead"], party_id)
    return sum([await replay_of_book(database, row["book_id"], None, now) for row in books])


async def replay_of_book(database: Database, book_id: BookId, event_id: str | None, now: datetime) -> int:
    """Send one event of a book again, or with None all its dead ones; how many there were."""
    tag: str = await database.execute(_SQL["replay"], book_id, event_id, now)
    return int(tag.rpartition(" ")[2])


async def set_address(connection: Connection, book_id: BookId, url: str | None, now: datetime) -> None:
    """Give a seller's book its notification address, or none. What still waits for the old one goes to the new one."""
    async with connection.transaction():
        await take_one_connection(connection)  # callers change the list of books after their events
        books = await connection.fetch(_SQL["set_address"], book_id, url)
        await connection.execute(_SQL["readdress"], [book["book_id"] for book in books], url, now)


async def wishes(database: Database, book_id: BookId) -> NotificationSettings:
    """Where and of what a seller is notified. Raises LookupError: no such book."""
    row: Any = await database.fetchrow(_SQL["wishes"], book_id)
    if row is None:
        raise LookupError("there is no such book")
    return NotificationSettings(**dict(row))


async def set_wishes(
    database: Database,
    book_id: BookId,
    *,
    immediate: bool | None = None,
    write_offs: bool | None = None,
    signature_method: str | None = None,
) -> NotificationSettings:
    """Say what a seller wants to hear of, signed how; None leaves a wish as it is."""
    row: Any = await database.fetchrow(_SQL["set_wishes"], book_id, immediate, write_offs, signature_method)
    if row is None:
        raise LookupError("there is no such book")
    return NotificationSettings(**dict(row))
