"""Sends what resources ask for: once blocking, once in an event loop. All else is in exchange.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from tallystick_client.base import Awaited, Page
from tallystick_client.endpoint import Endpoint
from tallystick_client.endpoints import READ
from tallystick_client.exchange import Attempts, Caller, Request, Retries
from tallystick_client.listing import AsyncListing, Listing
from tallystick_client.waiting import Waiting

T = TypeVar("T")
W = TypeVar("W", bound=Awaited)

Inputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Core:
    """Blocking. `sleep`: as `time.sleep`."""

    caller: Caller
    http: httpx.Client
    retries: Retries
    sleep: Callable[[float], object]

    def one(self, endpoint: Endpoint, kind: type[T], subject: str | None, inputs: Inputs, key: str | None = None) -> T:
        """Ask, and read the one object of the answer. Raises TallystickError."""
        request = self.caller.prepared(endpoint, subject, inputs, key)
        return self._can_wait(request.read(self._send(request), kind))

    def many(self, endpoint: Endpoint, kind: type[T], inputs: Inputs, subject: str | None = None) -> Listing[T]:
        """A list that is asked for while it is read. `subject`: what it belongs to."""

        def fetch(cursor: str | None) -> Page[T]:
            given = inputs if cursor is None else {**inputs, "cursor": cursor}
            request = self.caller.prepared(endpoint, subject, given, None)
            page = request.read_page(self._send(request), kind)
            for one in page.data:
                self._can_wait(one)
            return page

        return Listing(fetch, inputs.get("cursor"))

    def wait(self, endpoint: Endpoint, kind: type[W], subject: str, seconds: float) -> W:
        """Look until it is no longer pending. Raises TallystickError."""
        waiting = Waiting(seconds)
        while True:
            found = self.one(endpoint, kind, subject, {})
            pause = waiting.after(found)
            if pause is None:
                return found
            self.sleep(pause)

    def _send(self, request: Request) -> httpx.Response:
        attempts = Attempts(request, self.retries)
        while True:
            try:
                answer = self.http.request(
                    request.endpoint.method,
                    request.url,
                    headers=request.headers,
                    params=request.query,
                    content=request.content or None,
                    follow_redirects=False,  # the secret goes nowhere else
                )
            except httpx.TransportError as error:
                pause = attempts.after_silence(error)
            else:
                after = attempts.after_answer(answer)
                if after is None:
                    return answer
                pause = after
            self.sleep(pause)

    def _can_wait(self, found: T) -> T:
        if isinstance(found, Awaited):
            found._asks(self._wait_for)  # noqa: SLF001 - of the same library
        return found

    def _wait_for(self, found: Any, seconds: float) -> Any:  # noqa: ANN401 - whatever can be waited for
        """What `Awaited.wait` does: nothing is asked where it is over already."""
        waiting = Waiting(seconds)
        while (pause := waiting.after(found)) is not None:
            self.sleep(pause)
            found = self.one(READ[type(found).__name__], type(found), found.id, {})
        return found


@dataclass(frozen=True, slots=True)
class AsyncCore:
    """In an event loop. `sleep`: as `asyncio.sleep`."""

    caller: Caller
    http: httpx.AsyncClient
    retries: Retries
    sleep: Callable[[float], Awaitable[object]]

    async def one(
        self, endpoint: Endpoint, kind: type[T], subject: str | None, inputs: Inputs, key: str | None = None
    ) -> T:
        """Ask, and read the one object of the answer. Raises TallystickError."""
        request = self.caller.prepared(endpoint, subject, inputs, key)
        return request.read(await self._send(request), kind)

    def many(self, endpoint: Endpoint, kind: type[T], inputs: Inputs, subject: str | None = None) -> AsyncListing[T]:
        """A list that is asked for while it is read. `subject`: what it belongs to."""

        async def fetch(cursor: str | None) -> Page[T]:
            given = inputs if cursor is None else {**inputs, "cursor": cursor}
            request = self.caller.prepared(endpoint, subject, given, None)
            return request.read_page(await self._send(request), kind)

        return AsyncListing(fetch, inputs.get("cursor"))

    async def wait(self, endpoint: Endpoint, kind: type[W], subject: str, seconds: float) -> W:
        """Look until it is no longer pending. Raises TallystickError."""
        waiting = Waiting(seconds)
        while True:
            found = await self.one(endpoint, kind, subject, {})
            pause = waiting.after(found)
            if pause is None:
                return found
            await self.sleep(pause)

    async def _send(self, request: Request) -> httpx.Response:
        attempts = Attempts(request, self.retries)
        while True:
            try:
                answer = await self.http.request(
                    request.endpoint.method,
                    request.url,
                    headers=request.headers,
                    params=request.query,
                    content=request.content or None,
                    follow_redirects=False,  # the secret goes nowhere else
                )
            except httpx.TransportError as error:
                pause = attempts.after_silence(error)
            else:
                after = attempts.after_answer(answer)
                if after is None:
                    return answer
                pause = after
            await self.sleep(pause)
