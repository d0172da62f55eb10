"""What instruments hold or owe: programs ask for it all the time, so those who ask together share a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import BookId, InstrumentId, PartyId
from tallystick.ledger.shared_reads import SharedReads
from tallystick.ledger.statements import load_statements

if TYPE_CHECKING:
    from tallystick.ledger.connections import Database, Pool

_READS: Final = load_statements("reads.sql")
_Name = tuple[BookId, InstrumentId]


@dataclass(frozen=True, slots=True)
class InstrumentBalance:
    """What one instrument holds (prepaid) or owes (credit), in micro-units, and whose it is."""

    kind: str
    seller_id: PartyId
    sender_id: PartyId
    environment: str
    balance_micros: int
    pending_micros: int


class Balances:
    """Finds balances, in groups; each answer is of a moment after it was asked for."""

    def __init__(self, pool: Pool) -> None:
        self._reads = SharedReads(partial(_find_all, pool))

    async def find(self, book_id: BookId, instrument_id: InstrumentId) -> InstrumentBalance | None:
        """One instrument, or None when the book has no such."""
        return await self._reads.find((book_id, instrument_id))


async def _find_all(database: Database, names: Sequence[_Name]) -> dict[_Name, InstrumentBalance]:
    """One statement for each book, so that each is answered by one machine of a cluster."""
    books: dict[BookId, list[InstrumentId]] = {}
    for book_id, instrument_id in names:
        books.setdefault(book_id, []).append(instrument_id)
    return {
        (book_id, row["instrument_id"]): InstrumentBalance(
            kind=row["kind"],
            seller_id=row["seller_party_id"],
            sender_id=row["sender_party_id"],
            environment=row["environment"],
            balance_micros=row["balance_micros"],
            pending_micros=row["pending_micros"],
        )
        for book_id, wanted in books.items()
        for row in await database.fetch(_READS["instrument_balances"], book_id, wanted)
    }
