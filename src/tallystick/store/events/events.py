"""Events of sellers: what waits for its number, giving numbers, reading and forgetting what has one.

The first half is in the money's own commit (store/ledger/apply.py). All parts of a seller have one row of numbers, kept
with the first one, its home. Every moment is passed in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tallystick.db.connections import Connection, Database
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId

_SQL: Final = load_statements("events.sql", __package__)


@dataclass(frozen=True, slots=True)
class EventHome:
    """The first book of a seller, which counts for all its parts. `parts`: all of them, where there are several."""

    home_id: BookId
    seller_id: PartyId
    environment: str
    clock_offset: timedelta
    parts: tuple[BookId, ...]


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """What happened and has no number yet. `number`: its place among what happens to its subject.

    `occurred_at`: the book's time. `queued_at`: real time, by the clock of the process that did it.
    """

    subject_id: str
    name: str
    number: int
    type: str
    status: str | None
    status_code: str | None
    occurred_at: datetime
    queued_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by in its book."""
        return self.subject_id, self.name


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its number. `data`: JSON text, the object as it was then."""

    book_id: BookId
    sequence: int
    type: str
    subject_id: str
    occurred_at: datetime
    data: str


@dataclass(frozen=True, slots=True)
class EventTransaction:
    """What /v1 tells of a transaction in the seller's own book. Amounts in micro-units."""

    transaction_id: str
    operation: str
    status: str
    status_code: str
    amount_micros: int
    fee_micros: int
    payment_method: str
    sender_token_id: str | None
    instrument_id: str | None
    original_id: str | None
    caller_reference: str
    caller_description: str | None
    sender_description: str | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class EventBounds:
    """The first number that is kept, None where none is, and the last that was given, 0 before the first."""

    first: int | None
    last: int


@dataclass(frozen=True, slots=True)
class EventGap:
    """A seller whose kept events have not every number. `first`, `highest`: of what is kept; `last`: what was given."""

    book_id: BookId
    last: int
    first: int
    highest: int
    kept: int


async def next_queue(database: Database, after: int) -> BookId | None:
    """The next book in which something waits for a number."""
    found: int | None = await database.fetchval(_SQL["next_queue"], after)
    return None if found is None else BookId(found)


async def home_of(database: Database, book_id: BookId) -> EventHome | None:
    """Where the events of a book are numbered; None: it is nobody's."""
    row = await database.fetchrow(_SQL["homes"], [book_id])
    if row is None:
        return None
    home = BookId(row["home_id"])
    offset = timedelta(seconds=row["clock_offset_seconds"])
    return EventHome(home, PartyId(row["seller_id"]), row["environment"], offset, tuple(row["parts"] or (home,)))


async def queue(database: Database, book_id: BookId, maximum: int) -> list[QueuedEvent]:
    """What waits in a book for its number, in the order in which it gets one; about `maximum` at the most.

    The oldest first, and of each subject the earlier before the later, whatever the clocks of two processes say.
    """
    rows = [QueuedEvent(**dict(row)) for row in await database.fetch(_SQL["queue"], book_id, maximum)]
    rows.sort(key=lambda row: (row.number, row.queued_at))
    latest: dict[str, datetime] = {}
    places = []
    for row in rows:
        latest[row.subject_id] = max(row.queued_at, latest.get(row.subject_id, row.queued_at))
        places.append((latest[row.subject_id], row.subject_id, row.number, row))
    places.sort(key=lambda place: place[:3])
    return [row for *_, row in places]


async def open_head(database: Database, home_id: BookId) -> None:
    """Make the row of a seller's last number, before the first event; a commit of its own, for nobody to wait for."""
    if not await database.fetchval(_SQL["has_head"], home_id):
        await database.execute(_SQL["open_head"], home_id)


async def lock_head(connection: Connection, home_id: BookId) -> int | None:
    """The last number of a seller, held until the commit; None: another process is giving numbers."""
    last: int | None = await connection.fetchval(_SQL["lock_head"], home_id)
    return last


