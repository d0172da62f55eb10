"""Deliver the outbox's events: claim, send, try again for a day, give up. Source: docs/protocol/ipn.md, 6.

Any number of workers may do this at once. An event is claimed by a lease: a worker that dies leaves an event that is
due again when the lease is over, so it may arrive twice, but is never lost. A later event of the same transaction is
not due before the earlier one has been delivered or given up, so none overtakes another.

One receiver that does not answer holds up its own notifications only: a destination gets few of the worker's slots,
none for a short cool-down after a failure to connect or answer, then one until an attempt succeeds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httpx
import structlog

from tallystick.db.clock_watch import WrongClockError
from tallystick.db.connections import Connection
from tallystick.domain.messages.addresses import read_host
from tallystick.domain.messages.signed_messages import MessageSigner, key_name
from tallystick.notify import content, failures, message, safety
from tallystick.notify.message import SignedForm
from tallystick.notify.safety import NO_HEADERS
from tallystick.notify.sender import EventSender
from tallystick.store.accounts import return_hosts
from tallystick.store.keys import signing_keys
from tallystick.store.records import outbox, trace_links
from tallystick.store.records.outbox import ClaimedEvent, DueEvent

PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60))
"""Between one failure and the next try; the last one again and again."""

MAX_AT_ONCE: Final = 64
MAX_TO_ONE: Final = 8
"""Slots of a worker (attempts at the same time), and how many of them one destination may take."""

COOL_DOWN: Final = timedelta(seconds=20)
"""How long this worker sends nothing to a destination that could not be reached."""

_FORGET_FAILURE_AFTER: Final = timedelta(hours=2)
"""How long after its cool-down a destination that was not tried again gets all its slots back."""

_LOOK_AHEAD: Final = 4  # due events fetched for each slot: some have to wait for their destination
_MAX_WRITERS: Final = 2  # pool connections for writing results; the rest stay free for payments

_log = structlog.get_logger(__name__)


def next_try(attempts: int, announced_at: datetime, now: datetime, lifetime: timedelta) -> datetime | None:
    """When to try again after `attempts` failures, the last one at `now`; None: not any more.

    The last try is when `lifetime` after the event is over.
    """
    end = announced_at + lifetime
    if now >= end:
        return None
    return min(now + PAUSES[min(attempts, len(PAUSES)) - 1], end)


def origin_of(url: str) -> str:
    """Scheme, host and port: the destination, for slots and cool-downs."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """An event that was claimed, and what is to be posted where."""

    event: ClaimedEvent
    form: SignedForm


@dataclass(slots=True)
class _CoolDown:
    """A destination that could not be reached: nothing goes to its `urls` until `until`, then one event at a time."""

    until: datetime
    urls: set[str] = field(default_factory=set)


@dataclass
class NotificationSender(EventSender[DueEvent]):
    """Sends notifications that are due."""

    _cool_downs: dict[str, _CoolDown] = field(default_factory=dict)
    _cursors: outbox.DueCursors = field(default_factory=dict)
    _writers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MAX_WRITERS))

    async def dispatch(self) -> int:
        """Start sending what is due, as far as slots are free; does not wait for answers. How many were started."""
        free = MAX_AT_ONCE - len(self._under_way)
        if free <= 0:
            return 0
        try:
            now = self.clock()
        except WrongClockError:
            return 0
        found = await outbox.due(
            self.pool,
            now,
            self._blocked_urls(now),
            per_book=MAX_TO_ONE * _LOOK_AHEAD,
            maximum=MAX_AT_ONCE * _LOOK_AHEAD,
            cursors=self._cursors,
        )
        chosen = self._choose(found, free, now)
        if not chosen:
            return 0
        started = 0
        async with self.pool.acquire() as connection:
            key = await signing_keys.ensure_current(connection, self.vault, now)
            signer = MessageSigner(self.settings.public_url, key.name, key.private_key)
            for event in chosen:
                outgoing = await self._claim(connection, event, signer)
                if outgoing is not None:
                    self._start(event, outgoing)
                    started += 1
        return started

    def _blocked_urls(self, now: datetime) -> set[str]:
        """Addresses to which nothing may be sent now: no slot left for the destination, or it is cooling down."""
        taken = self._taken()
        blocked = {
            event.destination
            for event in self._under_way.values()
            if taken[origin_of(event.destination)] >= self._slots(origin_of(event.destination), now)
        }
        for cool_down in self._cool_downs.values():
            if cool_down.until > now:
                blocked |= cool_down.urls
        return blocked

    def _taken(self) -> Counter[str]:
        return Counter(origin_of(event.destination) for event in self._under_way.values())

    def _slots(self, origin: str, now: datetime) -> int:
        cool_down = self._cool_downs.get(origin)
        if cool_down is None:
            return MAX_TO_ONE
        return 0 if cool_down.until > now else 1

    def _choose(self, found: list[DueEvent], free: int, now: datetime) -> list[DueEvent]:
        taken = self._taken()
        chosen: list[DueEvent] = []
        for event in found:
            origin = origin_of(event.destination)
            if len(chosen) < free and taken[origin] < self._slots(origin, now):
                taken[origin] += 1
                chosen.append(event)
        return chosen

    async def _claim(self, connection: Connection, due: DueEvent, signer: MessageSigner) -> _Outgoing | None:
        """Claim an event; None when another worker did, or when there is nothing to send."""
        until = self.clock() + self.lease
        try:
            async with connection.transaction():
                event = await outbox.claim(connection, due, until)
                return None if event is None else await _prepare(connection, event, signer)
        except Exception:  # noqa: BLE001 - a bug must not hold up all that comes after it
            _log.exception("notification_not_built", event_id=due.event_id)
        event = await outbox.claim(connection, due, until)
        if event is not None:
            await self._failed(event, "the message could not be built: the service's log says why")
        return None

    def _start(self, due: DueEvent, outgoing: _Outgoing) -> None:
        task = asyncio.create_task(self._run(outgoing))
        self._under_way[task] = due
        task.add_done_callback(self._under_way.pop)

    async def _run(self, outgoing: _Outgoing) -> None:
        try:
            if self.tracing is None:
                await self._send(outgoing)
                return
            event, origin = outgoing.event, origin_of(outgoing.form.url)
            await trace_links.recall(self.pool, self.tracing, event.subject_id)
            with self.tracing.delivery(event.event_id, event.subject_id, origin, event.attempts) as headers:
                delivered = await self._send(outgoing, headers)
                self.tracing.came_to("delivered" if delivered else "failed", failed=not delivered)
        except Exception:  # noqa: BLE001 - the database went away, say: the event is due again when its lease is over
            _log.exception("notification_result_lost", event_id=outgoing.event.event_id)

    async def _send(self, outgoing: _Outgoing, headers: Mapping[str, str] = NO_HEADERS) -> bool:
        """One attempt, and what follows from it. Whether the receiver has it."""
        event, form, origin = outgoing.event, outgoing.form, origin_of(outgoing.form.url)
        log = _log.bind(event_id=event.event_id, destination=origin, attempt=event.attempts)
        try:
            status = await safety.post_form(self._client, form.url, form.body, self._timeout.total_seconds(), headers)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            self._start_cool_down(origin, event.destination)
            reason = failures.in_words(error)
        except Exception as error:
            log.exception("notification_failed")
            reason = failures.in_words(error)
        else:
            self._cool_downs.pop(origin, None)
            if httpx.codes.is_success(status):
                async with self._writers:
                    await outbox.mark_delivered(self.pool, event, self.clock())
                log.info("notification_delivered")
                return True
            reason = f"the receiver answered {status}"
        log.info("notification_failed", reason=reason)
        await self._failed(event, reason)
        return False

    async def _failed(self, event: ClaimedEvent, reason: str) -> None:
        now = self.clock()
        lifetime = timedelta(hours=self.settings.notification_lifetime_hours)
        again = next_try(event.attempts, event.announced_at, now, lifetime)
        async with self._writers:
            if again is None:
                await outbox.end(self.pool, event, outbox.DEAD, reason)
                _log.warning("notification_given_up", event_id=event.event_id, attempts=event.attempts, reason=reason)
            else:
                await outbox.put_off(self.pool, event, again, reason)

    def _start_cool_down(self, origin: str, url: str) -> None:
        now = self.clock()
        for other, cool_down in list(self._cool_downs.items()):
            if cool_down.until + _FORGET_FAILURE_AFTER < now:
                del self._cool_downs[other]
        cool_down = self._cool_downs.setdefault(origin, _CoolDown(now))
        cool_down.until = now + COOL_DOWN
        cool_down.urls.add(url)


async def _prepare(connection: Connection, event: ClaimedEvent, signer: MessageSigner) -> _Outgoing | None:
    """Build the message and store it in the claim's own commit, before it is sent. None: nothing is to be sent."""
    if event.message is not None and not await _key_was_revoked(connection, event.message, signer):
        return _Outgoing(event, SignedForm(event.destination, event.message))
    fields = await content.fields_of(connection, event)
    if fields is None:
        await outbox.end(connection, event, outbox.UNWANTED, None)
        return None
    try:
        form = message.build(replace(signer, method=event.signature_method), event, fields)
    except ValueError as error:  # no address that anything could ever be sent to
        await outbox.end(connection, event, outbox.DEAD, str(error))
        return None
    host = read_host(urlsplit(form.url).hostname or "")  # None: nobody can have claimed it
    closed = await return_hosts.closed_to(connection, event.seller_id, [] if host is None else [host])
    if closed:  # a message about somebody else's payment would be genuine there
        await outbox.end(connection, event, outbox.DEAD, f"another seller has claimed {', '.join(closed)}")
        return None
    await outbox.keep_message(connection, event, form.url, form.body)
    return _Outgoing(event, form)


async def _key_was_revoked(connection: Connection, form: str, signer: MessageSigner) -> bool:
    """Whether the key that signed a stored form was revoked since: then it is built again with another key."""
    name = key_name(parse_qs(form).get("certificateUrl", [""])[0], signer.public_url)
    return name is not None and await signing_keys.is_revoked(connection, name)
