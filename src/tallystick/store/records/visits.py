"""Rows of buyers' visits to the hosted pages: what was asked for, what was chosen, how it ended.

A visit's row is the guard against doing a thing twice: the first confirmation writes its ids into `answer`, every
other one finds them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId
from tallystick.domain.messages.signing import RSA_METHOD

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

_SQL: Final = load_statements("visits.sql", __package__)


@dataclass(frozen=True, slots=True)
class NewVisit:
    """A request whose signature was checked, before its buyer is known. `parameters`: decoded, known names only."""

    visit_id: str
    caller_id: PartyId
    access_key_id: str
    environment: str
    pipeline: str
    parameters: Mapping[str, str]
    request_digest: bytes


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One visit as its row has it; services/consent/visits.py makes typed values of it.

    `answer` without `finished_at`: confirmed, but nobody knows yet whether the books have it.
    """

    visit_id: str
    caller_id: PartyId
    access_key_id: str
    environment: str
    pipeline: str
    parameters: Mapping[str, str]
    request_digest: bytes
    created_at: datetime
    sender_id: PartyId | None
    choices: Mapping[str, str]
    status: str | None
    answer: Mapping[str, str] | None
    finished_at: datetime | None
    browser_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class SellerBook:
    """The seller's book in one environment; its test clock is `clock_offset` ahead.

    `parts` are all books of a seller whose account was split, `book_id` first. `signature_method`: by which the seller
    has its messages signed.
    """

    book_id: BookId
    parts: tuple[BookId, ...]
    clock_offset: timedelta
    signature_method: str = RSA_METHOD


async def seller_book(database: Database, party_id: int, environment: str) -> SellerBook | None:
    """The book in which a seller's visits end."""
    row = await database.fetchrow(_SQL["seller_book"], party_id, environment)
    if row is None:
        return None
    offset = timedelta(seconds=row["clock_offset_seconds"])
    return SellerBook(row["parts"][0], tuple(row["parts"]), offset, row["signature_method"])


async def create(database: Database, new: NewVisit, now: datetime) -> None:
    """Begin a visit."""
    await database.execute(
        _SQL["create"],
        new.visit_id,
        new.caller_id,
        new.access_key_id,
        new.environment,
        new.pipeline,
        dict(new.parameters),
        new.request_digest,
        now,
    )


async def find(database: Database, visit_id: str) -> VisitRow | None:
    """The visit with this id."""
    row = await database.fetchrow(_SQL["find"], visit_id)
    return None if row is None else _visit(row)


async def answered_visits(
    database: Database, caller_id: PartyId, environment: str, request_digest: bytes
) -> list[VisitRow]:
    """Earlier visits for the very same request that have an answer, newest first."""
    rows = await database.fetch(_SQL["answered_visits"], caller_id, environment, request_digest)
    return [_visit(row) for row in rows]


async def choose(database: Database, visit_id: str, sender_id: PartyId, choices: Mapping[str, str]) -> None:
    """Store what this buyer chose. Nothing happens once the visit has an answer."""
    await database.execute(_SQL["choose"], visit_id, sender_id, dict(choices))


async def intend(
    database: Database, visit_id: str, sender_id: PartyId, choices: Mapping[str, str], answer: Mapping[str, str]
) -> VisitRow | None:
    """Write down the answer, ids and all, before the books are asked. The first one wins; gives the row as it is now.

    None: buyer or choices are not these any more, so nothing may be done in their name.
    """
    await database.execute(_SQL["intend"], visit_id, sender_id, dict(choices), dict(answer))
    visit = await find(database, visit_id)
    if visit is None or visit.answer is None:
        return None
    return visit if (visit.sender_id, visit.choices) == (sender_id, choices) else None


async def keep_browser(database: Database, visit_id: str, sender_id: PartyId, digest: bytes) -> None:
    """Remember in which browser this buyer agrees. Nothing happens once the visit has ended."""
    await database.execute(_SQL["keep_browser"], visit_id, sender_id, digest)


async def _as_it_is(database: Database, visit_id: str) -> VisitRow:
    visit = await find(database, visit_id)
    if visit is None:
        raise LookupError(f"visit {visit_id[:8]}… is gone")
    return visit


async def finish(database: Database, visit_id: str, answer: Mapping[str, str], now: datetime) -> VisitRow:
    """End a visit with `answer` (`status` among it), unless it has ended; gives the row as it is now."""
    await database.execute(_SQL["finish"], visit_id, dict(answer), answer["status"], now)
    return await _as_it_is(database, visit_id)


async def leave(database: Database, visit_id: str, answer: Mapping[str, str], now: datetime) -> VisitRow:
    """End a visit without any consent, unless it was confirmed before; gives the row as it is now."""
    await database.execute(_SQL["leave"], visit_id, dict(answer), answer["status"], now)
    return await _as_it_is(database, visit_id)


async def token_with_reference(database: Database, book: SellerBook, caller_reference: str) -> str | None:
    """The token that the seller already named so, if any."""
    token_id = await database.fetchval(_SQL["token_with_reference"], book.parts, caller_reference)
    return None if token_id is None else str(token_id)


def _visit(row: asyncpg.Record) -> VisitRow:
    return VisitRow(
        visit_id=row["visit_id"],
        caller_id=PartyId(row["caller_party_id"]),
        access_key_id=row["access_key_id"],
        environment=row["environment"],
        pipeline=row["pipeline"],
        parameters=row["parameters"],
        request_digest=row["request_digest"],
        created_at=row["created_at"],
        sender_id=None if row["sender_party_id"] is None else PartyId(row["sender_party_id"]),
        choices=row["choices"],
        status=row["status"],
        answer=row["answer"],
        finished_at=row["finished_at"],
        browser_digest=row["browser_digest"],
    )
