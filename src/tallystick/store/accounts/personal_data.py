"""All that is kept of a person, to hand it out and, when their account is closed, to erase what need not be kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.distribution import take_one_connection
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId, TokenId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

STATEMENTS: Final = load_statements("personal_data.sql", __package__)
_TELL: Final = "tell_"
_ERASE: Final = "erase_"
# Gathered first (MATERIALIZED): Citus would make the JSON where the rows are, where its columns have lost their names.
TELLING: Final[Mapping[str, str]] = {
    name.removeprefix(_TELL): (
        f"WITH part AS MATERIALIZED ({statement}) SELECT to_jsonb(part)::text AS told FROM part"  # noqa: S608 - of ours
    )
    for name, statement in STATEMENTS.items()
    if name.startswith(_TELL)
}
"""What is sent for each section of an export, by its name."""
SECTIONS: Final = tuple(TELLING)
_TAKEN: Final[Mapping[str, tuple[str, ...]]] = {
    "erase_letters": ("address",),
    "erase_codes_by_mail": ("party", "address"),
    "erase_invitations": ("address",),
    "erase_payment_methods": ("party", "now"),
    "erase_subject_of_deeds": ("party", "address"),
}
"""What statements take that erase; the others take the party alone."""


async def tell(connection: Connection, party_id: PartyId, section: str) -> AsyncIterator[str]:
    """Export the rows of one section, each as JSON text, by a cursor of the database: only within a transaction."""
    async for row in connection.cursor(TELLING[section], party_id):
        yield row["told"]


async def erase(connection: Connection, party_id: PartyId, now: datetime) -> None:
    """Close the account: nobody can sign in, and what only served its owner is gone. The books are not touched."""
    async with connection.transaction():
        await take_one_connection(connection)  # the books of several sellers change, and then the party
        values = {"party": party_id, "now": now, "address": await connection.fetchval(STATEMENTS["address"], party_id)}
        for name, statement in STATEMENTS.items():
            if name.startswith(_ERASE):
                await connection.execute(statement, *[values[taken] for taken in _TAKEN.get(name, ("party",))])


async def living_tokens(database: Database, party_id: PartyId) -> list[tuple[BookId, TokenId]]:
    """All tokens that this person gave and nobody cancelled, over all books."""
    rows = await database.fetch(STATEMENTS["living_tokens"], party_id)
    return [(BookId(row["book_id"]), TokenId(row["token_id"])) for row in rows]
