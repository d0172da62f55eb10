"""What the worker does between requests: end what is past its time, forget what has expired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.clock_watch import believe, believed
from tallystick.domain.commands import Cancel
from tallystick.services.context import Service
from tallystick.services.events.log import KEPT as HAPPENINGS_KEPT
from tallystick.services.rails.events import KEPT as EVENTS_KEPT
from tallystick.services.rails.orders import MAX_AT_ONCE
from tallystick.services.rails.setups import KEPT as SETUPS_KEPT
from tallystick.services.retries import all_of
from tallystick.store.accounts import attempts, mailed_proofs, passkeys, sign_in_pauses, web_sessions
from tallystick.store.queries import figures
from tallystick.store.rails import rail_events, rail_requests, rail_setups
from tallystick.store.records import forgetting, mail, outbox
from tallystick.store.records.trace_links import KEPT as TRACES_KEPT

if TYPE_CHECKING:
    from tallystick.db.connections import Pool

MESSAGES_KEPT: Final = timedelta(days=7)
"""How long sellers can look at what a notification said, after it arrived."""


async def expire_transactions(service: Service) -> int:
    """Cancel reservations older than seven days and payments past their deadline; return how many.

    Raises ExceptionGroup as `ask_rails`.
    """
    if not await rail_requests.run_out(service.pool, service.clock(), 1):
        return 0
    now = await _trusted_time(service, believed)  # only when there is something to expire
    ended = [] if now is None else await rail_requests.run_out(service.pool, now, MAX_AT_ONCE)
    cancel = service.committer.perform
    await all_of("ending", (cancel(book_id, Cancel(transaction_id, expired=True)) for book_id, transaction_id in ended))
    return len(ended)


async def add_up_figures(service: Service) -> int:
    """Bring stored totals up to date for books whose console was opened before; return how many were behind."""
    behind = await figures.behind(service.pool, service.trusted_now(), MAX_AT_ONCE)
    for book_id, now in behind:
        await figures.catch_up(service.pool, [book_id], now)
    return len(behind)


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
    await rail_events.forget(service.pool, now - EVENTS_KEPT)
    await rail_setups.forget(service.pool, now - SETUPS_KEPT)
    await forgetting.answers(service.pool, now)
    await forgetting.addresses(service.pool, now)
    await forgetting.events(service.pool, now - timedelta(days=service.settings.keep_notifications_days))
    await forgetting.happenings(service.pool, now - HAPPENINGS_KEPT)
    await forgetting.webhook_deliveries(service.pool, now - HAPPENINGS_KEPT)
    await forgetting.visits(service.pool, now)
    await forgetting.requests(service.pool, now - timedelta(days=service.settings.keep_requests_days))
    await forgetting.trace_links(service.pool, now - TRACES_KEPT)
    return True
