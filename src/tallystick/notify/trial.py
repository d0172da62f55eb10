"""A test of an address, sent while somebody waits for what comes of it; a test notification is signed like any other.

Tests of webhooks are in webhook_trial.py.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

import httpx
import structlog

from tallystick.db.connections import Pool
from tallystick.domain.messages import signing
from tallystick.domain.messages.signed_messages import MessageSigner
from tallystick.notify import failures, message, safety
from tallystick.settings import Settings
from tallystick.store.keys import signing_keys
from tallystick.store.keys.vault import Vault

TEST: Final = "Test"
"""The notificationType. Receivers that know only the protocol's own types ignore it."""

_SENTENCE: Final = "A test: there is no transaction behind it, and no money moved."

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a test: the receiver's HTTP status, or why there is none."""

    status: int | None
    problem: str | None
    milliseconds: int

    @property
    def arrived(self) -> bool:
        """Whether it would count as delivered."""
        return self.status is not None and httpx.codes.is_success(self.status)


@dataclass(frozen=True, slots=True)
class NotificationTrial(Trial):
    """The same, and what was posted."""

    form: message.SignedForm


async def attempt(
    settings: Settings,
    resolver: safety.Resolve,
    post: Callable[[httpx.AsyncClient, float], Awaitable[int]],
    failed: str,
) -> Trial:
    """Let `post` send by a client that keeps to the rules of all deliveries, in as many seconds as any may take.

    `failed`: what the log calls it that nothing answered.
    """
    begun, status, problem = time.monotonic(), None, None
    seconds = settings.notification_timeout_ms / 1000
    allowed = settings.allow_private_notification_targets
    async with safety.open_client(allow_private=allowed, resolver=resolver) as client:
        try:
            status = await post(client, seconds)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            _log.info(failed, reason=repr(error))
            problem = failures.in_words(error)
    return Trial(status, problem, round((time.monotonic() - begun) * 1000))


@dataclass(frozen=True, slots=True)
class Tester:
    """Sends test notifications under the same rules as NotificationSender sends real ones."""

    pool: Pool
    vault: Vault
    settings: Settings
    resolver: safety.Resolve = safety.resolve

    async def send(
        self, url: str, recipient: Mapping[str, str], now: datetime, method: str = signing.RSA_METHOD
    ) -> NotificationTrial:
        """Post to `url` and wait, no longer than any notification may take. `recipient`: fields about the seller.

        `method`: one of signing.RSA_METHODS, as the seller chose.

        Raises ValueError: not an absolute http or https URL.
        """
        async with self.pool.acquire() as connection:
            key = await signing_keys.ensure_current(connection, self.vault, now)
        signer = MessageSigner(self.settings.public_url, key.name, key.private_key, method)
        fields = {
            "notificationType": TEST,
            "transactionDate": str(int(now.timestamp())),
            "statusMessage": _SENTENCE,
            **recipient,
        }
        form = message.signed_form(signer, url, str(uuid4()), fields)

        async def post(client: httpx.AsyncClient, seconds: float) -> int:
            return await safety.post_form(client, form.url, form.body, seconds)

        came_to = await attempt(self.settings, self.resolver, post, "test_notification_failed")
        return NotificationTrial(came_to.status, came_to.problem, came_to.milliseconds, form)
