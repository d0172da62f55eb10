"""Notes of a seller's staff about its customers. They are kept with the first of the seller's books."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

MAX_CHARACTERS: Final = 2_000
MAX_NOTES: Final = 200
"""Notes about one customer."""

_SQL: Final = load_statements("customer_notes.sql", __package__)


class TooManyNotesError(ValueError):
    """MAX_NOTES stand about this customer already."""


@dataclass(frozen=True, slots=True)
class CustomerNote:
    """One note. `written_at`: real time."""

    note_id: str
    written_at: datetime
    content: str
    written_by: PartyId
    writer_name: str


async def add(
    connection: Connection, book_id: BookId, buyer_id: PartyId, writer_id: PartyId, content: str, now: datetime
) -> str:
    """Write one down; its id. Raises TooManyNotesError."""
    added: str | None = await connection.fetchval(
        _SQL["add"], book_id, secrets.token_hex(10), buyer_id, writer_id, now, content, MAX_NOTES
    )
    if added is None:
        raise TooManyNotesError(buyer_id)
    return added


async def about(database: Database, book_id: BookId, buyer_id: PartyId) -> list[CustomerNote]:
    """What stands about a customer, the newest first."""
    return [CustomerNote(**dict(row)) for row in await database.fetch(_SQL["about"], book_id, buyer_id)]


async def remove(connection: Connection, book_id: BookId, buyer_id: PartyId, note_id: str) -> bool:
    """Forget one; False: there is none of this id about this customer."""
    return await connection.fetchval(_SQL["remove"], book_id, buyer_id, note_id) is not None
