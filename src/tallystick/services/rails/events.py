"""What rails send by themselves, and looking once more at what was declined: hints, whose objects are asked for.

An event is kept once by its id, whatever order events come in, and followed up by the worker. So it does not matter
whether one comes twice, late or never: what it would have told is found by looking.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.ids import BookId, MalformedIdError, TransactionId, book_of_transaction
from tallystick.domain.rails.commands import Declined, Paid, RailOperation, ReturnCharge
from tallystick.processors.rail import (
    HintKind,
    Rail,
    RailAnswer,
    RailEventRefusedError,
    RailHint,
    StillPending,
    Unknown,
    idempotency_key,
    transaction_of,
)
from tallystick.services.disputes.hints import follow_dispute
from tallystick.services.disputes.news import UnknownChargeError
from tallystick.services.own_commands import carry_out
from tallystick.services.rails import refunds, setups
from tallystick.services.rails.orders import LEASE, MAX_AT_ONCE, trusted_now
from tallystick.services.retries import all_of, pause_after, reason_of
from tallystick.store.accounts import payment_methods
from tallystick.store.queries import reads, stuck_work
from tallystick.store.rails import rail_events, rail_operations
from tallystick.store.rails.rail_events import RailEvent
from tallystick.store.rails.rail_operations import RailOperationRecord

if TYPE_CHECKING:
    from tallystick.processors.rails import Rails
    from tallystick.services.context import Service

MAX_EVENT_BYTES: Final = 256 * 1024
KEPT: Final = timedelta(days=60)
"""How long an event that is done with stays known, so that it is not taken for a new one."""

_OVER_WITHOUT_MONEY: Final = frozenset({"Failure", "Cancelled"})

_log = structlog.get_logger(__name__)


class NoSuchRailError(LookupError):
    """No rail of this name is on."""


class _LookLaterError(Exception):
    """Nothing is wrong, but there is nothing to see yet."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__(pause)
        self.pause = pause


