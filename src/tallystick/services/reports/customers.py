"""A seller's customers: everything of one of them in one place, and notes that staff make for each other.

Each note that is made or removed and its row in the audit log are one commit; the log does not repeat the note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tallystick.domain.ids import PartyId
from tallystick.services.operations import audit
from tallystick.store.queries import customers
from tallystick.store.queries.customers import CustomerRecord, HeldSum
from tallystick.store.records import customer_notes
from tallystick.store.records.customer_notes import MAX_CHARACTERS, MAX_NOTES, CustomerNote, TooManyNotesError

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext

__all__ = [
    "MAX_CHARACTERS",
    "MAX_NOTES",
    "CustomerNote",
    "CustomerRecord",
    "HeldSum",
    "TooManyNotesError",
    "find",
    "find_by_address",
    "held",
    "make_note",
    "notes",
    "remove_note",
]


async def find(books: BookContext, party_id: int) -> CustomerRecord | None:
    """Somebody who agreed to something with this seller, in this environment; None for everybody else."""
    return await customers.customer(books.service.pool, books.parts, PartyId(party_id))


async def find_by_address(books: BookContext, text: str) -> CustomerRecord | None:
    """The customer with exactly this e-mail address. Whether others have an account is not told."""
    return await customers.of_address(books.service.pool, books.parts, text.strip()) if "@" in text else None


async def held(books: BookContext, customer: CustomerRecord) -> Mapping[str, HeldSum]:
    """What is left on their balances (``prepaid``) and owed on their tabs (``credit``)."""
    return await customers.held(books.service.pool, books.parts, customer.party_id)


async def notes(books: BookContext, customer: CustomerRecord) -> list[CustomerNote]:
    """What staff wrote down about them, the newest first."""
    return await customer_notes.about(books.service.pool, books.parts[0], customer.party_id)


async def make_note(books: BookContext, customer: CustomerRecord, content: str) -> str:
    """Write something down about a customer; the note's id.

    `content`: 1 to MAX_CHARACTERS characters. Raises TooManyNotesError; ValueError: a command has no name to sign with.
    """
    writer_id = books.actor.party_id
    if writer_id is None:
        raise ValueError("a note needs somebody who wrote it")
    now = books.service.clock()
    async with books.service.pool.acquire() as connection, connection.transaction():
        note_id = await customer_notes.add(connection, books.parts[0], customer.party_id, writer_id, content, now)
        await audit.record(
            connection,
            books.actor,
            "customer.note",
            customer.email,
            business_id=books.seller_id,
            environment=books.environment,
            details={"note": note_id},
            at=now,
        )
    return note_id


async def remove_note(books: BookContext, customer: CustomerRecord, note_id: str) -> bool:
    """Forget a note; False, and nothing is written down: there is none of this id about this customer."""
    async with books.service.pool.acquire() as connection, connection.transaction():
        if not await customer_notes.remove(connection, books.parts[0], customer.party_id, note_id):
            return False
        await audit.record(
            connection,
            books.actor,
            "customer.note_remove",
            customer.email,
            business_id=books.seller_id,
            environment=books.environment,
            details={"note": note_id},
            at=books.service.clock(),
        )
    return True
