"""Whether the bytes of a connection are one whole plain request, and what it says.

Plain is a narrow part of HTTP/1.1 (RFC 9112) that every reader of HTTP understands in the same way: a GET without a
body or a POST with a length, of ``/`` or below ``/v1``; each header once, on one line, of visible ASCII; nothing after
it. Whatever else there is, right or wrong, is said to be OTHER, and no more: the HTTP server reads it anew, and is the
only one that says what is wrong with a request.
"""

from __future__ import annotations

import re
from enum import Enum
from string import ascii_letters, digits
from typing import Final, Protocol, TypeAlias

from tallystick.domain.speedups import plain_heads

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_BODY_BYTES: Final = 64 * 1024
_MAX_HEADERS: Final = 64
_MAX_KEPT_BYTES: Final = 2 * 1024
"""Longer headers are read each time: a connection keeps what it has read of them until its next request."""

_VERSION: Final = b" HTTP/1.1"
_PATH: Final = re.compile(rb"/v1(?:/[\w~-][\w.~-]*)*")
_IN_QUERIES: Final = f"{ascii_letters}{digits}-._~%!$&'()*+,;=:@/?".encode()
"""What RFC 3986 (3.4) lets stand in a query. Whether a % begins an escape is the application's business."""
_HEADER: Final = re.compile(rb"([\w-]+): ?((?:[!-~](?:[ -~]*[!-~])?)?)")
_LENGTH: Final = re.compile(rb"0|[1-9][0-9]{0,6}")
_NOT_PLAIN: Final = frozenset(
    {
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers by which a client asks something of the server, or says how the request goes on."""

Header: TypeAlias = tuple[bytes, bytes]


class RequestReading(Enum):
    """What the bytes are. INCOMPLETE: perhaps the beginning of a plain request. OTHER: none of our business."""

    WHOLE = 0
    INCOMPLETE = 1
    OTHER = 2


_READINGS: Final = (RequestReading.WHOLE, RequestReading.INCOMPLETE, RequestReading.OTHER)


class RequestReader(Protocol):
    """Reads the requests of one connection. Most have the same headers as the one before: those are read once.

    After WHOLE its attributes tell the request. `said`: its headers, to look up by their names in lower case.
    `closes`: the client asks nothing else on this connection.
    """

    method: str
    path: str
    query: bytes
    body: bytes
    closes: bool
    said: dict[bytes, bytes]

    @property
    def headers(self) -> list[Header]:
        """Those of the request, names in lower case; a list for its reader to keep."""

    def read(self, data: bytes) -> RequestReading:
        """Read `data`, which begins where a request does."""


def request_reader() -> RequestReader:
    """A reader for a new connection: the compiled one, where there is one."""
    if plain_heads is None:
        return RequestReaderInPython()
    made: RequestReader = plain_heads.RequestReader(_READINGS)
    return made


class RequestReaderInPython:
    """The reader that tells what is right, and serves where nothing was compiled."""

    __slots__ = ("_block", "_headers", "_length", "_lines", "body", "closes", "method", "path", "query", "said")

    def __init__(self) -> None:
        self.method = ""
        self.path = ""
        self.query = b""
        self.body = b""
        self.closes = False
        self.said: dict[bytes, bytes] = {}
        self._block = b""
        self._lines: dict[bytes, Header] = {}
        self._headers: list[Header] = []
        self._length = -1

    @property
    def headers(self) -> list[Header]:
        """Those of the request."""
        return self._headers.copy()

    def read(self, data: bytes) -> RequestReading:
        """Read `data`, which begins where a request does."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return RequestReading.INCOMPLETE if _may_become_plain(data) else RequestReading.OTHER
        line = data.find(b"\r\n")
        if end > MAX_HEAD_BYTES or not self._reads_line(data[:line]) or not self._knows(data[line + 2 : end + 2]):
            return RequestReading.OTHER
        sent = len(data) - end - 4
        if self.method == "GET":
            self.body = b""
            return RequestReading.OTHER if self._length != -1 or sent else RequestReading.WHOLE
        if sent == self._length:
            self.body = data[end + 4 :]
            return RequestReading.WHOLE
        return RequestReading.INCOMPLETE if sent < self._length else RequestReading.OTHER

    def _reads_line(self, line: bytes) -> bool:
        """Read the first line; whether it is that of a plain request."""
        if not line.endswith(_VERSION):
            return False
        if line.startswith(b"GET /"):
            self.method, target = "GET", line[4:-9]
        elif line.startswith(b"POST /"):
            self.method, target = "POST", line[5:-9]
        else:
            return False
        path, _, self.query = target.partition(b"?")
        if self.query and self.query.translate(None, _IN_QUERIES):
            return False
        if path == b"/":
            self.path = "/"
            return True
        self.path = path.decode("latin-1")
        return _PATH.fullmatch(path) is not None

    def _knows(self, block: bytes) -> bool:
        """Read headers, each with the end of its line; whether they are those of a plain request."""
        if block and block == self._block:
            return True
        self._block, known = b"", self._lines
        lines, headers = block.split(b"\r\n", _MAX_HEADERS), []
        if lines.pop():  # more of them, or no end of the last one
            return False
        for line in lines:
            header = known.get(line) or _header(line)
            if header is None:
                return False
            headers.append(header)
        said = dict(headers)
        if len(said) != len(headers) or not said.get(b"host") or not _NOT_PLAIN.isdisjoint(said):
            return False
        connection, length = said.get(b"connection", b"keep-alive").lower(), said.get(b"content-length")
        if connection not in {b"keep-alive", b"close"} or (length is not None and _LENGTH.fullmatch(length) is None):
            return False
        self._headers, self.said, self.closes = headers, said, connection == b"close"
        self._length = -1 if length is None else int(length)
        if len(block) <= _MAX_KEPT_BYTES and self._length <= MAX_BODY_BYTES:
            self._block, self._lines = block, dict(zip(lines, headers, strict=True))
        return self._length <= MAX_BODY_BYTES


def _header(line: bytes) -> Header | None:
    found = _HEADER.fullmatch(line)
    return None if found is None else (found[1].lower(), found[2])


def _may_become_plain(data: bytes) -> bool:
    """Whether these bytes, which are no whole head, may be the beginning of one."""
    if len(data) > MAX_HEAD_BYTES or not (b"GET /".startswith(data[:5]) or b"POST /".startswith(data[:6])):
        return False
    return data.count(b"\n") == data.count(b"\r\n")
