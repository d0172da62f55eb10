"""A test notification: signed like any other, about nothing, sent while somebody waits for what comes of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
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
    """What was posted, and what came of it: the receiver's HTTP status, or why there is none."""

    form: message.SignedForm
    status: int | None
    problem: str | None
    milliseconds: int

    @property
    def arrived(self) -> bool:
        """Whether a notification would count as delivered."""
        return self.status is not None and httpx.codes.is_success(self.status)


@dataclass(frozen=True, slots=True)
class Tester:
    """Sends test notifications under the same rules as NotificationSender sends real ones."""

    pool: Pool
    vault: Vault
    settings: Settings
    resolver: safety.Resolve = safety.resolve

    async def send(
        self, url: str, recipient: Mapping[str, str], now: datetime, method: str = signing.RSA_METHOD
    ) -> Trial:
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
        begun = time.monotonic()
        status, problem = await self._post(form)
        return Trial(form, status, problem, round((time.monotonic() - begun) * 1000))

    async def _post(self, form: message.SignedForm) -> tuple[int | None, str | None]:
        seconds = self.settings.notification_timeout_ms / 1000
        allowed = self.settings.allow_private_notification_targets
        async with safety.open_client(allow_private=allowed, resolver=self.resolver) as client:
            try:
                return await safety.post_form(client, form.url, form.body, seconds), None
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                _log.info("test_notification_failed", reason=repr(error))
                return None, failures.in_words(error)
