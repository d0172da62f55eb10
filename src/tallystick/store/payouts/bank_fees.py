"""Which entries of bank statements have a fee of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.banking.bank_fees import BookedFee

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from tallystick.db.connections import Database
    from tallystick.domain.ids import BookId

_SQL: Final = load_statements("bank_fees.sql", __package__)


async def of_days(database: Database, book_id: BookId, days: Collection[date]) -> list[BookedFee]:
    """All of these days."""
    return [BookedFee(**dict(row)) for row in await database.fetch(_SQL["of_days"], book_id, list(days))]


async def claim(database: Database, book_id: BookId, fee: BookedFee) -> bool:
    """Let the entry have a fee of its own, of this number; False: the number is taken, or the entry has one already."""
    return bool(
        await database.fetchval(_SQL["claim"], book_id, fee.day, fee.fee_micros, fee.number, fee.entry_id, fee.account)
    )
