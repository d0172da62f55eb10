"""Disputes to try: in the sandbox whoever tests an integration says what the simulated bank decides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.environments import SANDBOX
from tallystick.domain.ids import MalformedIdError, book_of_transaction
from tallystick.domain.money import MICROS_PER_UNIT, display_amount
from tallystick.services.disputes.news import DisputeNews, UnknownChargeError, dispute_moved
from tallystick.services.operations import audit
from tallystick.store.ledger.create_book import SIMULATED_RAIL
from tallystick.store.queries import disputes, reads
from tallystick.store.rails import rail_operations
from tallystick.store.records import sandbox_clocks

if TYPE_CHECKING:
    from tallystick.domain.ids import TransactionId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.queries.disputes import DisputeRecord

FEE_MICROS: Final = 15 * MICROS_PER_UNIT
"""What the simulated bank charges for a dispute. It gives it back where the seller wins."""

_TO_ANSWER: Final = timedelta(days=7)
_REASON: Final = "simulated: the buyer does not know the charge"


async def move(
    service: Service, actor: Actor, charge: TransactionId, status: DisputeStatus, amount_micros: int | None = None
) -> DisputeRecord:
    """Have the simulated bank open a dispute of a charge, ask for evidence, or decide; the dispute as it is then.

    No amount: all of the charge that was not refunded, or what was disputed before. A charge has one such dispute.
    Raises UnknownChargeError: also for charges that are not of a sandbox; NotYetError.
    """
    try:
        book_id = book_of_transaction(charge)
    except MalformedIdError:
        raise UnknownChargeError(f"{charge} is no transaction of ours") from None
    found = await reads.transaction(service.pool, book_id, charge)
    if found is None or found.environment != SANDBOX:
        raise UnknownChargeError(f"there is no charge {charge} in a sandbox")
    asked = await rail_operations.of_transaction(service.pool, book_id, charge)
    if others := {one.rail for one in asked} - {SIMULATED_RAIL}:
        raise UnknownChargeError(f"the charge went through {min(others)}, where the simulated bank decides nothing")
    reference = f"simulated-{charge}"
    known = [one for one in await disputes.of_charge(service.pool, book_id, charge) if one.reference == reference]
    asked_micros = amount_micros or (known[0].asked_micros if known else found.amount_micros)
    now = service.clock() + await sandbox_clocks.offset(service.pool, book_id)
    is_open = not status.is_final
    dispute_id = await dispute_moved(
        service,
        DisputeNews(
            rail=SIMULATED_RAIL,
            reference=reference,
            charge=charge,
            status=status,
            amount_micros=asked_micros,
            fee_micros=0 if status is DisputeStatus.WON else FEE_MICROS,
            reason=_REASON,
            evidence_due_at=now + _TO_ANSWER if is_open and not (known and known[0].evidence_due_at) else None,
        ),
    )
    moved = await disputes.find(service.pool, book_id, dispute_id)
    if moved is None:
        raise LookupError(dispute_id)
    await audit.record(
        service.pool,
        actor,
        "sandbox.dispute",
        charge,
        business_id=found.seller.party_id,
        environment=SANDBOX,
        details={"status": status.value, "amount": display_amount(moved.asked_micros)},
        at=service.clock(),
    )
    return moved
