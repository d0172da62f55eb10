"""What a seller answers a dispute with: what was agreed to, the charge, and everything that was charged since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.services.consent import evidence
from tallystick.store.queries import disputes
from tallystick.store.records.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.queries.disputes import ChargeLine, DisputeRecord

__all__ = ["MOST_CHARGES", "DisputeEvidence", "Evidence", "of_dispute"]

MOST_CHARGES: Final = 500
"""So many movements, the newest, are in the evidence."""


@dataclass(frozen=True, slots=True)
class DisputeEvidence:
    """All of it. `agreed`: None where nothing was kept, as for tokens by instructions. `lines`: newest first."""

    dispute: DisputeRecord
    agreed: Evidence | None
    lines: Sequence[ChargeLine]


async def of_dispute(books: BookContext, dispute: DisputeRecord) -> DisputeEvidence:
    """The evidence for a dispute of a charge in one of these books.

    Where another seller called for the charge, consent and references are its own affair: there are none here.
    """
    if dispute.book_id not in books.parts:
        return DisputeEvidence(dispute, None, ())
    pool = books.service.pool
    authorization_id = dispute.instrument_id or dispute.sender_token_id
    agreed = None
    if authorization_id:
        agreed = await evidence.of_authorization(books.service, dispute.book_id, authorization_id)
    return DisputeEvidence(dispute, agreed, await disputes.charges_since(pool, dispute, MOST_CHARGES))
