"""The reader behind `tallystick listen`: takes events from /v1/events, prints them and posts them on, signed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Any, Final

import httpx
import msgspec

from tallystick.cli.console import ProblemError, complain, tell, tell_json
from tallystick.notify import webhook_content

PAUSE_SECONDS: Final = 1.0
_GONE: Final = 410
_PAGE: Final = 100
_AWAY: Final = frozenset({429, 500, 502, 503, 504})
"""What is answered by a service that has too much to do, or by a proxy before one that is replaced just now."""


class ServiceAwayError(Exception):
    """The service has no answer now; the same request may have one in a while."""


@dataclass(slots=True)
class EventListener:
    """Reads from a service with a bearer secret. `forward_to`: where events are posted; None: they are only printed."""

    http: httpx.AsyncClient
    service_url: str
    bearer: str = field(repr=False)
    forward_to: str | None = None
    json: bool = False
    secret: bytes = field(default_factory=lambda: token_bytes(32), repr=False)
    pause_seconds: float = PAUSE_SECONDS
    place: int = 0
    """The number of the last event that was dealt with."""

    async def run(self, after: int | None) -> None:
        """Listen until cancelled: from the number `after` on, or from now.

        Raises ProblemError, and TransportError, ServiceAwayError where the service does not answer at the beginning:
        later it is asked until it does.
        """
        self.place = await self.last_number() if after is None else after
        if self.json:
            tell_json({"listening_after": self.place, "secret": webhook_content.secret_text(self.secret)})
        else:
            tell(f"Listening to {self.service_url} after event {self.place}.")
            if self.forward_to is not None:
                tell(f"Events go to {self.forward_to}, signed by {webhook_content.secret_text(self.secret)}")
        is_away = False
        while True:
            try:
                await self.step()
            except (httpx.TransportError, ServiceAwayError) as error:
                if not is_away:  # once, and not among the events
                    complain(f"the service does not answer: {_words(error)}. It is asked again until it does.")
                is_away = True
            else:
                if is_away:
                    complain("the service answers again.")
                is_away = False
            await asyncio.sleep(self.pause_seconds)

    async def step(self) -> None:
        """Deal with all events that come next. Raises ProblemError, TransportError, ServiceAwayError."""
        while page := await self._page(self.place, _PAGE):
            for event in page:
                await self._take(event)
                self.place = int(event["sequence"])  # what has been dealt with stays so, whatever the next answer is

    async def last_number(self) -> int:
        """The number of the last event, found by halves: the list begins with the oldest. Raises as `step`."""
        low, high = 0, 1
        while await self._is_after(high):
            low, high = high, 2 * high
        if low == 0 and not await self._is_after(0):
            return 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if await self._is_after(middle) else (low, middle)
        return high

    async def _is_after(self, number: int) -> bool:
        """Whether there is an event with a higher number, also where it is kept no longer."""
        answer = await self._ask(number, 1)
        return answer.status_code == _GONE or bool(_data(answer))

    async def _page(self, after: int, limit: int) -> list[dict[str, Any]]:
        return _data(await self._ask(after, limit))

    async def _ask(self, after: int, limit: int) -> httpx.Response:
        return await self.http.get(
            f"{self.service_url}/v1/events",
            params={"after": str(after), "limit": str(limit)},
            headers={"authorization": f"Bearer {self.bearer}"},
        )

    async def _take(self, event: dict[str, Any]) -> None:
        """Print an event and post it on; one that does not arrive is told so, and the next one follows."""
        came_to = "" if self.forward_to is None else await self._forward(self.forward_to, event)
        if self.json:
            tell_json(event | ({"forwarded": came_to} if came_to else {}))
        else:
            tell(f"{event['sequence']:>6}  {event['type']}  {event['data'].get('id', '')}  {came_to}".rstrip())

    async def _forward(self, url: str, event: dict[str, Any]) -> str:
        body = msgspec.json.encode(event)
        signed = webhook_content.signed_headers(event["id"], datetime.now(UTC), body, [self.secret])
        try:
            answer = await self.http.post(url, content=body, headers={**signed, "content-type": "application/json"})
        except httpx.HTTPError as error:
            return f"it did not arrive: {_words(error)}"
        return str(answer.status_code)


def _words(error: Exception) -> str:
    """What an error says; those about time say nothing but their names."""
    return str(error) or type(error).__name__


def _data(answer: httpx.Response) -> list[dict[str, Any]]:
    if answer.status_code in _AWAY:
        raise ServiceAwayError(f"it answered {answer.status_code}")
    if answer.status_code != httpx.codes.OK:
        raise ProblemError(f"the service answered {answer.status_code}: {answer.text[:300]}")
    found: list[dict[str, Any]] = answer.json()["data"]
    return found
