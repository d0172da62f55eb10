"""One request and its answer: the application is asked as the HTTP server would ask it (ASGI 3)."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from enum import Enum
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from tallystick.web.api.asgi import CLOSE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallystick.cli.serving.direct.connections import DirectConnection
    from tallystick.web.api.asgi import Application, HttpAnswer, Message, Scope

Header: TypeAlias = tuple[bytes, bytes]

_log: Final = structlog.get_logger(__name__)

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus} | {
    203: "Non Authoritative Information",
    413: "Payload Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    418: "I'm a teapot",
}
"""What stands beside a status, where the HTTP server has other words than Python."""
_LINES: Final = {status: f"HTTP/1.1 {status} {reason}\r\n".encode() for status, reason in _REASONS.items()}
_SERVER: Final = b"server: granian\r\n"
"""What the HTTP server says of itself: an answer does not tell by which way it was given."""
_CLOSE: Final = b"connection: close\r\n"
_CHUNKED: Final = b"transfer-encoding: chunked\r\n"
_NO_CONTENT: Final = 204
_WITHOUT_BODY: Final = frozenset({_NO_CONTENT, 304})
_JOINED_BYTES: Final = 64 * 1024
"""A longer body is not copied to stand behind its headers."""
_FAILED: Final = b"Internal server error"


_CONSTANT: Final = frozenset(
    {b"cache-control", b"content-type", b"tallystick-version", b"vary", b"x-content-type-options"}
)
"""Headers that have a few values in all answers of an application: their lines are kept."""
_REQUEST_ID: Final = b"request-id"
_FIRST_OWN: Final = 3
"""Where answers in JSON have the id of their request, which no other answer has: those before it are kept."""
_MOST_KNOWN: Final = 256
_known_lines: Final[dict[tuple[bytes, bytes], bytes]] = {}


def _line(name: bytes, value: bytes) -> bytes:
    """A header's line. `name` in lower case. Raises RuntimeError: it would be more than a line."""
    line = b"%s: %s\r\n" % (name, value)
    if line.count(b"\n") != 1 or line.count(b"\r") != 1 or b"\0" in line:
        raise RuntimeError("a header of the answer has a line end or a NUL in it")
    if name in _CONSTANT and len(_known_lines) < _MOST_KNOWN:
        _known_lines[name, value] = line
    return line


@lru_cache(maxsize=_MOST_KNOWN)
def _around_length(
    status: int, headers: tuple[Header, ...], last: tuple[Header, ...], closes: bool
) -> tuple[bytes, bytes, bool]:
    """What stands before the length of a whole answer, what stands behind it but for its date, and `closes` as told."""
    before = b"".join([_LINES[status], *[_line(*header) for header in headers]])
    told = CLOSE in headers
    closes = closes or told or CLOSE in last
    close = _CLOSE if closes and not told and CLOSE not in last else b""
    return before, b"".join([*[_line(*header) for header in last], _SERVER, close]), closes


def whole_answer(answer: HttpAnswer, last: tuple[Header, ...], date: bytes, *, closes: bool) -> tuple[bytes, bool]:
    """An answer as an exchange writes it that gets it from `respond`, and whether nothing may follow it.

    `last`: headers behind its own and its length; all names in lower case. `date`: what ends the headers.
    """
    headers, body, own = answer.headers, answer.body, b""
    if len(headers) > _FIRST_OWN and headers[_FIRST_OWN][0] == _REQUEST_ID and CLOSE not in headers[_FIRST_OWN + 1 :]:
        own, headers = b"".join([_line(*header) for header in headers[_FIRST_OWN:]]), headers[:_FIRST_OWN]
    before, behind, closes = _around_length(answer.status, headers, last, closes)
    return b"%s%scontent-length: %d\r\n%s%s%s" % (before, own, len(body), behind, date, body), closes


class Dates:
    """The moment as answers tell it (RFC 9110, 5.6.7), made once a second by whoever calls `renew`."""

    __slots__ = ("line",)

    def __init__(self) -> None:
        self.line = b""
        self.renew()

    def renew(self) -> None:
        """Tell the moment that it is now. It ends the headers of an answer."""
        self.line = b"date: %s\r\n\r\n" % formatdate(usegmt=True).encode()


class _Stage(Enum):
    """How far an answer is. BEGUN: its status and headers are known and wait for the first part of the body."""

    NONE = 0
    BEGUN = 1
    SENDING = 2
    ENDED = 3


