"""Whether a host belongs to a seller: it shows a token of that seller's at a well-known path, over https.

Fetched by the client for addresses that strangers choose, so that asking proves nothing about our own network.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

import httpx

from tallystick.notify import failures, safety
from tallystick.settings import Settings

PATH: Final = "/.well-known/tallystick-return-host"
_HTTPS_PORT: Final = 443


class NotProvedError(Exception):
    """The host does not show the token; the message says to people what came instead."""


@dataclass(frozen=True, slots=True)
class HostProver:
    """Looks for tokens at hosts. `tls`, `resolver`, `port`: as sending does, except in tests."""

    settings: Settings
    tls: ssl.SSLContext | None = None
    resolver: safety.Resolve = safety.resolve
    port: int = _HTTPS_PORT

    def address(self, host: str) -> str:
        """Where a host has to show the token."""
        named = f"[{host}]" if ":" in host else host
        return f"https://{named}{'' if self.port == _HTTPS_PORT else f':{self.port}'}{PATH}"

    async def check(self, host: str, token: str) -> None:
        """The token is a line of the file. Raises NotProvedError."""
        url, seconds = self.address(host), self.settings.notification_timeout_ms / 1000
        allowed = self.settings.allow_private_notification_targets
        async with safety.open_client(allow_private=allowed, tls=self.tls, resolver=self.resolver) as client:
            try:
                status, text = await safety.get_text(client, url, seconds)
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                raise NotProvedError(f"{url} cannot be read: {failures.in_words(error)}") from error
        if status != httpx.codes.OK:
            raise NotProvedError(f"{url} answered {status}; it must answer 200 without leading elsewhere")
        if token not in [line.strip() for line in text.splitlines()]:
            raise NotProvedError(f"{url} does not have the line {token}")
