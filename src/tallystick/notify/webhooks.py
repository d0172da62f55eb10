"""Deliver events to endpoints: claim, sign, send, try again for days, give up, and disable what never answers.

Any number of workers may do this at once: a delivery is claimed by a lease, so that one whose worker dies is due again.
It may arrive twice, with the same id, and is never lost. A later event of the same object waits for the earlier one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import httpx
import structlog

from tallystick.db.clock_watch import WrongClockError
from tallystick.notify import failures, safety, webhook_content
from tallystick.notify.delivery import COOL_DOWN, MAX_AT_ONCE, MAX_TO_ONE, origin_of
from tallystick.notify.safety import NO_HEADERS
from tallystick.notify.sender import EventSender
from tallystick.notify.webhook_failures import disable_failing
from tallystick.store.events import deliveries, endpoints, events

if TYPE_CHECKING:
    from tallystick.store.events.deliveries import DueDelivery, WebhookDelivery
    from tallystick.store.events.endpoints import WebhookEndpoint

PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360))
"""Between one failure and the next try; the last one again and again."""

LIFETIME: Final = timedelta(days=3)
"""How long a delivery is tried."""

DISABLED_AFTER: Final = timedelta(days=5)
"""An endpoint at which nothing has arrived for so long gets nothing more, and its seller a letter."""

_LOOK_AHEAD: Final = 4

_log = structlog.get_logger(__name__)


def next_try(attempts: int, announced_at: datetime, now: datetime) -> datetime | None:
    """When to try again after `attempts` failures, the last one at `now`; None: not any more."""
    end = announced_at + LIFETIME
    return None if now >= end else min(now + PAUSES[min(attempts, len(PAUSES)) - 1], end)


@dataclass(slots=True)
class _UnderWay:
    endpoint_id: str
    origin: str


@dataclass
class WebhookSender(EventSender[_UnderWay]):
    """Sends events to endpoints that are due."""

    _cool_until: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """By endpoint: until when nothing goes to it, and its origin."""

    async def dispatch(self) -> int:
        """Start sending what is due, as far as slots are free; does not wait for answers. How many were started."""
        free = MAX_AT_ONCE - len(self._under_way)
        if free <= 0:
            return 0
        try:
            now = self.clock()
        except WrongClockError:
            return 0
        found = await self._due(now)
        known = await endpoints.of_ids(self.pool, {one.endpoint_id for one in found}) if found else {}
        taken = Counter(one.origin for one in self._under_way.values())
        started = 0
        for one in found:
            endpoint = known.get(one.endpoint_id)
            origin = "" if endpoint is None else origin_of(endpoint.url)
            if started >= free or taken[origin] >= self._slots(one.endpoint_id):
                continue
            if await self._claim_and_start(one, endpoint, origin):
                taken[origin] += 1
                started += 1
        return started

    async def _due(self, now: datetime) -> list[DueDelivery]:
        """What is due, the books by turns, so that none waits behind another one's backlog."""
        blocked = {name for name, (until, _) in self._cool_until.items() if until > now}
        taken = Counter(one.origin for one in self._under_way.values())
        blocked |= {one.endpoint_id for one in self._under_way.values() if taken[one.origin] >= MAX_TO_ONE}
        found = []
        for book_id in await deliveries.books_with_due(self.pool, now, MAX_AT_ONCE):
            rows = await deliveries.due(self.pool, book_id, now, blocked, MAX_TO_ONE * _LOOK_AHEAD)
            found += [(turn, row.due_at, row) for turn, row in enumerate(rows)]
        found.sort(key=lambda place: place[:2])
        return [row for *_, row in found[: MAX_AT_ONCE * _LOOK_AHEAD]]

    def _slots(self, endpoint_id: str) -> int:
        """One to whom nothing could be sent lately is tried with one event at a time."""
        return 1 if endpoint_id in self._cool_until else MAX_TO_ONE

    async def _claim_and_start(self, found: DueDelivery, endpoint: WebhookEndpoint | None, origin: str) -> bool:
        delivery = await deliveries.claim(self.pool, found, self.clock() + self.lease)
        if delivery is None:
            return False
        event = await events.find(self.pool, delivery.book_id, delivery.sequence)
        if endpoint is None or not endpoint.enabled or event is None:
            gone = "the event is kept no longer" if event is None else "the endpoint is disabled"
            await deliveries.end(self.pool, delivery, None, gone)
            return False
        body = webhook_content.body_of(webhook_content.event_object(event))
        message_id = webhook_content.event_id(event)
        task = asyncio.create_task(self._run(delivery, endpoint, message_id, body))
        self._under_way[task] = _UnderWay(endpoint.endpoint_id, origin)
        task.add_done_callback(self._under_way.pop)
        return True

    async def _run(self, delivery: WebhookDelivery, endpoint: WebhookEndpoint, message_id: str, body: bytes) -> None:
        try:
            if self.tracing is None:
                await self._send(delivery, endpoint, message_id, body)
                return
            origin = origin_of(endpoint.url)
            with self.tracing.delivery(message_id, delivery.subject_id, origin, delivery.attempts) as headers:
                delivered = await self._send(delivery, endpoint, message_id, body, headers)
                self.tracing.came_to("delivered" if delivered else "failed", failed=not delivered)
        except Exception:  # noqa: BLE001 - the database went away, say: it is due again when its lease is over
            _log.exception("webhook_result_lost", event_id=message_id)

    async def _send(
        self,
        delivery: WebhookDelivery,
        endpoint: WebhookEndpoint,
        message_id: str,
        body: bytes,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> bool:
        """One attempt, and what follows from it. Whether the receiver has it."""
        now, status, reason = self.clock(), None, ""
        log = _log.bind(event_id=message_id, endpoint_id=endpoint.endpoint_id, attempt=delivery.attempts)
        signed = webhook_content.signed_headers(message_id, now, body, endpoint.secrets(self.vault, now))
        try:
            status = await safety.post_json(
                self._client, endpoint.url, body, self._timeout.total_seconds(), {**headers, **signed}
            )
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            self._cool_until[endpoint.endpoint_id] = (self.clock() + COOL_DOWN, origin_of(endpoint.url))
            reason = failures.in_words(error)
        else:
            self._cool_until.pop(endpoint.endpoint_id, None)
            reason = f"the receiver answered {status}"
        if status is not None and httpx.codes.is_success(status):
            await deliveries.mark_delivered(self.pool, delivery, self.clock(), status)
            await endpoints.succeeded(self.pool, endpoint.endpoint_id, self.clock())
            log.info("webhook_delivered")
            return True
        log.info("webhook_failed", reason=reason)
        await self._failed(delivery, endpoint, status, reason)
        return False

    async def _failed(
        self, delivery: WebhookDelivery, endpoint: WebhookEndpoint, status: int | None, reason: str
    ) -> None:
        now = self.clock()
        again = next_try(delivery.attempts, delivery.announced_at, now)
        if again is None:
            await deliveries.end(self.pool, delivery, status, reason)
        else:
            await deliveries.put_off(self.pool, delivery, again, status, reason)
        since = await endpoints.failed(self.pool, endpoint.endpoint_id, now)
        if since is not None and now - since >= DISABLED_AFTER:
            await disable_failing(self.pool, self.vault, self.settings, endpoint, delivery.book_id, reason, now)
