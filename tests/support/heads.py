"""Requests of HTTP as clients send them, and as nobody should: what readers of them are tried with."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

_LINES: Final = (
    b"GET / HTTP/1.1",
    b"GET /?Action=Pay&Signature=a%2Bb%3D HTTP/1.1",
    b"GET /? HTTP/1.1",
    b"GET /v1 HTTP/1.1",
    b"GET /v1/charges/ABC-d~e_1.f?limit=2?/:@ HTTP/1.1",
    b"POST / HTTP/1.1",
    b"POST /v1/charges HTTP/1.1",
    b"POST /v1/charges HTTP/1.1",
)
_SPOILT_LINES: Final = (
    b"GET / HTTP/1.0",
    b"GET  / HTTP/1.1",
    b"GET /HTTP/1.1",
    b"GET / HTTP/1.1 ",
    b"get / HTTP/1.1",
    b"GET /?a b HTTP/1.1",
    b"GET /v1/../x HTTP/1.1",
    b"GET /v1// HTTP/1.1",
    b"GET /v1x HTTP/1.1",
    b"GET /?a#b HTTP/1.1",
    b"GET http://x/ HTTP/1.1",
    b"PUT / HTTP/1.1",
    b"POST  HTTP/1.1",
    b"",
)
_HEADERS: Final = (
    b"Host: pay.example",
    b"Host: pay.example",
    b"host:pay.example:8080",
    b"User-Agent: shop/1.0 (a; b)",
    b"Accept: */*",
    b"Accept-Encoding: gzip, deflate",
    b"Connection: keep-alive",
    b"Connection: Close",
    b"Authorization: Bearer abc.def",
    b"Content-Type: application/json",
    b"Tallystick-Version: 1",
    b"X-Empty:",
    b"X-Blank: ",
    b"X_y-1: a  b",
)
_SPOILT_HEADERS: Final = (
    b"Host:",
    b"Host : x",
    b" Host: x",
    b"Host:  x",
    b"Host: x ",
    b"Hos(t: x",
    b": x",
    b"no colon",
    b"A: b\rc",
    b"A: b\nc",
    b"A: b\r",
    b"A: b\tc",
    b"A: \x00",
    b"A: \xe4",
    b"\xe4: a",
    b"Connection: close, X",
    b"Connection:",
    b"Transfer-Encoding: chunked",
    b"Expect: 100-continue",
    b"Upgrade: h2c",
    b"TE: trailers",
    b"te:",
    b"Trailer: X",
    b"Keep-Alive: timeout=5",
    b"HTTP2-Settings: a",
    b"Proxy-Connection: close",
    b"Content-Length: 03",
    b"Content-Length: +3",
    b"Content-Length: 3, 3",
    b"Content-Length: 65537",
    b"Content-Length: 99999999",
    b"Content-Length:",
    b"Content-Length: \xb3",
)
_SPOILING: Final = (b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b"?", b"\xff", b"A: b\r\n", b"")


@dataclass
class HeadMaker:
    """Makes requests by `chance`, those of a connection often like the one before."""

    chance: random.Random
    _before: list[bytes] = field(default_factory=list)

    def request(self) -> bytes:
        """One that is plain, more often than not."""
        chance = self.chance
        line = chance.choice(_LINES if chance.random() < 0.9 else _SPOILT_LINES)
        headers = self._headers()
        body = b""
        if line.startswith(b"POST") or chance.random() < 0.03:
            body = bytes(chance.choices(b'{"a": 1}\r\n', k=chance.choice((0, 1, 9, 10, 30))))
            length = len(body) if chance.random() < 0.9 else chance.choice((0, 1, len(body) + 1, 10**9))
            if chance.random() < 0.97:
                headers.insert(chance.randrange(len(headers) + 1), b"Content-Length: %d" % length)
        return b"\r\n".join((line, *headers, b"", body))

    def _headers(self) -> list[bytes]:
        chance = self.chance
        if self._before and chance.random() < 0.6:
            headers = self._before.copy()
            if chance.random() < 0.7:
                headers[chance.randrange(len(headers))] = b"Idempotency-Key: %x" % chance.getrandbits(32)
        else:
            headers = [_HEADERS[0], *chance.sample(_HEADERS[2:], chance.randrange(8))]
        if chance.random() < 0.1:
            headers.insert(chance.randrange(len(headers) + 1), chance.choice(_SPOILT_HEADERS))
        elif chance.random() < 0.1:
            chance.shuffle(headers)
        else:
            self._before = headers.copy()
        return headers

    def spoilt(self, data: bytes) -> bytes:
        """The same with something put in, left out or put in the place of something else."""
        place = self.chance.randrange(len(data) + 1)
        return data[:place] + self.chance.choice(_SPOILING) + data[place + self.chance.choice((0, 0, 1, 2)) :]