async def take(connection: Connection, book_id: BookId, events: Sequence[QueuedEvent]) -> Collection[tuple[str, str]]:
    """Take events out of the queue: the keys of those that were still there."""
    subjects, names = [event.subject_id for event in events], [event.name for event in events]
    rows = await connection.fetch(_SQL["take"], book_id, subjects, names)
    return {(row["subject_id"], row["name"]) for row in rows}


async def number(connection: Connection, events: Sequence[StoredEvent], now: datetime) -> None:
    """Write events of one seller with their numbers, which follow the last one. The head must be locked."""
    home_id = events[0].book_id
    await connection.execute(
        _SQL["number"],
        home_id,
        [event.sequence for event in events],
        [event.type for event in events],
        [event.subject_id for event in events],
        [event.occurred_at for event in events],
        [event.data for event in events],
        now,
    )
    await connection.execute(_SQL["move_head"], home_id, events[-1].sequence)


async def enqueue(
    database: Database,
    book_id: BookId,
    happened: Sequence[tuple[str, str, int, str]],
    book_now: datetime,
    now: datetime,
) -> None:
    """Have what no money command does get its numbers: subject, name, place and type of each."""
    columns = [list(column) for column in zip(*happened, strict=True)]
    await database.execute(_SQL["enqueue"], book_id, *columns, book_now, now)


async def home_of_seller(database: Database, seller_id: PartyId, environment: str) -> tuple[BookId, timedelta] | None:
    """The first book of a seller, and how far its clock is ahead; None: the seller has none there."""
    row = await database.fetchrow(_SQL["home_of_seller"], seller_id, environment)
    return None if row is None else (BookId(row["book_id"]), timedelta(seconds=row["clock_offset_seconds"]))


async def transactions(database: Database, book_id: BookId, ids: Collection[str]) -> dict[str, EventTransaction]:
    """Transactions of a book by their ids."""
    rows = await database.fetch(_SQL["transactions"], book_id, [*ids])
    return {row["transaction_id"]: EventTransaction(**dict(row)) for row in rows}


async def page(
    database: Database, home_id: BookId, after: int, types: Sequence[str] | None, maximum: int
) -> list[StoredEvent]:
    """Events of a seller with higher numbers than `after`, the oldest first."""
    rows = await database.fetch(_SQL["page"], home_id, after, types, maximum)
    return [StoredEvent(**dict(row)) for row in rows]


async def find(database: Database, home_id: BookId, sequence: int) -> StoredEvent | None:
    """One event; None: it is not kept any more, or there was none."""
    row = await database.fetchrow(_SQL["find"], home_id, sequence)
    return None if row is None else StoredEvent(**dict(row))


async def bounds(database: Database, home_id: BookId) -> EventBounds:
    """Which numbers there are."""
    row: Any = await database.fetchrow(_SQL["bounds"], home_id)
    return EventBounds(**dict(row))


async def gaps(database: Database, home_id: BookId | None = None) -> list[EventGap]:
    """Sellers with numbers that are missing among what is kept: nothing, as long as all is well."""
    rows = await database.fetch(_SQL["gaps"], home_id)
    return [EventGap(**dict(row)) for row in rows]


async def sellers(database: Database) -> list[tuple[BookId, timedelta, datetime | None]]:
    """Every book of a seller, how far its clock is ahead, and since when its expiries are events."""
    return [
        (BookId(row["book_id"]), timedelta(seconds=row["clock_offset_seconds"]), row["events_since"])
        for row in await database.fetch(_SQL["sellers"])
    ]


async def expired(
    database: Database, book_id: BookId, book_now: datetime, since: datetime | None, maximum: int
) -> list[tuple[str, bool]]:
    """Authorizations of a book that have expired and were not told yet, and whether each is a token by itself."""
    rows = await database.fetch(_SQL["expired"], book_id, book_now, since, maximum)
    return [(row["subject_id"], row["is_token"]) for row in rows]


async def mark_told(connection: Connection, book_id: BookId, subject_id: str, now: datetime, *, is_token: bool) -> bool:
    """Mark an expired authorization; False: it is marked, or somebody is just changing it, and it is tried again."""
    name = "tell_token" if is_token else "tell_instrument"
    return await connection.fetchval(_SQL[name], book_id, subject_id, now) is not None
