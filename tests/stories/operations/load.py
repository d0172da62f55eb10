"""Programs that pay without a pause while processes of the service end and start, and what those have logged."""

from __future__ import annotations

import asyncio
import json
import ssl
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from tests.stories.operations.program import STOP_SECONDS
from tests.support.books import Buyer
from tests.support.schemas import CHECKED
from tests.support.shop import Shop

CLIENTS = 6
EACH_TIME = 60
"""Payments that must have been answered before the next thing happens."""


@asynccontextmanager
async def ended_after(process: Process) -> AsyncIterator[Process]:
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def log_of(process: Process, said: Awaitable[tuple[bytes, bytes]] | None = None) -> list[dict[str, Any]]:
    """The lines that it logged, when it has ended well. `said`: its `communicate`, where that was begun before."""
    out, log = await asyncio.wait_for(said or process.communicate(), STOP_SECONDS)
    assert process.returncode == 0, (out + log).decode()
    return [json.loads(line) for line in log.splitlines() if line.startswith(b"{")]  # warnings come first


def paid(log: list[dict[str, Any]]) -> list[str]:
    """The requests that paid, by their ids."""
    return [line["request_id"] for line in log if (line["event"], line.get("outcome")) == ("request", "ok")]


@dataclass
class Load:
    """Clients that pay again and again; half of them over connections that they keep."""

    shop: Shop
    buyer: Buyer
    trust: ssl.SSLContext = CHECKED["verify"]
    pause_seconds: float = 0.0
    paid: int = 0
    failed: list[str] = field(default_factory=list)
    told_to_close: set[int] = field(default_factory=set)
    over: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def client(self, number: int) -> None:
        async def note(response: httpx.Response) -> None:
            if response.headers.get("connection") == "close":
                self.told_to_close.add(number)

        kept = None if number % 2 else 0
        limits = httpx.Limits(max_keepalive_connections=kept)
        async with httpx.AsyncClient(timeout=120, limits=limits, **{**CHECKED, "verify": self.trust}) as http:
            http.event_hooks["response"].append(note)
            shop, turn = replace(self.shop, client=http), 0
            while not self.over:
                turn += 1
                try:
                    code = (await shop.pay(self.buyer, "0.01", f"order-{number}-{turn}")).code
                except httpx.TransportError as error:
                    code = repr(error)
                await asyncio.sleep(self.pause_seconds)
                async with self.changed:
                    if code is None:
                        self.paid += 1
                    else:
                        self.failed.append(code)
                    self.changed.notify_all()

    async def until_more_are_paid(self) -> None:
        wanted = self.paid + EACH_TIME
        async with self.changed:
            await self.changed.wait_for(lambda: self.paid >= wanted or self.failed)
        assert self.failed == []

    async def until_all_connections_close(self) -> None:
        """Every client was told so, in its last answer or before: none has a connection that it would use again."""
        self.told_to_close.clear()
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.told_to_close) == CLIENTS or self.failed)
        assert self.failed == []
