"""What senders of events have in common: attempts under way, how long each may take, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tallystick.notify import safety

if TYPE_CHECKING:
    import httpx

    from tallystick.db.connections import Pool
    from tallystick.settings import Settings
    from tallystick.store.keys.vault import Vault
    from tallystick.tracing.spans import Tracing

_LEASE_MARGIN: Final = timedelta(seconds=30)
_GRACE_SECONDS: Final = 2

Attempt = TypeVar("Attempt")
"""What a sender has to know of an attempt under way."""


@dataclass
class EventSender(Generic[Attempt]):
    """Sends what is due. `clock` is real time; a book's test clock has no part in this.

    While it is not trusted it raises WrongClockError, and nothing is claimed or given up. `transport`: another way to
    receivers than over the network.
    """

    pool: Pool
    vault: Vault
    settings: Settings
    clock: Callable[[], datetime]
    resolver: safety.Resolve = safety.resolve
    transport: httpx.AsyncBaseTransport | None = None
    tracing: Tracing | None = None
    _under_way: dict[asyncio.Task[None], Attempt] = field(default_factory=dict)

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        allowed = self.settings.allow_private_notification_targets
        return safety.open_client(allow_private=allowed, resolver=self.resolver, transport=self.transport)

    @property
    def _timeout(self) -> timedelta:
        return timedelta(milliseconds=self.settings.notification_timeout_ms)

    @property
    def lease(self) -> timedelta:
        """How long other workers leave alone what was claimed: longer than any attempt takes."""
        return self._timeout + _LEASE_MARGIN

    async def idle(self) -> None:
        """Wait until every attempt that was started has ended."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def slot_free(self, at_most_seconds: float) -> None:
        """Wait until an attempt that was started has ended, or for the given time."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=at_most_seconds, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Wait a short while for attempts in flight, then cancel them: what they send is due again after the lease."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=_GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._client.aclose()
