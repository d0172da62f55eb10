"""The compiled reader of requests says what its twin in Python says, which tells what is right: the same or nothing."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Final

import pytest
from tests.conftest import LONG_TESTS
from tests.support.heads import HeadMaker

from tallystick.cli.serving.direct.requests import (
    MAX_HEAD_BYTES,
    RequestReader,
    RequestReaderInPython,
    RequestReading,
    request_reader,
)
from tallystick.domain.speedups import plain_heads

pytestmark = pytest.mark.skipif(plain_heads is None, reason="nothing was compiled: there is one reader")

WHOLE: Final = RequestReading.WHOLE


def said_by(reader: RequestReader, data: bytes) -> tuple[object, ...]:
    """What a reader makes of these bytes; of what is not whole, nothing else counts."""
    reading = reader.read(data)
    if reading is not WHOLE:
        return (reading,)
    told = (reader.method, reader.path, reader.query, reader.body, reader.closes)
    return (reading, *told, reader.headers, [*reader.said.items()])


class Both:
    """Both readers, each of one connection: what they remember of a request must not change what they say of others."""

    def __init__(self) -> None:
        self.readers: tuple[RequestReader, ...] = (RequestReaderInPython(), request_reader())
        self.counted: Counter[RequestReading] = Counter()

    def read(self, data: bytes) -> RequestReading:
        ours, theirs = [said_by(reader, data) for reader in self.readers]
        assert ours == theirs, data
        assert [type(one) for one in ours] == [type(one) for one in theirs]
        reading = ours[0]
        assert isinstance(reading, RequestReading)
        self.counted[reading] += 1
        return reading


def test_any_bytes_are_read_the_same() -> None:
    count = 100_000 if os.environ.get(LONG_TESTS) else 1_500
    chance = random.Random(os.environ.get("TALLYSTICK_SEED", "heads"))  # noqa: S311 - the same ones each time
    maker, both = HeadMaker(chance), Both()
    for _ in range(count):
        if chance.random() < 0.02:
            both.readers = Both().readers
        data = maker.request()
        both.read(data)
        both.read(data[: chance.randrange(len(data) + 1)])
        if chance.random() < 0.2:
            both.read(maker.spoilt(data))
    for reading in RequestReading:
        assert both.counted[reading] > count / 10


def test_each_split_of_a_request_is_read_the_same() -> None:
    maker, both = HeadMaker(random.Random("splits")), Both()  # noqa: S311 - the same ones each time
    for _ in range(20):
        data = maker.request()
        for end in range(len(data) + 1):
            both.read(data[:end])
            both.read(data[end:])


def test_each_byte_at_each_place_of_a_request_is_read_the_same() -> None:
    data = b"POST /v1/charges?a=b HTTP/1.1\r\nHost: x\r\nA-b: c d\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    both = Both()
    assert both.read(data) is WHOLE
    for place in range(len(data)):
        for byte in range(256) if os.environ.get(LONG_TESTS) else b"\0\t\n\r !:/?.-~aZ09\x7f\x80\xff":
            both.read(data[:place] + bytes([byte]) + data[place + 1 :])
            both.read(data[:place] + bytes([byte]) + data[place:])
        both.read(data[:place] + data[place + 1 :])
    assert both.counted[WHOLE] > len(data)


@pytest.mark.parametrize("more", range(-3, 4))
def test_at_the_limits_both_say_the_same(more: int) -> None:
    both = Both()
    line, host = b"GET / HTTP/1.1\r\n", b"Host: x\r\n"
    for bytes_of_head in (2 * 1024, MAX_HEAD_BYTES):
        long = line + host + b"A: " + b"b" * (bytes_of_head + more - len(line + host + b"A: \r\n")) + b"\r\n\r\n"
        for _ in range(2):
            both.read(long)
        both.read(long[:-2])
        both.read(line + host + b"\r\n")
    for count in (62 + more, 64 + more):
        both.read(line + host + b"".join(b"A%d: b\r\n" % number for number in range(count)) + b"\r\n")
    for length in (64 * 1024 + more, 9_999_999 + more):
        head = b"POST / HTTP/1.1\r\n" + host + b"Content-Length: %d\r\n\r\n" % length
        both.read(head)
        both.read(head + b"b" * min(length, 70_000))
        both.read(head + b"b" * (min(length, 70_000) + 1))
    assert both.counted[WHOLE]


def test_what_is_no_bytes_is_nobodys_request() -> None:
    for wrong in (None, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytearray(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")):
        with pytest.raises(TypeError):
            request_reader().read(wrong)  # type: ignore[arg-type]
