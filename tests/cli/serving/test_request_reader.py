"""What is read from a connection by ourselves: whole plain requests, and nothing about which two readers may differ."""

from __future__ import annotations

import pytest

from tallystick.cli.serving.direct.requests import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    RequestReader,
    RequestReaderInPython,
    RequestReading,
    request_reader,
)
from tallystick.domain.speedups import plain_heads


@pytest.fixture(params=[RequestReaderInPython, request_reader], ids=["in Python", "compiled"])
def reader(request: pytest.FixtureRequest) -> RequestReader:
    """A reader of a new connection, of each kind."""
    made: RequestReader = request.param()
    if request.param is request_reader and plain_heads is None:
        pytest.skip("nothing was compiled")
    return made


HEAD = b"Host: pay.example\r\nUser-Agent: shop/1.0 (a; b)\r\nAccept: */*\r\n"
GET = b"GET /?Action=Pay&Signature=a%2Bb%3D HTTP/1.1\r\n" + HEAD + b"\r\n"
BODY = b'{"amount": "1.00"}'
POST = b"POST /v1/charges HTTP/1.1\r\n" + HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def post(headers: bytes, body: bytes = b"", line: bytes = b"POST / HTTP/1.1") -> bytes:
    return line + b"\r\n" + headers + b"\r\n" + body


def get(headers: bytes = HEAD, line: bytes = b"GET / HTTP/1.1") -> bytes:
    return post(headers, line=line)


def test_a_query_is_read(reader: RequestReader) -> None:
    assert reader.read(GET) is RequestReading.WHOLE
    assert (reader.method, reader.path, reader.query) == ("GET", "/", b"Action=Pay&Signature=a%2Bb%3D")
    assert reader.headers == [(b"host", b"pay.example"), (b"user-agent", b"shop/1.0 (a; b)"), (b"accept", b"*/*")]
    assert (reader.body, reader.closes) == (b"", False)


def test_a_body_is_read(reader: RequestReader) -> None:
    assert reader.read(POST) is RequestReading.WHOLE
    assert (reader.method, reader.path, reader.query, reader.body) == ("POST", "/v1/charges", b"", BODY)
    assert reader.headers[-1] == (b"content-length", b"18")


@pytest.mark.parametrize("request_", [GET, POST])
def test_each_beginning_of_a_plain_request_waits_for_its_rest_and_what_follows_one_is_not_plain(
    reader: RequestReader,
    request_: bytes,
) -> None:
    readings = [reader.read(request_[:end]) for end in range(1, len(request_) + 1)]
    assert readings == [RequestReading.INCOMPLETE] * (len(request_) - 1) + [RequestReading.WHOLE]
    assert reader.read(request_ + b"G") is RequestReading.OTHER
    assert reader.read(request_ + request_) is RequestReading.OTHER


def test_headers_that_were_read_before_are_the_same_and_those_of_a_request_are_its_own(reader: RequestReader) -> None:
    assert reader.read(GET) is RequestReading.WHOLE
    reader.headers.append((b"x", b"changed by an application"))
    assert reader.read(GET) is RequestReading.WHOLE
    assert reader.headers[-1] == (b"accept", b"*/*")
    assert reader.read(get(HEAD + b"X: 1\r\n")) is RequestReading.WHOLE
    assert reader.headers[-1] == (b"x", b"1")


