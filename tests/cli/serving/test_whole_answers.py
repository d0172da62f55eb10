"""A whole answer of the lane has the bytes that an exchange writes for the same answer of an application."""

from __future__ import annotations

import random
from typing import Any, Final, cast

import pytest

from tallystick.cli.serving.direct.exchanges import Exchange, whole_answer
from tallystick.web.api.asgi import CLOSE, HttpAnswer

DATE: Final = b"date: Mon, 01 Mar 2027 12:00:00 GMT\r\n\r\n"
LAST: Final = ((b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin"))
OWN: Final = (b"request-id", b"5914497d-4db8-487e-913e-f14d436b2d5c")
HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"tallystick-version", b"2026-12-01"),
    (b"ratelimit", b'"key";r=1;t=2'),
    (b"retry-after", b"5"),
    OWN,
    (b"request-id", b"another"),
    CLOSE,
)


class Wire:
    """What an exchange knows of its connection."""

    def __init__(self, *, ending: bool) -> None:
        self.ending, self.written, self.closes = ending, b"", False

    def write(self, data: bytes) -> None:
        self.written += data

    def date(self) -> bytes:
        return DATE

    def is_ending(self) -> bool:
        return self.ending

    def answered(self, _: Exchange, *, closes: bool) -> None:
        self.closes = closes


async def of_an_exchange(answer: HttpAnswer, last: tuple[tuple[bytes, bytes], ...], *, closes: bool) -> Wire:
    wire = Wire(ending=False)
    exchange = Exchange(cast("Any", wire), b"", closes=closes)
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body)), *last]
    await exchange.send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await exchange.send({"type": "http.response.body", "body": answer.body})
    return wire


async def test_any_answer_has_the_same_bytes() -> None:
    chance = random.Random("answers")  # noqa: S311 - the same ones each time
    for _ in range(2_000):
        last = (*LAST, CLOSE) if chance.random() < 0.2 else LAST
        found = [one for one in chance.sample(HEADERS, chance.randrange(len(HEADERS))) if one not in last]
        if chance.random() < 0.5:
            found = [*HEADERS[:3], (OWN[0], b"%x" % chance.getrandbits(64)), *found]
        closes = chance.random() < 0.2
        answer = HttpAnswer(chance.choice((200, 201, 400, 503)), tuple(found), bytes(chance.randrange(1_000)))
        wire = await of_an_exchange(answer, last, closes=closes)
        assert whole_answer(answer, last, DATE, closes=closes) == (wire.written, wire.closes), answer


@pytest.mark.parametrize("wrong", [b"a\r\nb", b"a\nb", b"a\rb", b"a\0b"])
@pytest.mark.parametrize("place", range(4))
def test_no_header_becomes_two(wrong: bytes, place: int) -> None:
    headers = [*HEADERS[:3], OWN]
    headers[place] = (headers[place][0], wrong)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            whole_answer(HttpAnswer(200, tuple(headers), b""), LAST, DATE, closes=False)
