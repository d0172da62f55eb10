"""All that is kept of a person, to hand it out and, when their account is closed, to erase what need not be kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId, TokenId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

STATEMENTS: Final = load_statements("personal_data.sql", __package__)
_TELL: Final = "tell_"
_ERASE: Final = "erase_"
SECTIONS: Final = tuple(name.removeprefix(_TELL) for name in STATEMENTS if name.startswith(_TELL))
"""The sections of an export, by name."""


async def tell(connection: Connection, party_id: PartyId, section: str) -> AsyncIterator[str]:
    """Export the rows of one section, each as JSON text, by a cursor of the database: only within a transaction."""
    statement = STATEMENTS[_TELL + section]
    rows = f"SELECT to_jsonb(part)::text AS told FROM ({statement}) AS part"  # noqa: S608 - a statement of ours
    async for row in connection.cursor(rows, party_id):
        yield row["told"]


async def erase(connection: Connection, party_id: PartyId, now: datetime) -> None:
    """Close the account: nobody can sign in, and what only served its owner is gone. The books are not touched."""
    async with connection.transaction():
        for name, statement in STATEMENTS.items():
            if name.startswith(_ERASE):
                await connection.execute(statement, party_id, *([now] if "$2" in statement else []))


async def living_tokens(database: Database, party_id: PartyId) -> list[tuple[BookId, TokenId]]:
    """All tokens that this person gave and nobody cancelled, over all books."""
    rows = await database.fetch(STATEMENTS["living_tokens"], party_id)
    return [(BookId(row["book_id"]), TokenId(row["token_id"])) for row in rows]
