"""How requests to Stripe travel: one attempt, a deadline, no redirects.

The library's own transport for httpx gives bodies in a way that httpx calls deprecated.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import stripe


class HttpxTransport(stripe.HTTPClient):
    """Requests over connections that are kept; for coroutines only."""

    name = "httpx"

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__()
        self._client = httpx.AsyncClient(timeout=timeout_seconds, follow_redirects=False)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | bytes | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request. Raises stripe.APIConnectionError: there is no answer, whatever has happened."""
        try:
            response = await self._client.request(method, url, headers=dict(headers), content=post_data)
        except httpx.HTTPError as error:
            message = f"no answer from Stripe: {type(error).__name__} {error}"
            raise stripe.APIConnectionError(message) from error  # type: ignore[no-untyped-call]
        return response.content, response.status_code, response.headers

    async def close_async(self) -> None:
        """Close the connections."""
        await self._client.aclose()
