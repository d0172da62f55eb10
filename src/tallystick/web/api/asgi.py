"""What the service speaks with its HTTP server, and the front that keeps the hot path short.

The query API and SOAP live at ``/`` and nowhere else; everything else goes to the pages, so that a Pay never walks
through middleware that is made for people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from msgspec import Struct

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]


class BodyTooLargeError(Exception):
    """The body of a request is larger than what is read."""


DRAINED_BYTES: Final = 1 << 20
DRAINED_SECONDS: Final = 2.0
"""How much of a body that is too large, and for how long, is read and thrown away before it is refused. A server that
hangs up on somebody who is still sending takes the answer away from them: their system drops what it has not read yet.
"""


class ClientGoneError(Exception):
    """The client hung up before its request was whole; nobody waits for an answer."""


BATCH_PATH: Final = "/v1/payments/batch"
SOAP_TYPES: Final = (b"text/xml", b"application/soap+xml")


@dataclass(frozen=True, slots=True)
class Front:
    """Sends ``/`` to the query API or to SOAP, batches to theirs, all the rest, start and end too, to the pages."""

    query_api: Application
    soap: Application
    batch_api: Application
    pages: Application

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request: what is to be awaited is the application's own coroutine."""
        application, path = self.pages, scope["path"] if scope["type"] == "http" else None
        if path in {"/", ""}:
            application = self.soap if is_soap(scope) else self.query_api
        elif path == BATCH_PATH:
            application = self.batch_api
        return application(scope, receive, send)


def is_soap(scope: Scope) -> bool:
    """Whether a request for ``/`` is an envelope: it says so by its content type or by naming a SOAPAction."""
    if scope["method"] != "POST":
        return False
    for name, value in scope["headers"]:
        if name == b"soapaction" or (name == b"content-type" and value.lower().startswith(SOAP_TYPES)):
            return True
    return False


@dataclass(slots=True)
class LoadedLate:
    """An application whose code is loaded with its first request, in a thread: meanwhile others are answered."""

    load: Callable[[], Application]
    _application: Application | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if self._application is None:
            self._application = await asyncio.to_thread(self.load)
        await self._application(scope, receive, send)


def header(scope: Scope, name: bytes) -> str:
    """The value of a header, empty when it was not sent. `name` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """The whole body. Raises BodyTooLargeError, without keeping the rest of it, and ClientGoneError."""
    announced = header(scope, b"content-length")
    too_large = announced.isdecimal() and int(announced) > max_bytes
    body, more = b"", True
    while more and not too_large:
        part, more = await _next_part(receive)
        body += part
        too_large = len(body) > max_bytes
    if not too_large:
        return body
    if more:
        await _drain(receive)
    raise BodyTooLargeError


async def _next_part(receive: Receive) -> tuple[bytes, bool]:
    """What came next of a body, and whether there is more. Raises ClientGoneError."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return bytes(message.get("body", b"")), bool(message.get("more_body", False))


async def _drain(receive: Receive) -> None:
    """Let somebody who sends too much finish, within limits, so that they can hear of it. Raises ClientGoneError."""
    left, more = DRAINED_BYTES, True
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_SECONDS):
            while more and left > 0:
                part, more = await _next_part(receive)
                left -= len(part)


CLOSE: Final = (b"connection", b"close")
"""For answers to requests that may not have been read to their end: nothing can follow them on the connection."""


class HttpAnswer(Struct, frozen=True):
    """A whole answer; its length is told besides `headers`."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


async def respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send a whole answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