def test_after_headers_that_are_not_plain_those_before_are_read_anew(reader: RequestReader) -> None:
    assert reader.read(POST) is RequestReading.WHOLE
    assert reader.read(post(HEAD + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n")) is RequestReading.OTHER
    assert reader.read(POST) is RequestReading.WHOLE
    assert (reader.body, reader.closes) == (BODY, False)
    assert reader.read(GET) is RequestReading.WHOLE


@pytest.mark.parametrize(
    ("connection", "closes"), [(b"close", True), (b"Close", True), (b"keep-alive", False), (b"Keep-Alive", False)]
)
def test_a_client_says_whether_it_goes_on(reader: RequestReader, connection: bytes, closes: bool) -> None:
    assert reader.read(get(HEAD + b"Connection: " + connection + b"\r\n")) is RequestReading.WHOLE
    assert reader.closes is closes


LENGTH = b"Content-Length: 3\r\n"

NOT_PLAIN = {
    "another method": get(line=b"PUT / HTTP/1.1"),
    "a method in lower case": get(line=b"get / HTTP/1.1"),
    "HEAD": get(line=b"HEAD / HTTP/1.1"),
    "HTTP/1.0": get(line=b"GET / HTTP/1.0"),
    "HTTP/2.0": get(line=b"GET / HTTP/2.0"),
    "no version": get(line=b"GET /"),
    "no path": get(line=b"GET ? HTTP/1.1"),
    "a page": get(line=b"GET /sign-in HTTP/1.1"),
    "a whole address": get(line=b"GET http://pay.example/ HTTP/1.1"),
    "two spaces": get(line=b"GET  / HTTP/1.1"),
    "a space in the query": get(line=b"GET /?a b HTTP/1.1"),
    "a space at the end": get(line=b"GET / HTTP/1.1 "),
    "a tab": get(line=b"GET\t/ HTTP/1.1"),
    "a fragment": get(line=b"GET /?a#b HTTP/1.1"),
    "a quotation mark": get(line=b'GET /?a="b" HTTP/1.1'),
    "an escape in the path": get(line=b"GET /v1/%2e%2e/metrics HTTP/1.1"),
    "up in the path": get(line=b"GET /v1/../metrics HTTP/1.1"),
    "an empty part of the path": get(line=b"GET /v1//charges HTTP/1.1"),
    "a slash at the end of the path": get(line=b"GET /v1/charges/ HTTP/1.1"),
    "only the beginning of v1": get(line=b"GET /v1x HTTP/1.1"),
    "not ASCII": get(line=b"GET /?a=\xc3\xa4 HTTP/1.1"),
    "a line before": b"\r\n" + GET,
    "a bare LF after the line": b"GET / HTTP/1.1\nHost: x\r\n\r\n",
    "a bare LF in the headers": get(b"Host: x\nA: b\r\n"),
    "bare LFs only": b"GET / HTTP/1.1\nHost: x\n\n",
    "an end by a bare LF": b"GET / HTTP/1.1\r\nHost: x\n\r\n",
    "a bare CR": get(b"Host: x\rA: b\r\n"),
    "a NUL": get(b"Host: x\0\r\n"),
    "a control character": get(b"Host: x\r\nA: b\x01\r\n"),
    "a tab in a value": get(b"Host: x\r\nA: b\tc\r\n"),
    "a folded header": get(b"Host: x\r\nA: b\r\n c\r\n"),
    "a header before any": get(b" Host: x\r\n"),
    "a space before the colon": get(b"Host : x\r\n"),
    "no colon": get(b"Host: x\r\nabc\r\n"),
    "no name": get(b"Host: x\r\n: abc\r\n"),
    "two spaces before a value": get(b"Host:  x\r\n"),
    "a space after a value": get(b"Host: x \r\n"),
    "a value that is not ASCII": get(b"Host: x\r\nA: \xe4\r\n"),
    "no host": get(b"A: b\r\n"),
    "an empty host": get(b"Host: \r\n"),
    "no headers": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": get(b"Host: x\r\nHost: x\r\n"),
    "a header twice": get(b"Host: x\r\nCookie: a\r\ncookie: b\r\n"),
    "many headers": get(b"Host: x\r\n" + b"".join(b"A%d: b\r\n" % number for number in range(64))),
    "long headers": get(b"Host: x\r\nA: " + b"b" * MAX_HEAD_BYTES + b"\r\n"),
    "a GET with a body": get(HEAD + LENGTH) + b"abc",
    "a GET with a length": get(HEAD + b"Content-Length: 0\r\n"),
    "a GET with more behind it": GET + b"abc",
    "a POST without a length": post(HEAD),
    "two lengths": post(HEAD + LENGTH + b"Content-Length: 4\r\n", b"abc"),
    "the same length twice": post(HEAD + LENGTH + LENGTH, b"abc"),
    "two lengths in one": post(HEAD + b"Content-Length: 3, 3\r\n", b"abc"),
    "a signed length": post(HEAD + b"Content-Length: +3\r\n", b"abc"),
    "a negative length": post(HEAD + b"Content-Length: -3\r\n", b"abc"),
    "a length with a zero before it": post(HEAD + b"Content-Length: 03\r\n", b"abc"),
    "a length in hexadecimal": post(HEAD + b"Content-Length: 0x3\r\n", b"abc"),
    "a length in other digits": post(HEAD + b"Content-Length: \xb3\r\n", b"abc"),
    "an empty length": post(HEAD + b"Content-Length: \r\n"),
    "a shorter length": post(HEAD + LENGTH, b"abcd"),
    "a length beyond the limit": post(HEAD + b"Content-Length: %d\r\n" % (MAX_BODY_BYTES + 1)),
    "a length beyond all limits": post(HEAD + b"Content-Length: 99999999999999999999\r\n"),
    "chunks": post(HEAD + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "length and chunks": post(HEAD + LENGTH + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "chunks and length": post(HEAD + b"Transfer-Encoding: chunked\r\n" + LENGTH, b"0\r\n\r\n"),
    "chunks under another name": post(HEAD + LENGTH + b"Transfer_Encoding : chunked\r\n", b"abc"),
    "chunks of another spelling": post(HEAD + LENGTH + b"Transfer-Encoding: xchunked\r\n", b"abc"),
    "a client that waits": post(HEAD + LENGTH + b"Expect: 100-continue\r\n", b"abc"),
    "trailers": post(HEAD + LENGTH + b"Trailer: X\r\n", b"abc"),
    "whoever takes trailers": get(HEAD + b"TE: trailers\r\n"),
    "an upgrade": get(HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n"),
    "another upgrade": get(HEAD + b"Upgrade: h2c\r\n"),
    "headers of one connection": get(HEAD + b"Connection: close, X\r\n"),
    "the beginning of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "the line of a proxy": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + GET,
    "no line's end": b"GET /" + b"a" * MAX_HEAD_BYTES,
}


@pytest.mark.parametrize("why", NOT_PLAIN)
def test_everything_else_is_left_to_the_http_server(reader: RequestReader, why: str) -> None:
    assert reader.read(NOT_PLAIN[why]) is RequestReading.OTHER
    assert reader.read(GET) is RequestReading.WHOLE, "what was not plain leaves nothing behind"


def test_the_longest_that_is_plain(reader: RequestReader) -> None:
    padding = b"b" * (MAX_HEAD_BYTES - len(get(b"Host: x\r\nA: \r\n")) + len(b"\r\n\r\n"))
    assert reader.read(get(b"Host: x\r\nA: " + padding + b"\r\n")) is RequestReading.WHOLE
    assert reader.read(get(b"Host: x\r\nA: " + padding + b"b\r\n")) is RequestReading.OTHER
    body = b"b" * MAX_BODY_BYTES
    assert reader.read(post(HEAD + b"Content-Length: %d\r\n" % len(body), body)) is RequestReading.WHOLE
    assert reader.body == body
    body += b"b"
    assert reader.read(post(HEAD + b"Content-Length: %d\r\n" % len(body), body)) is RequestReading.OTHER
