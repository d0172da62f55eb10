"""The fundings of a prepaid balance: what each brought in, and what of it was given back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, InstrumentId, TransactionId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("fundings.sql", __package__)


@dataclass(frozen=True, slots=True)
class Funding:
    """One that succeeded. Amounts in micro-units; `refunded_micros` counts refunds that are still pending, too."""

    transaction_id: TransactionId
    amount_micros: int
    refunded_micros: int
    disputed_micros: int
    payment_method: str
    completed_at: datetime

    @property
    def left_micros(self) -> int:
        """What was captured, not given back yet and is not disputed, whether it was spent or not."""
        return self.amount_micros - self.refunded_micros - self.disputed_micros


@dataclass(frozen=True, slots=True)
class FundingRefund:
    """A refund of one of them, in micro-units."""

    transaction_id: TransactionId
    original_id: TransactionId
    caller_reference: str
    amount_micros: int
    status: str


async def fundings(database: Database, book_id: BookId, instrument_id: InstrumentId) -> list[Funding]:
    """Those of one balance that are not in the archive, the newest first."""
    return [Funding(**row) for row in await database.fetch(_SQL["fundings"], book_id, instrument_id)]


async def given_back(database: Database, book_id: BookId, instrument_id: InstrumentId) -> list[FundingRefund]:
    """All refunds of them, whatever came of them."""
    return [FundingRefund(**row) for row in await database.fetch(_SQL["given_back"], book_id, instrument_id)]
