"""What the worker does between requests: ask rails for pending charges, forget what has expired."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.db.clock_watch import believe, believed
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
"""How long a claimed request is left alone before another worker asks the rail again: the claimer may have died."""

MESSAGES_KEPT: Final = timedelta(days=7)
"""How long sellers can look at what a notification said, after it arrived."""

MAX_AT_ONCE: Final = 50
_OF_A_HOLD: Final = frozenset({RailOperation.CAPTURE, RailOperation.VOID})
_LONGEST_PAUSE: Final = timedelta(hours=1)
_LONGEST_ERROR: Final = 500  # characters that are kept of why a rail's result is unknown

_log = structlog.get_logger(__name__)


async def ask_rails(service: Service, rails: Mapping[str, Rail]) -> int:
    """Ask for every charge that is due, side by side; how many were asked for.

    The intent was committed before, the transaction's id is the rail's idempotency key, and the result is committed
    after: a process that dies in between leaves a request that becomes due again when its lease is over. An unknown
    result is never guessed. Raises ExceptionGroup when all were asked for: what went wrong with some of them.
    """
    requests = await rail_requests.due(service.pool, service.clock(), MAX_AT_ONCE)
    await _all("asking rails", (_ask(service, rails, request) for request in requests))
    return len(requests)


async def _ask(service: Service, rails: Mapping[str, Rail], request: DueRequest) -> None:
    now = service.clock()
    if not await rail_requests.claim(service.pool, request, now + LEASE):
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


async def end_what_ran_out(service: Service) -> int:
    """Cancel reservations whose seven days are over and payments that were not finished in time; how many.

    Raises ExceptionGroup as `ask_rails`.
    """
    if not await rail_requests.run_out(service.pool, service.clock(), 1):
        return 0
    now = await _certain_time(service, believed)  # asked for only where there is something to end
    ended = [] if now is None else await rail_requests.run_out(service.pool, now, MAX_AT_ONCE)
    cancel = service.committer.perform
    await _all("ending", (cancel(book_id, Cancel(transaction_id, expired=True)) for book_id, transaction_id in ended))
    return len(ended)


async def _all(doing: str, work: Iterable[Awaitable[object]]) -> None:
    """Do all of it side by side: what fails holds up nothing else. Raises ExceptionGroup afterwards."""
    ended = await asyncio.gather(*work, return_exceptions=True)
    if failures := [failure for failure in ended if isinstance(failure, Exception)]:
        raise ExceptionGroup(doing, failures)


async def add_up_figures(service: Service) -> int:
    """Add up what is over in the books whose console somebody has opened; how many books were behind."""
    behind = await figures.behind(service.pool, service.clock(), MAX_AT_ONCE)
    for book_id, now in behind:
        await figures.catch_up(service.pool, [book_id], now)
    return len(behind)


async def _certain_time(service: Service, certain: Callable[[Pool, datetime], Awaitable[datetime]]) -> datetime | None:
    """The moment by which something may end for good; None while no clock is believed.

    The clock has just been held against the database's, and neither is believed to have gone far since the last pass.
    """
    watch = service.clock_watch
    if watch is None:
        return service.clock()  # set by hand
    if not await watch.compare(service.pool):
        return None
    return await certain(service.pool, service.clock())


async def forget_expired(service: Service) -> bool:
    """Delete what is over: sessions, links and codes, letters, counted attempts, and whatever else is history.

    False, and nothing is deleted, while no clock is believed.
    """
    now = await _certain_time(service, believe)
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
