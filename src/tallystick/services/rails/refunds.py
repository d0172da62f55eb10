"""Refunds that a rail tells of by itself: those that failed after they were booked, those that people made there."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.commands import RecordRefund, Request
from tallystick.domain.ids import book_of_transaction
from tallystick.domain.rails.commands import Declined, RailOperation, ReverseRefund
from tallystick.domain.refusals import Refusal, Refused
from tallystick.processors.rail import idempotency_key
from tallystick.services.api.call import fingerprint
from tallystick.services.own_commands import NotCarriedOutError
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.store.queries import reads
from tallystick.store.rails import rail_operations
from tallystick.store.records import sandbox_clocks

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.domain.ids import TransactionId
    from tallystick.processors.rail import Rail, RailMovement
    from tallystick.services.context import Service
    from tallystick.store.rails.rail_operations import RailOperationRecord

_FOR_PEOPLE: Final = frozenset({Refusal.InvalidTransactionId, Refusal.AmountOutOfRange})
"""Refusals that trying again does not change."""

_log = structlog.get_logger(__name__)


async def follow(service: Service, rail: Rail, refund: TransactionId, moment: datetime) -> None:
    """The rail has moved the amount of a refund to us again: ask what became of it, and book that.

    `moment`: when it did. What cannot be asked or booked is logged: it stays a finding of that day.
    """
    book_id = book_of_transaction(refund)
    found = await reads.transaction(service.pool, book_id, refund)
    if found is None or found.status != "Success":
        return
    for record in await rail_operations.of_transaction(service.pool, book_id, refund):
        if record.rail != rail.name or record.operation is not RailOperation.REFUND or record.decline is not None:
            continue  # none of this rail's, or known to have failed
        trouble = None
        try:
            answer = await rail.look_again(record.reference, idempotency_key(refund, record.operation), moment)
            if isinstance(answer, Declined):
                trouble = await reverse(service, record, answer)
        except Exception as error:  # noqa: BLE001 - a rail may raise anything, and one refund stops no reading
            trouble = repr(error)
        if trouble is not None:
            _log.error("rail_contradicts_the_books", rail=rail.name, reference=record.reference, trouble=trouble)


async def charge_of(
    service: Service, environment: str, rail: str, movement: RailMovement
) -> RailOperationRecord | None:
    """The charge of ours of which somebody made this refund at the rail by hand; None: it is of none."""
    if movement.reference is None or movement.charge_reference is None:
        return None
    return await rail_operations.by_reference(service.pool, rail, movement.charge_reference, environment)


async def record_by_hand(service: Service, rail: str, movement: RailMovement, charge: RailOperationRecord) -> bool:
    """Book a refund of a charge of ours, which was made at the rail by hand, as the refund that it is, once.

    False: the books cannot follow it now, which is logged.
    """
    original = await reads.transaction(service.pool, charge.book_id, charge.transaction_id)
    if original is None or movement.amount_micros >= 0 or movement.reference is None:
        return False  # in the archive; or what was not booked came back
    now = service.trusted_now()
    book_now = now + await sandbox_clocks.offset(service.pool, charge.book_id)
    content = [("TransactionId", charge.transaction_id), ("Amount", str(movement.amount_micros))]
    request = Request(
        transaction_id=fresh_transaction_id(charge.book_id, book_now),
        caller_id=original.seller.party_id,
        caller_reference=f"refund-{blake2b(f'{rail}:{movement.reference}'.encode(), digest_size=16).hexdigest()}",
        fingerprint=fingerprint("RecordRefund", content),
        requested_at=now,
        caller_description=f"Refunded at {rail} by hand",
        refusal_spends=False,
    )
    command = RecordRefund(request, charge.transaction_id, rail, movement.reference, -movement.amount_micros)
    outcome = await service.committer.perform(charge.book_id, command)
    log = _log.bind(rail=rail, reference=movement.reference, transaction_id=charge.transaction_id)
    if isinstance(outcome, Refused):
        log.warning("refund_by_hand_not_booked", reason=str(outcome))
        return False
    log.info("refund_by_hand_booked")
    return True


async def reverse(service: Service, record: RailOperationRecord, answer: Declined) -> str | None:
    """Book that a refund, which went well in the books, has failed at its rail.

    What a person has to see to, if anything. Telling it again changes nothing. Raises NotCarriedOutError: it is to be
    told again.
    """
    book_now = service.trusted_now() + await sandbox_clocks.offset(service.pool, record.book_id)
    transaction_id = fresh_transaction_id(record.book_id, book_now)
    command = ReverseRefund(transaction_id, record.transaction_id, record.rail, answer)
    outcome = await service.committer.perform(record.book_id, command)
    if isinstance(outcome, Refused):
        if outcome.refusal in _FOR_PEOPLE:
            return f"refund {record.transaction_id} failed at the rail: {answer.reason} {outcome.message}"
        raise NotCarriedOutError(f"refund {record.transaction_id} failed at the rail: {outcome.message}")
    await rail_operations.note(
        service.pool,
        record.book_id,
        record.transaction_id,
        record.operation,
        record.rail,
        reference=answer.reference,
        decline=answer.code,
    )
    _log.warning("refund_failed_after_all", transaction_id=record.transaction_id, rail=record.rail, code=answer.code)
    return None
