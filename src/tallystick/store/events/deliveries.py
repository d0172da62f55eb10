"""Deliveries of events to endpoints: which are due, who sends them, what came of it. Every moment is passed in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tallystick.db.connections import Database
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId

_SQL: Final = load_statements("deliveries.sql", __package__)

_DISABLED: Final = "the endpoint was disabled"
"""Why an event did not arrive that was not tried to its end."""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery whose time has come."""

    book_id: BookId
    endpoint_id: str
    sequence: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """A delivery as it is kept. `announced_at`: real time, from which on the tries count; `attempts`: how many."""

    book_id: BookId
    endpoint_id: str
    sequence: int
    subject_id: str
    state: str
    announced_at: datetime
    due_at: datetime
    attempts: int
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    type: str | None = None


async def add(
    database: Database,
    book_id: BookId,
    endpoint_id: str,
    events: Sequence[tuple[int, str]],
    now: datetime,
) -> int:
    """Have events, their numbers and subjects, delivered from now on; how many do not wait for it already."""
    sequences, subjects = [event[0] for event in events], [event[1] for event in events]
    tag: str = await database.execute(_SQL["add"], book_id, endpoint_id, sequences, subjects, now)
    return int(tag.rpartition(" ")[2])


async def books_with_due(database: Database, now: datetime, maximum: int) -> list[BookId]:
    """Books in which something is due."""
    found: list[BookId] = []
    while len(found) < maximum:
        book_id = await database.fetchval(_SQL["next_book"], now, found[-1] if found else -1)
        if book_id is None:
            break
        found.append(BookId(book_id))
    return found


async def due(
    database: Database, book_id: BookId, now: datetime, without: Collection[str], maximum: int
) -> list[DueDelivery]:
    """What is due in a book, of each subject the first; nothing for the endpoints `without`."""
    rows = await database.fetch(_SQL["due"], book_id, now, [*without], maximum)
    return [DueDelivery(**dict(row)) for row in rows]


async def claim(database: Database, found: DueDelivery, until: datetime) -> WebhookDelivery | None:
    """Claim a delivery for this worker, with a lease until `until`; None when another one was quicker."""
    names = (found.book_id, found.endpoint_id, found.sequence)
    row = await database.fetchrow(_SQL["claim"], *names, found.due_at, until)
    return None if row is None else WebhookDelivery(**dict(row))


async def mark_delivered(database: Database, delivery: WebhookDelivery, now: datetime, status: int) -> None:
    """The receiver has it."""
    await database.execute(_SQL["delivered"], *_names(delivery), now, status)


async def put_off(
    database: Database, delivery: WebhookDelivery, until: datetime, status: int | None, error: str
) -> None:
    """Try again at `until`; `error` tells people why."""
    await database.execute(_SQL["put_off"], *_names(delivery), delivery.due_at, until, status, error)


async def end(database: Database, delivery: WebhookDelivery, status: int | None, error: str) -> None:
    """Try no more."""
    await database.execute(_SQL["end"], *_names(delivery), delivery.due_at, status, error)


async def stop(database: Database, book_id: BookId, endpoint_id: str) -> None:
    """Try nothing of an endpoint any more: it was disabled."""
    await database.execute(_SQL["stop"], book_id, endpoint_id, _DISABLED)


async def remove(database: Database, book_id: BookId, endpoint_id: str) -> None:
    """Forget all of an endpoint."""
    await database.execute(_SQL["remove"], book_id, endpoint_id)


async def log(
    database: Database, book_id: BookId, endpoint_id: str, state: str | None, before: int | None, maximum: int
) -> list[WebhookDelivery]:
    """Deliveries to an endpoint, those of the newest events first, with numbers below `before`."""
    rows = await database.fetch(_SQL["log"], book_id, endpoint_id, state, before, maximum)
    return [WebhookDelivery(**dict(row)) for row in rows]


async def counts(database: Database, book_id: BookId, endpoint_id: str) -> tuple[int, int]:
    """How many wait, and how many were given up."""
    row: Any = await database.fetchrow(_SQL["counts"], book_id, endpoint_id)
    return row["waiting"], row["dead"]


async def last_problem(database: Database, book_id: BookId, endpoint_id: str) -> str | None:
    """Why the newest event did not arrive of those that were tried in vain; None: there is none."""
    found: str | None = await database.fetchval(_SQL["last_problem"], book_id, endpoint_id, _DISABLED)
    return found


async def missed(
    database: Database, book_id: BookId, endpoint_id: str, after: int, types: Sequence[str] | None, maximum: int
) -> list[tuple[int, str]]:
    """Events after a number that did not arrive at an endpoint and do not wait: numbers and subjects."""
    rows = await database.fetch(_SQL["missed"], book_id, endpoint_id, after, types, maximum)
    return [(row["sequence"], row["subject_id"]) for row in rows]


def _names(delivery: WebhookDelivery) -> tuple[BookId, str, int]:
    return delivery.book_id, delivery.endpoint_id, delivery.sequence
