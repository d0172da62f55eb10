"""The two clients: `Tallystick`, which blocks, and `AsyncTallystick`, for an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self

import httpx

from tallystick_client.async_resources import AsyncResources
from tallystick_client.core import AsyncCore, Core
from tallystick_client.endpoints import API_VERSION
from tallystick_client.exchange import Caller, Retries
from tallystick_client.resources import Resources

TIMEOUT_SECONDS: Final = 30.0


class Tallystick(Resources):
    """The service, as one key sees it. Any number of threads may use one.

    `http`: a client of yours, with its own time limits, proxies and certificates; it stays open. `sleep`: for tests.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retries: Retries = Retries(),  # noqa: B008 - it cannot be changed
        http: httpx.Client | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        caller = Caller(api_key, base_url, API_VERSION)
        self._http = httpx.Client(timeout=timeout) if http is None else http
        self._is_own = http is None
        super().__init__(Core(caller, self._http, retries, sleep))

    def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncTallystick(AsyncResources):
    """The service, as one key sees it, for one event loop.

    `http`: a client of yours, with its own time limits, proxies and certificates; it stays open. `sleep`: for tests.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retries: Retries = Retries(),  # noqa: B008 - it cannot be changed
        http: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        caller = Caller(api_key, base_url, API_VERSION)
        self._http = httpx.AsyncClient(timeout=timeout) if http is None else http
        self._is_own = http is None
        super().__init__(AsyncCore(caller, self._http, retries, sleep))

    async def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()
