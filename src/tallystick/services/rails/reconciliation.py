"""Reconciliation of rails: read what moved, book what the rail did by itself, and hold the rest against the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from msgspec.structs import replace

from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction, transaction_ids_from
from tallystick.domain.money import USD
from tallystick.domain.rails.commands import BookMovement
from tallystick.domain.rails.reconciliation import DayReport, MovedThere, MovementKind, bookings_of, compare
from tallystick.processors.rail import Rail, RailMovement, transaction_of
from tallystick.services.operations import audit
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.services.rails import refunds
from tallystick.store.ledger.create_book import operator_book
from tallystick.store.rails import reconciliations
from tallystick.store.rails.reconciliations import RailBook, ReconciledDay

if TYPE_CHECKING:
    from tallystick.processors.rails import Rails
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = ["DayReport", "ReconciledDay", "days_of", "find", "latest", "reconcile", "reconcile_as", "reconcile_if_due"]

SETTLED_AFTER: Final = timedelta(hours=2)
"""How long after its end a day is read by itself: what is under way at midnight is mostly over then."""

LOOKED_BACK: Final = timedelta(days=30)
"""How far the daily round goes back to a day that was not read, or not explained as a whole."""

_ORDERS_SINCE: Final = timedelta(days=40)
"""How long before a day orders may have been opened that move money on it: bank debits and holds take their time."""

_AT_ONCE: Final = 200
"""Movements that are booked at the same time: the committer makes few commits of them."""

_log = structlog.get_logger(__name__)


async def latest(service: Service, maximum: int, before: date | None = None) -> list[ReconciledDay]:
    """Days of all rails, the latest first."""
    return await reconciliations.latest(service.pool, maximum, before)


async def find(service: Service, environment: str, rail: str, day: date) -> ReconciledDay | None:
    """One day of a rail; None: it was not read."""
    return await reconciliations.find(service.pool, environment, rail, day)


def days_of(first: date, last: date) -> list[date]:
    """All days from the first to the last."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


async def reconcile_as(
    service: Service, actor: Actor, rail: Rail, environment: str, days: Sequence[date]
) -> list[DayReport]:
    """As `reconcile`, asked for by somebody; audited, since it books fees. May raise anything."""
    reports = await reconcile(service, rail, environment, days)
    subject = f"{rail.name} {environment} {days[0]} {days[-1]}"
    await audit.record(service.pool, actor, "rail.reconcile", subject, at=service.clock())
    return reports


async def reconcile(service: Service, rail: Rail, environment: str, days: Sequence[date]) -> list[DayReport]:
    """Read `days`, which follow each other, and report each. A day that is read again is booked no second time.

    May raise anything, as the rail does: nothing is reported then, and what was booked stays right.
    """
    began = service.clock()
    async with service.pool.acquire() as connection:
        place = RailBook(await operator_book(connection, environment, began), rail.name, environment)
    since, until = _midnight(days[0]), _midnight(days[-1] + timedelta(days=1))
    told = {movement.movement_id: movement async for movement in rail.list_movements(since, until)}
    read = await _assigned(service, place, list(told.values()), began)
    for one in read:
        if one.kind is MovementKind.REFUND and one.amount_micros > 0 and one.transaction_id is not None:
            await refunds.follow(service, rail, one.transaction_id, one.moved_at)
    known = await reconciliations.between(service.pool, place, began, since, until)
    await _book(service, place, known)
    reports = await _held_against_the_books(service, place, days, known)
    for report in reports:
        await reconciliations.keep(service.pool, place, report, began)
    return reports


async def reconcile_if_due(service: Service, rails: Rails) -> int:
    """Yesterday of each rail, once it is settled, and what was missed or left open before; how many rails were read.

    A rail that fails is logged, and the others are read all the same.
    """
    yesterday = (service.trusted_now() - SETTLED_AFTER).astimezone(UTC).date() - timedelta(days=1)
    read = 0
    for rail in rails:
        for environment in sorted(rail.environments):
            try:
                first = await _first_due(service, rail, environment, yesterday)
                if first is not None:
                    _tell(rail, environment, await reconcile(service, rail, environment, days_of(first, yesterday)))
                    read += 1
            except Exception as error:  # noqa: BLE001 - a rail may raise anything
                service.damage.note(error)
                service.meter.failed("reconciliation")
                _log.exception("reconciliation_failed", rail=rail.name, environment=environment)
    return read


def _tell(rail: Rail, environment: str, reports: Sequence[DayReport]) -> None:
    for report in reports:
        log = _log.warning if report.unexplained_micros else _log.info
        log(
            "reconciled",
            rail=rail.name,
            environment=environment,
            day=report.day.isoformat(),
            movements=report.movements,
            unexplained_micros=report.unexplained_micros,
        )


