"""A test of an endpoint: signed like an event, about nothing, sent while somebody waits for what comes of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx
import structlog

from tallystick.notify import failures, safety, webhook_content
from tallystick.settings import Settings

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookTrial:
    """What came of a test: the receiver's HTTP status, or why there is none."""

    status: int | None
    problem: str | None
    milliseconds: int

    @property
    def arrived(self) -> bool:
        """Whether an event would count as delivered."""
        return self.status is not None and httpx.codes.is_success(self.status)


@dataclass(frozen=True, slots=True)
class WebhookTester:
    """Sends tests under the same rules as WebhookSender sends events."""

    settings: Settings
    resolver: safety.Resolve = safety.resolve

    async def send(self, test_id: str, url: str, secrets: Sequence[bytes], now: datetime) -> WebhookTrial:
        """Post to `url` and wait, no longer than any delivery may take."""
        body = webhook_content.body_of(webhook_content.test_object(test_id, now))
        signed = webhook_content.signed_headers(test_id, now, body, secrets)
        begun, status, problem = time.monotonic(), None, None
        seconds = self.settings.notification_timeout_ms / 1000
        allowed = self.settings.allow_private_notification_targets
        async with safety.open_client(allow_private=allowed, resolver=self.resolver) as client:
            try:
                status = await safety.post_json(client, url, body, seconds, signed)
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                _log.info("webhook_test_failed", reason=repr(error))
                problem = failures.in_words(error)
        return WebhookTrial(status, problem, round((time.monotonic() - begun) * 1000))
