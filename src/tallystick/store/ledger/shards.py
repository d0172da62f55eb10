"""Sellers with several books: which they are, opening more, and which of them a token's reference belongs to.

New prepaid and postpaid authorizations go to the parts in turn; everything else lives in the first. Ids carry their
book, so nothing has to be looked up to find the part again. docs/decisions/060-a-seller-in-parts.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from zlib import crc32

from tallystick.db.connections import Connection, Database
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId
from tallystick.domain.money import USD
from tallystick.store.ledger.create_book import create_shard

_SQL: Final = load_statements("shards.sql", __package__)


class NoBookError(LookupError):
    """The seller has no book in this environment."""


async def shards_of_seller(database: Database, party_id: PartyId, environment: str) -> tuple[BookId, ...]:
    """All books of a seller in an environment, the first one first; none when there is none."""
    return tuple(BookId(row["book_id"]) for row in await database.fetch(_SQL["parts"], party_id, environment, USD))


async def split(
    connection: Connection, party_id: PartyId, environment: str, parts: int, now: datetime
) -> tuple[BookId, ...]:
    """Give a seller as many books; new ones have the settings of the first. All of them, the first one first.

    Raises NoBookError; ValueError: it has more already, and books are never joined.
    """
    async with connection.transaction():
        await connection.execute(_SQL["lock_parts"], party_id, environment, USD)
        before = await shards_of_seller(connection, party_id, environment)  # as fresh as the lock
        if not before:
            raise NoBookError(party_id)
        if parts < len(before):
            raise ValueError(f"there are {len(before)} parts already, and they are never joined")
        for part in range(len(before), parts):
            await create_shard(connection, party_id, environment, before[0], part, now)
        books = await shards_of_seller(connection, party_id, environment)
        if len(books) > 1:
            await connection.execute(_SQL["note_parts"], books)
    return books


async def choose(database: Database, parts: Sequence[BookId], references: Collection[str], turn: str) -> BookId:
    """The part in which an authorization with these references is made: where they were claimed, else in turn.

    `turn`: random text of the authorization, so that all parts get as many. Nothing is claimed yet.
    """
    if len(parts) == 1:
        return parts[0]
    claimed = await _claims(database, parts[0], references)
    return next(iter(claimed), parts[crc32(turn.encode()) % len(parts)])


async def claim(database: Database, parts: Sequence[BookId], book_id: BookId, references: Collection[str]) -> bool:
    """Reserve references of tokens for one part, for ever; False where another part has one of them.

    Claiming again is harmless. Within a part the books themselves keep references apart.
    """
    if len(parts) == 1:
        return True
    await database.execute(_SQL["claim"], parts[0], sorted(references), book_id)
    if await _claims(database, parts[0], references) != {book_id}:
        return False
    others = [part for part in parts if part != book_id]
    return not await database.fetchval(  # those that are older than the split were never claimed
        _SQL["reference_taken"], others, list(references)
    )


async def _claims(database: Database, first: BookId, references: Collection[str]) -> set[BookId]:
    rows = await database.fetch(_SQL["claims"], first, list(references))
    return {BookId(row["part_book_id"]) for row in rows}


async def claim_payments(
    database: Database, parts: Sequence[BookId], book_id: BookId, references: Collection[str]
) -> frozenset[str]:
    """Claim references of payments for one of a seller's books, for ever; those that belong to another one.

    What is claimed stays so when the payment is refused, or never made. Claiming again is harmless. The first book
    holds the claims, whatever number of parts there is, so that two processes that know different ones meet there.
    """
    asked = parts[0], book_id, sorted(references)
    taken = await _elsewhere(database, asked, parts)
    free = sorted(set(references) - taken)
    if not free:
        return taken
    await database.execute(_SQL["claim_payments"], parts[0], book_id, free)
    return taken | await _elsewhere(database, (parts[0], book_id, free), parts)


async def _elsewhere(
    database: Database, asked: tuple[BookId, BookId, list[str]], parts: Sequence[BookId]
) -> frozenset[str]:
    rows = await database.fetch(_SQL["payments_elsewhere"], *asked, list(parts))
    return frozenset(row["caller_reference"] for row in rows)
