"""A test of an endpoint: signed like an event, about nothing, sent while somebody waits for what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.notify import safety, webhook_content
from tallystick.notify.trial import Trial, attempt
from tallystick.settings import Settings

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class WebhookTester:
    """Sends tests under the same rules as WebhookSender sends events."""

    settings: Settings
    resolver: safety.Resolve = safety.resolve

    async def send(self, test_id: str, url: str, secrets: Sequence[bytes], now: datetime) -> Trial:
        """Post to `url` and wait, no longer than any delivery may take."""
        body = webhook_content.body_of(webhook_content.test_object(test_id, now))
        signed = webhook_content.signed_headers(test_id, now, body, secrets)

        async def post(client: httpx.AsyncClient, seconds: float) -> int:
            return await safety.post_json(client, url, body, seconds, signed)

        return await attempt(self.settings, self.resolver, post, "webhook_test_failed")