async def receive(service: Service, name: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Keep an event that a rail has sent; False: it came before. `headers` by their names in lower case.

    Where a rail is on for both environments, the signature tells which of them it is for. Raises NoSuchRailError,
    RailEventRefusedError.
    """
    rails = service.rails.named(name)
    if not rails:
        raise NoSuchRailError(name)
    rail, hint = _read(rails, headers, body)
    if hint.object_kind is HintKind.OTHER:
        return False
    return await rail_events.add(
        service.pool,
        name,
        hint.event_id,
        environment=min(rail.environments),
        object_kind=hint.object_kind.value,
        reference=hint.reference,
        idempotency_key=hint.idempotency_key,
        now=service.clock(),
    )


def _read(rails: list[Rail], headers: Mapping[str, str], body: bytes) -> tuple[Rail, RailHint]:
    refused: RailEventRefusedError | None = None
    for rail in rails:
        try:
            return rail, rail.read_event(headers, body)
        except RailEventRefusedError as error:
            refused = error
    raise refused or RailEventRefusedError("there is nobody to read it")


async def follow_up(service: Service, rails: Rails) -> int:
    """Look at the objects of events that are due, concurrently; return how many there were.

    What cannot be looked at now is looked at later. Raises ExceptionGroup when all are done: the failures among them.
    """
    now = trusted_now(service)
    if now is None:
        return 0
    due = await rail_events.due(service.pool, now, MAX_AT_ONCE)
    await all_of("following up events of rails", (_follow(service, rails, event) for event in due))
    return len(due)


async def _follow(service: Service, rails: Rails, event: RailEvent) -> None:
    now = trusted_now(service)
    if now is None or not await rail_events.claim(service.pool, event, now + LEASE):
        return
    try:
        trouble = await _look(service, rails.find(event.environment, event.rail), event, now)
    except _LookLaterError as later:
        await rail_events.put_off(service.pool, event, now + later.pause, None)
        return
    except Exception as error:  # noqa: BLE001 - whatever it was: it is tried again, and shown until then
        _log.warning("rail_event_waits", rail=event.rail, event_id=event.event_id, error=repr(error))
        await rail_events.put_off(service.pool, event, now + pause_after(event.attempts + 1), reason_of(error))
        return
    if trouble is not None:
        _log.error("rail_contradicts_the_books", rail=event.rail, reference=event.reference, trouble=trouble)
    await rail_events.done(service.pool, event, trouble)


async def _look(service: Service, rail: Rail, event: RailEvent, now: datetime) -> str | None:
    """Look at the object of an event; what a person has to see to, if anything."""
    match HintKind(event.object_kind):
        case HintKind.ORDER | HintKind.REFUND:
            return await _look_at_order(service, rail, event, now)
        case HintKind.SETUP:
            pause = await setups.finish_by_reference(service, rail, event.reference)
            if pause is not None:
                raise _LookLaterError(pause)
        case HintKind.METHOD:
            found = await rail.find_method(event.reference)
            if found is not None:
                await payment_methods.bring_up_to_date(
                    service.pool, rail.name, event.reference, found.brand, found.last_four, found.expires_on
                )
        case HintKind.DISPUTE:
            return await _look_at_dispute(service, rail, event)
        case HintKind.PAYOUT | HintKind.OTHER:
            pass
    return None


async def _look_at_order(service: Service, rail: Rail, event: RailEvent, now: datetime) -> str | None:
    record = await _record(service, rail, event)
    if record is None:
        return None  # none of ours: made by hand at the rail, and found when its movements are compared with the books
    if await stuck_work.ask_again(service.pool, record.book_id, record.transaction_id, now):
        return None  # it is being asked for, now at once
    key = idempotency_key(record.transaction_id, record.operation)
    answer = await rail.look_again(record.reference, key, event.received_at)
    if isinstance(answer, StillPending):
        raise TimeoutError("the rail does not know yet")
    return await _follow_from(service, record, answer, event.environment)


async def _follow_from(
    service: Service, record: RailOperationRecord, answer: RailAnswer | Unknown, environment: str
) -> str | None:
    """What follows from an answer that comes after the transaction was over, and what a person has to see to."""
    transaction = await reads.transaction(service.pool, record.book_id, record.transaction_id)
    if transaction is None:  # in the archive
        fails = isinstance(answer, Declined) and record.operation is RailOperation.REFUND
        return f"refund {record.transaction_id} is in the archive, and failed at the rail" if fails else None
    if transaction.environment != environment:
        return None  # a key of the other environment, which this rail cannot know
    match record.operation, answer:
        case ((RailOperation.CHARGE | RailOperation.CAPTURE), Paid()) if transaction.status in _OVER_WITHOUT_MONEY:
            return await _return(service, record, answer)
        case RailOperation.REFUND, Declined() if transaction.status == "Success":
            return await refunds.reverse(service, record, answer)
        case RailOperation.RETURN, Declined():
            return f"{record.transaction_id} came too late and was given back, which has failed: see to it at the rail"
        case _:
            return None


async def _look_at_dispute(service: Service, rail: Rail, event: RailEvent) -> str | None:
    """Book where a dispute stands. What is about no charge of ours, a person has to see to."""
    try:
        await follow_dispute(service, rail, event.reference, event.environment)
    except UnknownChargeError as error:
        return f"dispute {event.reference}: {error}"
    return None


async def _record(service: Service, rail: Rail, event: RailEvent) -> RailOperationRecord | None:
    """The order of ours that an event is about."""
    if event.idempotency_key is not None:
        transaction_id = TransactionId(transaction_of(event.idempotency_key))
        try:
            book_id: BookId = book_of_transaction(transaction_id)
        except MalformedIdError:
            return None
        for record in await rail_operations.of_transaction(service.pool, book_id, transaction_id):
            if record.rail == rail.name and idempotency_key(transaction_id, record.operation) == event.idempotency_key:
                return record
        return None
    return await rail_operations.by_reference(service.pool, rail.name, event.reference, event.environment)


async def _return(service: Service, record: RailOperationRecord, answer: Paid) -> str | None:
    """Have the rail give back what it took although the transaction was over, once; else what a person has to do."""
    if record.payment_method_id is None:
        return f"{record.transaction_id} was paid too late: give the money back at the rail"
    await rail_operations.note(
        service.pool,
        record.book_id,
        record.transaction_id,
        record.operation,
        record.rail,
        reference=answer.reference,
        fee_micros=answer.fee_micros,
    )
    _log.warning("rail_paid_too_late", transaction_id=record.transaction_id, rail=record.rail)
    await carry_out(service, record.book_id, ReturnCharge(record.transaction_id))
    return None
