"""Payouts by the calendar: all cash above a reserve, every day, week or month."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.money import display_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.operations import audit
from tallystick.services.operations.audit import Actor
from tallystick.services.payouts import payouts
from tallystick.services.payouts.payouts import NotReadyError, PayoutWish
from tallystick.services.seller.books import books_of, clock_offset
from tallystick.services.seller.manual_operations import BookContext
from tallystick.store.payouts import schedules
from tallystick.store.payouts.schedules import PayoutSchedule

if TYPE_CHECKING:
    from tallystick.services.context import Service

__all__ = ["EVERY", "PayoutSchedule", "find", "next_day", "pay_by_calendar", "set_schedule"]

EVERY: Final = ("day", "week", "month")
_AT: Final = time(6, 0, tzinfo=UTC)
_AT_ONCE: Final = 20
_NOTHING: Final = frozenset({Refusal.InsufficientBalance, Refusal.InvalidAccountState_Caller})
_log = structlog.get_logger(__name__)


def next_day(every: str, after: datetime) -> datetime:
    """The next moment after this one: six o'clock UTC of the next day, of Monday, of the first of the month."""
    day = after.astimezone(UTC).date()
    for _ in range(40):
        moment = datetime.combine(day, _AT)
        fits = every == "day" or (every == "week" and day.weekday() == 0) or (every == "month" and day.day == 1)
        if fits and moment > after:
            return moment
        day += timedelta(days=1)
    raise ValueError(f"no such rhythm: {every!r}")


async def find(books: BookContext) -> PayoutSchedule | None:
    """The seller's; None: nothing is paid out by itself."""
    return await schedules.find(books.service.pool, books.seller_id, books.environment)


async def set_schedule(books: BookContext, every: str | None, reserve_micros: int = 0) -> None:
    """Pay out by itself from now on; None: not any more."""
    service, now = books.service, books.service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if every is None:
            await schedules.end(connection, books.seller_id, books.environment)
        else:
            schedule = PayoutSchedule(books.seller_id, books.environment, every, reserve_micros, next_day(every, now))
            await schedules.keep(connection, schedule, now)
        await audit.record(
            connection,
            books.actor,
            "payout.schedule",
            every or "never",
            business_id=books.seller_id,
            environment=books.environment,
            details={} if every is None else {"reserve": display_amount(reserve_micros)},
            at=now,
        )


async def pay_by_calendar(service: Service) -> int:
    """Ask for the payouts whose day has come, each once: the day is part of its reference. How many were due."""
    now = service.trusted_now()
    due = await schedules.due(service.pool, now, _AT_ONCE)
    for schedule in due:
        await _pay(service, schedule)
        await schedules.advance(service.pool, schedule, next_day(schedule.every, now))
    return len(due)


async def _pay(service: Service, schedule: PayoutSchedule) -> None:
    parts = await books_of(service, schedule.business_id, schedule.environment)
    if not parts:
        return
    book_now = service.clock() + await clock_offset(service, parts)
    log = _log.bind(seller=schedule.business_id, environment=schedule.environment)
    for part in parts:
        books = BookContext(service, Actor(None), schedule.business_id, schedule.environment, (part,), book_now)
        reference = f"calendar-{schedule.next_at:%Y%m%d%H%M}-{part}"
        try:
            await payouts.request(books, PayoutWish(None, "By the calendar", schedule.reserve_micros), reference)
        except NotReadyError as problem:
            log.info("payout_not_ready", reason=str(problem))
        except Refused as refused:
            if refused.refusal not in _NOTHING:
                raise
            log.info("payout_nothing_to_pay", reason=refused.message)