async def _first_due(service: Service, rail: Rail, environment: str, yesterday: date) -> date | None:
    """From which day on a rail is to be read; None: yesterday was."""
    async with service.pool.acquire() as connection:
        place = RailBook(await operator_book(connection, environment, service.clock()), rail.name, environment)
    last = await reconciliations.last_day(service.pool, place)
    if last is None or last >= yesterday:
        return yesterday if last is None else None
    earliest = yesterday - LOOKED_BACK
    left_open = await reconciliations.first_open(service.pool, place, earliest)
    return max(earliest, min(last + timedelta(days=1), left_open or yesterday))


async def _assigned(
    service: Service, place: RailBook, told: Sequence[RailMovement], began: datetime
) -> list[MovedThere]:
    """What was told, with the transactions of ours; kept, and marked where it belongs to nothing of ours.

    A refund that was made by hand, of a charge of ours, is booked as one, if the books can follow it. Whether it is one
    is written down first, by whoever reads it first: of two readings at once, of which one does not know the charge
    yet, none books in `suspense` what the other books as a refund.
    """
    found = await _with_transactions(service, place, told)
    by_hand = {
        one.movement_id
        for one in found
        if one.transaction_id is None and one.currency == USD and one.kind in {MovementKind.CHARGE, MovementKind.REFUND}
    }
    charges = {
        one.movement_id: charge
        for one in told
        if one.movement_id in by_hand and one.kind is MovementKind.REFUND
        if (charge := await refunds.charge_of(service, place.environment, place.rail, one)) is not None
    }
    unassigned = by_hand - charges.keys()
    first = [replace(one, is_unassigned=True) if one.movement_id in unassigned else one for one in found]
    await reconciliations.note(service.pool, place, first, began)
    nobodys = await reconciliations.nobodys(service.pool, place, charges.keys())  # booked as that, or about to be
    booked = [
        await refunds.record_by_hand(service, place.rail, one, charges[one.movement_id])
        for one in told
        if one.movement_id in charges.keys() - nobodys
    ]
    if any(booked):
        found = await _with_transactions(service, place, told)
        await reconciliations.note(service.pool, place, found, began)
    return found


async def _with_transactions(service: Service, place: RailBook, told: Sequence[RailMovement]) -> list[MovedThere]:
    """What was told, each with the transaction of ours that it belongs to: by our key, else by the rail's reference."""
    keys = {one.movement_id: name for one in told if (name := _named(one.idempotency_key)) is not None}
    ours = await reconciliations.orders_of_keys(service.pool, place, set(keys.values()))
    references = {one.reference for one in told if one.reference is not None}
    by_reference = await reconciliations.transactions_of_references(service.pool, place, references)
    found = []
    for one in told:
        transaction_id = keys.get(one.movement_id)
        if transaction_id not in ours or one.kind is MovementKind.DISPUTE:  # whose key is that of the charge
            transaction_id = by_reference.get(one.reference or "")
        found.append(
            MovedThere(
                movement_id=one.movement_id,
                kind=one.kind,
                reference=one.reference,
                amount_micros=one.amount_micros,
                fee_micros=one.fee_micros,
                currency=one.currency,
                moved_at=one.moment,
                transaction_id=transaction_id,
            )
        )
    return found


def _named(key: str | None) -> TransactionId | None:
    """The transaction that a key names, if it is a key of ours."""
    try:
        name = TransactionId(transaction_of(key or ""))
        book_of_transaction(name)
    except MalformedIdError:
        return None
    return name


async def _book(service: Service, place: RailBook, movements: Sequence[MovedThere]) -> None:
    """Book what the rail did by itself and is not booked."""
    booked = await reconciliations.booked(service.pool, place, [one.movement_id for one in movements])
    missing = [
        (one, account, micros)
        for one in movements
        for account, micros in bookings_of(one)
        if (one.movement_id, account) not in booked
    ]
    for first in range(0, len(missing), _AT_ONCE):
        commands = [
            BookMovement(
                fresh_transaction_id(place.book_id, service.trusted_now()), place.rail, one.movement_id, account, micros
            )
            for one, account, micros in missing[first : first + _AT_ONCE]
        ]
        for outcome in await service.committer.perform_all(place.book_id, commands):
            if isinstance(outcome, Exception):
                raise outcome


async def _held_against_the_books(
    service: Service, place: RailBook, days: Sequence[date], known: Sequence[MovedThere]
) -> list[DayReport]:
    since, until = _midnight(days[0]), _midnight(days[-1] + timedelta(days=1))
    named = {one.transaction_id for one in known if one.transaction_id is not None}
    named |= await reconciliations.asked_between(
        service.pool, place, _ids_from(since - _ORDERS_SINCE), _ids_from(until)
    )
    elsewhere = await reconciliations.of_transactions(service.pool, place, named, since, until)
    here = await reconciliations.moved_here(service.pool, place, named, service.clock())
    return compare(days, [*known, *elsewhere], here)


def _ids_from(moment: datetime) -> str:
    return transaction_ids_from(int(moment.timestamp() * 1000))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
