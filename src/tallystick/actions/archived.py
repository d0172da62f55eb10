"""Words for what is not here any more: transactions that were moved to the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.ids import book_named_in, transaction_ids_from
from tallystick.domain.refusals import Refused
from tallystick.ledger.archive import archived_before

if TYPE_CHECKING:
    from tallystick.actions.call import Call
    from tallystick.domain.ids import TransactionId


async def told_of_archive(call: Call, transaction_id: TransactionId, refused: Refused) -> Refused:
    """The same refusal; where the transaction is so old that it may be in the archive, in words that say so."""
    before = await archived_before(call.service.pool, book_named_in(transaction_id))
    if before is None or transaction_id >= transaction_ids_from(int(before.timestamp() * 1000)):
        return refused
    message = (
        f"The transaction is from before {before:%Y-%m-%d}. History of that age was moved to an archive:"
        " it can be read there, and can neither be refunded nor asked for here."
    )
    return Refused(refused.refusal, message)
