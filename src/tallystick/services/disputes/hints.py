"""An event of a rail hints at a dispute: the dispute is looked up at the rail, and what that says is booked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.domain.money import USD
from tallystick.processors.rail import transaction_of
from tallystick.services.disputes.news import DisputeNews, UnknownChargeError, dispute_moved
from tallystick.store.queries import reads
from tallystick.store.rails import rail_operations

if TYPE_CHECKING:
    from tallystick.processors.rail import DisputeFound, Rail
    from tallystick.services.context import Service


async def follow_dispute(service: Service, rail: Rail, reference: str, environment: str) -> TransactionId | None:
    """Book what a rail says of the dispute `reference` now; the id of the dispute's own transaction.

    None: the rail has no such dispute. Raises UnknownChargeError: it is about no charge of this rail's in books of this
    environment, so that people must look; NotYetError; whatever the rail raises.
    """
    found = await rail.find_dispute(reference)
    if found is None:
        return None
    if found.currency.upper() != USD:
        raise UnknownChargeError(f"dispute {found.reference} is in {found.currency}, and no charge of ours is")
    return await dispute_moved(
        service,
        DisputeNews(
            rail=rail.name,
            reference=found.reference,
            charge=await _charge_of(service, rail, found, environment),
            status=found.status,
            amount_micros=found.amount_micros,
            fee_micros=found.fee_micros,
            evidence_due_at=found.due_at,
        ),
    )


async def _charge_of(service: Service, rail: Rail, found: DisputeFound, environment: str) -> TransactionId:
    """The charge that a dispute is about.

    What we wrote down ourselves comes first. A key in the rail's records may have been copied, or be that of another
    environment: it counts only where this rail was asked for that charge and has no other name for it.
    """
    known = await rail_operations.by_reference(service.pool, rail.name, found.charge_reference, environment)
    if known is not None:
        return known.transaction_id
    stranger = UnknownChargeError(f"dispute {found.reference} is about no charge of ours: see to it at the rail")
    if found.idempotency_key is None:
        raise stranger
    charge = TransactionId(transaction_of(found.idempotency_key))
    try:
        book_id = book_of_transaction(charge)
    except MalformedIdError:
        raise stranger from None
    transaction = await reads.transaction(service.pool, book_id, charge)
    if transaction is None or transaction.environment != environment:
        raise stranger
    asked = await rail_operations.of_transaction(service.pool, book_id, charge)
    if any(one.rail != rail.name or one.reference not in {None, found.charge_reference} for one in asked):
        raise stranger
    return charge
