"""Events on their way from the fake to the service: some are lost, some come twice, and later ones come first."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, web
from tests.support.stripe.faults import Faults

_SIGNATURE = "Stripe-Signature"
_LOST = 0.3
_TWICE = 0.3
_LATE = 0.3
_LATE_SECONDS = 2.0


@dataclass
class Hooks:
    """`target`: the service's address for events; None: all are lost."""

    session: ClientSession
    faults: Faults
    target: str | None = None
    happened: Counter[str] = field(default_factory=Counter)
    _on_their_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One event of the fake's, signed by it."""
        body, signature = await request.read(), request.headers[_SIGNATURE]
        if self.target is None or self.faults.chance(_LOST):
            self.happened["lost"] += 1
            return web.Response()
        for _ in range(2 if self.faults.chance(_TWICE) else 1):
            delay = _LATE_SECONDS if self.faults.chance(_LATE) else 0.0
            task = asyncio.create_task(self._deliver(body, signature, delay))
            self._on_their_way.add(task)
            task.add_done_callback(self._on_their_way.discard)
        return web.Response()

    async def _deliver(self, body: bytes, signature: str, delay: float) -> None:
        await asyncio.sleep(delay)
        if self.target is None:
            return
        try:
            async with self.session.post(self.target, data=body, headers={_SIGNATURE: signature}) as answer:
                self.happened[f"answered {answer.status}"] += 1
        except ClientError:  # the service is dead at the moment; a real Stripe would try again
            self.happened["nobody there"] += 1

    async def close(self) -> None:
        """Let go of what is on its way."""
        self.target = None
        await asyncio.gather(*self._on_their_way)
