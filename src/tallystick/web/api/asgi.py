"""What the service speaks with its HTTP server: the body of a request, a whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
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


class ClientGoneError(Exception):
    """The client hung up before its request was whole; nobody waits for an answer."""


BATCH_PATH: Final = "/v1/payments/batch"
JSON_PATHS: Final = "/v1/"
_LANGUAGE: Final = b"lang="
SOAP_TYPES: Final = (b"text/xml", b"application/soap+xml")


def unknown_address(_scope: Scope) -> None:
    """Where nobody can tell from which address a request came."""


def is_soap(scope: Scope) -> bool:
    """Whether a request for ``/`` is an envelope: it says so by its content type or by naming a SOAPAction."""
    if scope["method"] != "POST":
        return False
    for name, value in scope["headers"]:
        if name == b"soapaction" or (name == b"content-type" and value.lower().startswith(SOAP_TYPES)):
            return True
    return False


def is_browser(scope: Scope) -> bool:
    """Whether a request for ``/`` is somebody who looks what is there, and no call.

    A call has parameters, whatever it says that it accepts: the HTTP client of old Java accepts HTML. Browsers have
    none, or the language that the page's own links choose.
    """
    if scope["method"] == "POST":
        return False
    query = scope.get("query_string", b"")
    if query and not query.startswith(_LANGUAGE):
        return False
    return scope["method"] in {"GET", "HEAD"} and "text/html" in header(scope, b"accept").lower()


@dataclass(slots=True)
class LazyApplication:
    """An application whose code is loaded with its first request, in a thread: meanwhile others are answered.

    Once for all who ask before it is there, whoever of them gives up; again for the next one, where that failed.
    """

    load: Callable[[], Application]
    _application: Application | None = None
    _loading: asyncio.Task[Application] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        application = self._application or await self._loaded()
        await application(scope, receive, send)

    async def _loaded(self) -> Application:
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self.load))
            self._loading.add_done_callback(self._keep)
        return await asyncio.shield(self._loading)

    def _keep(self, loading: asyncio.Task[Application]) -> None:
        self._loading = None
        if not loading.cancelled() and loading.exception() is None:
            self._application = loading.result()


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
    if too_large:
        raise BodyTooLargeError
    return body


async def _next_part(receive: Receive) -> tuple[bytes, bool]:
    """What came next of a body, and whether there is more. Raises ClientGoneError."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return bytes(message.get("body", b"")), bool(message.get("more_body", False))


CLOSE: Final = (b"connection", b"close")
"""For answers to requests that may not have been read to their end: nothing can follow them on the connection."""


class HttpAnswer(Struct, frozen=True):
    """A whole answer; its length is told besides `headers`."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


async def live(receive: Receive, send: Send) -> None:
    """Tell a server that we are ready, and at its end that it may end: nothing of ours begins or ends with it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send a whole answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