class Exchange:
    """A request that was read from `connection`, until its answer is written or its client is gone."""

    _read = False
    _gone = False
    _waiting: asyncio.Future[None] | None = None
    _stage = _Stage.NONE
    _head = b""
    _left: int | None = None
    """How much of the length that the application told is still to come; None: it told none."""
    _chunked = False
    _without_body = False
    task: asyncio.Task[None] | None = None
    """Kept here, since the loop itself keeps only a weak reference to it."""

    def __init__(self, connection: DirectConnection, body: bytes, *, closes: bool) -> None:
        self._connection = connection
        self._body = body
        self._closes = closes

    async def carry_out(self, application: Application, scope: Scope) -> None:
        """Have the request answered, whatever the application does."""
        try:
            await application(scope, self.receive, self.send)
        except Exception:  # noqa: BLE001 - the edge: whatever it was, the client hears of it
            _log.exception("application_failed")
        finally:
            self.task = None
            if self._stage is not _Stage.ENDED:
                self.end_without_answer()

    def end_without_answer(self) -> None:
        """Tell the client that there is none; where one has begun, hanging up is all that tells it."""
        if self._stage is _Stage.SENDING:
            self._end(complete=False)
            return
        self._left, self._without_body = None, False
        self._begin(HTTPStatus.INTERNAL_SERVER_ERROR, ())
        self._send_last(_FAILED)

    async def receive(self) -> Message:
        """The body; after it nothing, until the client is gone or has its answer."""
        if not self._read:
            self._read = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        if not self._gone and self._stage is not _Stage.ENDED:
            if self._waiting is None:
                self._waiting = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._waiting)  # others may wait for it too
        return {"type": "http.disconnect"}

    def client_is_gone(self) -> None:
        """Tell whoever waits to hear of it. The application goes on: what it does may not be half done."""
        self._gone = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def send(self, message: Message) -> None:
        """Take what the application says. What comes after the end of an answer, or of its client, is dropped.

        Raises RuntimeError: it is none of the messages of ASGI, or not its turn.
        """
        kind, stage = message["type"], self._stage
        if stage is _Stage.ENDED:
            return
        if kind == "http.response.body" and stage is not _Stage.NONE:
            data = bytes(message.get("body", b""))
            if message.get("more_body", False):
                self._send_part(data)
                await self._connection.until_writable()
            else:
                self._send_last(data)
        elif kind == "http.response.start" and stage is _Stage.NONE:
            self._begin(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError("Unsupported ASGI message")

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Write status and headers, but for those that depend on the body. Raises RuntimeError, ValueError."""
        lines = [_LINES.get(status) or b"HTTP/1.1 %d <none>\r\n" % status]
        told = b""
        for header in headers:
            line = _known_lines.get(header)
            if line is None:
                name, value = header
                name = name.lower()
                if name == b"content-length":
                    if status == _NO_CONTENT:
                        continue
                    self._left = int(value)
                elif name == b"connection" or name == b"server":  # noqa: PLR1714 - a set would be made each time
                    told += name
                    self._closes = self._closes or value.lower() == b"close"
                line = _line(name, value)
            lines.append(line)
        if b"server" not in told:
            lines.append(_SERVER)
        if self._closes or self._connection.is_ending():
            self._closes = True
            if b"connection" not in told:
                lines.append(_CLOSE)
        self._stage, self._head, self._without_body = _Stage.BEGUN, b"".join(lines), status in _WITHOUT_BODY

    def _send_last(self, data: bytes) -> None:
        """Send the rest of the body, with the headers if they wait."""
        if self._without_body:
            data, self._left = b"", None
        whole = self._left is None or self._left == len(data)
        if self._left is not None:
            data = data[: self._left]
        if self._stage is _Stage.BEGUN:
            if self._left is None and not self._without_body:
                self._head += b"content-length: %d\r\n" % len(data)
            head = self._head + self._connection.date()
            if len(data) <= _JOINED_BYTES:
                self._connection.write(head + data)
            else:
                self._connection.write(head)
                self._connection.write(data)
        elif self._chunked:
            self._connection.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n")
        else:
            self._connection.write(data)
        self._end(complete=whole)

    def _send_part(self, data: bytes) -> None:
        """Send some of the body, of which more follows."""
        head = b""
        if self._stage is _Stage.BEGUN:
            self._chunked = self._left is None and not self._without_body
            head = self._head + (_CHUNKED if self._chunked else b"") + self._connection.date()
            self._stage = _Stage.SENDING
        if self._without_body:
            data = b""
        elif self._chunked and data:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        elif self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        if head or data:
            self._connection.write(head + data)

    def _end(self, *, complete: bool) -> None:
        """The answer is written. `complete`: as long as it said; else hanging up tells the client."""
        self._stage = _Stage.ENDED
        if self._waiting is not None:
            self._wake()
        self._connection.answered(self, closes=self._closes or not complete)
