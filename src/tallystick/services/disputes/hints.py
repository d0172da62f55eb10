"""An event of a rail hints at a dispute: the dispute is looked up at the rail, and what that says is booked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.ids import TransactionId
from tallystick.domain.money import USD
from tallystick.processors.rail import transaction_of
from tallystick.services.disputes.news import DisputeNews, UnknownChargeError, dispute_moved
from tallystick.store.rails import rail_operations

if TYPE_CHECKING:
    from tallystick.processors.rail import Rail
    from tallystick.services.context import Service


async def follow_dispute(service: Service, rail: Rail, reference: str, environment: str) -> TransactionId | None:
    """Book what a rail says of the dispute `reference` now; the id of the dispute's own transaction.

    None: the rail has no such dispute, or it is about no charge of ours. Raises UnknownChargeError, NotYetError;
    whatever the rail raises.
    """
    found = await rail.find_dispute(reference)
    if found is None:
        return None
    if found.idempotency_key is not None:
        charge = transaction_of(found.idempotency_key)
    else:
        known = await rail_operations.by_reference(service.pool, rail.name, found.charge_reference, environment)
        if known is None:
            return None
        charge = known.transaction_id
    if found.currency.upper() != USD:
        raise UnknownChargeError(f"dispute {reference} is in {found.currency}, and no charge of ours is")
    return await dispute_moved(
        service,
        DisputeNews(
            rail=rail.name,
            reference=found.reference,
            charge=TransactionId(charge),
            status=found.status,
            amount_micros=found.amount_micros,
            fee_micros=found.fee_micros,
            evidence_due_at=found.due_at,
        ),
    )
