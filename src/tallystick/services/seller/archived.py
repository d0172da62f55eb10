"""Whether a transaction that is not found may be in the archive, and the refusal that says so."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.domain.ids import book_named_in, transaction_ids_from
from tallystick.domain.refusals import Refused
from tallystick.store.archive.archive import archived_before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.db.connections import Database
    from tallystick.domain.ids import BookId, InstrumentId, TokenId, TransactionId
    from tallystick.services.api.call import Call


async def may_hold(database: Database, transaction_id: TransactionId) -> datetime | None:
    """Where a transaction is so old that the archive may have it: from before which moment on that is so."""
    before = await archived_before(database, book_named_in(transaction_id))
    return None if before is None or transaction_id >= transaction_ids_from(int(before.timestamp() * 1000)) else before


async def latest_of(database: Database, parts: Sequence[BookId]) -> datetime | None:
    """From before which moment history of any of these books may be in the archive."""
    return max([moment for part in parts if (moment := await archived_before(database, part))], default=None)


async def history_of(database: Database, held_id: TokenId | InstrumentId, created_at: datetime) -> datetime | None:
    """From before which moment what happened with a token or an instrument may be in the archive."""
    before = await archived_before(database, book_named_in(held_id))
    return None if before is None or created_at >= before else before


async def explain_archived(call: Call, transaction_id: TransactionId, refused: Refused) -> Refused:
    """The same refusal; where the transaction is old enough to be in the archive, with a message that says so."""
    before = await may_hold(call.service.pool, transaction_id)
    if before is None:
        return refused
    message = (
        f"The transaction is from before {before:%Y-%m-%d}. History of that age was moved to an archive:"
        " it can be read there, and can neither be refunded nor asked for here."
    )
    return Refused(refused.refusal, message)
