"""What the worker does between requests: ask rails for pending charges, forget what has expired."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.db.clock_watch import WrongClockError, believe, believed
from tallystick.domain.commands import Cancel, RailOperation, ResolveCharge
from tallystick.processors.rail import Rail, RailOrder, StillPending, idempotency_key
from tallystick.services.context import Service
from tallystick.store.accounts import attempts, mailed_proofs, passkeys, sign_in_pauses, web_sessions
from tallystick.store.queries import figures
from tallystick.store.records import forgetting, mail, outbox, rail_requests
from tallystick.store.records.rail_requests import DueRequest

if TYPE_CHECKING:
    from tallystick.db.connections import Pool

LEASE: Final = timedelta(seconds=60)
"""The lease of a claimed request. Afterwards another worker may send it again: the first one may have died."""

MESSAGES_KEPT: Final = timedelta(days=7)
"""How long sellers can look at what a notification said, after it arrived."""

MAX_AT_ONCE: Final = 50
_OF_A_HOLD: Final = frozenset({RailOperation.CAPTURE, RailOperation.VOID})
_LONGEST_PAUSE: Final = timedelta(hours=1)
_LONGEST_ERROR: Final = 500  # characters that are kept of why a rail's result is unknown

_log = structlog.get_logger(__name__)


async def ask_rails(service: Service, rails: Mapping[str, Rail]) -> int:
    """Send every rail request that is due to its rail, concurrently; return how many there were.

    The request was committed before, with the transaction's id as its idempotency key; the result is committed after.
    A process that dies in between leaves the request leased: when the lease has expired, any worker sends it again, and
    the rail answers as before. An unknown result is never guessed: the transaction stays pending, and the request is
    retried with exponential backoff. Raises ExceptionGroup when all are done: the failures among them.
    """
    now = _trusted_now(service)
    if now is None:  # by a clock that is ahead, requests would be put off for as long
        return 0
    requests = await rail_requests.due(service.pool, now, MAX_AT_ONCE)
    await _all("asking rails", (_ask(service, rails, request) for request in requests))
    return len(requests)


async def _ask(service: Service, rails: Mapping[str, Rail], request: DueRequest) -> None:
    now = _trusted_now(service)
    if now is None or not await rail_requests.claim(service.pool, request, now + LEASE):
        return
    log = _log.bind(transaction_id=request.transaction_id, rail=request.rail, attempt=request.attempts)
    try:
        rail = rails[request.rail]
        answer = await rail.perform(_order(request))
    except Exception as error:  # noqa: BLE001 - whatever it was, the result is unknown: the transaction stays pending
        log.warning("rail_result_unknown", error=repr(error))
        pause = min(timedelta(seconds=2**request.attempts), _LONGEST_PAUSE)
        reason = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
        await rail_requests.put_off(service.pool, request, now + pause, reason)
        return
    if isinstance(answer, StillPending):
        await rail_requests.put_off(service.pool, request, now + answer.ask_again_after)
        return
    resolve = ResolveCharge(request.transaction_id, request.rail, answer, request.operation)
    await service.committer.perform(request.book_id, resolve)
    log.info("rail_answered", answer=type(answer).__name__)


def _order(request: DueRequest) -> RailOrder:
    earlier_key = None
    if request.earlier_id is not None:
        opening = RailOperation.AUTHORIZE if request.operation in _OF_A_HOLD else RailOperation.CHARGE
        earlier_key = idempotency_key(request.earlier_id, opening)
    return RailOrder(
        idempotency_key=idempotency_key(request.transaction_id, request.operation),
        operation=request.operation,
        amount_micros=request.amount_micros,
        rail_token=request.rail_token,
        earlier_key=earlier_key,
    )


async def expire_transactions(service: Service) -> int:
    """Cancel reservations older than seven days and payments past their deadline; return how many.

    Raises ExceptionGroup as `ask_rails`.
    """
    if not await rail_requests.run_out(service.pool, service.clock(), 1):
        return 0
    now = await _trusted_time(service, believed)  # only when there is something to expire
    ended = [] if now is None else await rail_requests.run_out(service.pool, now, MAX_AT_ONCE)
    cancel = service.committer.perform
    await _all("ending", (cancel(book_id, Cancel(transaction_id, expired=True)) for book_id, transaction_id in ended))
    return len(ended)


async def _all(doing: str, work: Iterable[Awaitable[object]]) -> None:
    """Run all of it concurrently; one failure does not cancel the others. Raises ExceptionGroup when all are done."""
    ended = await asyncio.gather(*work, return_exceptions=True)
    if failures := [failure for failure in ended if isinstance(failure, Exception)]:
        raise ExceptionGroup(doing, failures)


async def add_up_figures(service: Service) -> int:
    """Bring stored totals up to date for books whose console was opened before; return how many were behind."""
    behind = await figures.behind(service.pool, service.trusted_now(), MAX_AT_ONCE)
    for book_id, now in behind:
        await figures.catch_up(service.pool, [book_id], now)
    return len(behind)


def _trusted_now(service: Service) -> datetime | None:
    """The present moment; None while the clock is not trusted."""
    try:
        return service.trusted_now()
    except WrongClockError:
        return None


async def _trusted_time(service: Service, certain: Callable[[Pool, datetime], Awaitable[datetime]]) -> datetime | None:
    """The time up to which something may be expired or deleted; None while the clock is not trusted.

    Compares the clock with the database's first. `certain` then limits how far time may have advanced since the last
    pass, in case both clocks were set wrong.
    """
    watch = service.clock_watch
    if watch is None:
        return service.clock()  # a clock that a test sets has no watch
    if not await watch.compare(service.pool):
        return None
    return await certain(service.pool, service.clock())


async def forget_expired(service: Service) -> bool:
    """Delete what has expired: sessions, links and codes, e-mail, attempt counters, other rows with a retention time.

    False, and nothing is deleted, while the clock is not trusted.
    """
    now = await _trusted_time(service, believe)
    if now is None:
        return False
    await outbox.forget_messages(service.pool, now - MESSAGES_KEPT)
    for forgetful in (web_sessions, mailed_proofs, passkeys, attempts, sign_in_pauses, mail):
        await forgetful.sweep(service.pool, now)
    await forgetting.answers(service.pool, now)
    await forgetting.addresses(service.pool, now)
    await forgetting.events(service.pool, now - timedelta(days=service.settings.keep_notifications_days))
    await forgetting.visits(service.pool, now)
    await forgetting.requests(service.pool, now - timedelta(days=service.settings.keep_requests_days))
    return True
