"""Files that are written while they are sent: how many at a time, for how long, and beside what."""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from tallystick.services.api.fair_shares import FairShares
from tallystick.services.api.read_budget import ReadBudget
from tallystick.services.process.downloads import (
    AT_A_TIME,
    LONGEST_SECONDS,
    MOST_AT_A_TIME,
    MOST_OF_A_CALLER,
    Downloads,
    DownloadTooLongError,
    TooManyDownloadsError,
)


class Time:
    """A clock that is set by hand, and sleep that only remembers for how long."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def reads(time: Time) -> ReadBudget:
    return ReadBudget(FairShares(alone=1_000, together=16, least=4, clock=time), time, time.sleep)


@pytest.fixture
def downloads(reads: ReadBudget, time: Time) -> Downloads:
    return Downloads(reads, time)


async def pieces(*content: bytes) -> AsyncGenerator[bytes, None]:
    for piece in content:
        yield piece


async def whole(sending: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in sending]


async def test_a_file_comes_whole_and_in_order(downloads: Downloads) -> None:
    download = downloads.begin("a seller")
    assert await whole(download.send(pieces(b"a", b"b", b"c"))) == [b"a", b"b", b"c"]


async def test_each_caller_has_a_few_and_all_together_some_more(downloads: Downloads) -> None:
    kept = [downloads.begin("one") for _ in range(MOST_OF_A_CALLER)]
    with pytest.raises(TooManyDownloadsError):
        downloads.begin("one")
    kept += [downloads.begin(number) for number in range(MOST_AT_A_TIME - MOST_OF_A_CALLER)]
    with pytest.raises(TooManyDownloadsError):
        downloads.begin("two")
    assert await whole(kept[0].send(pieces(b"a"))) == [b"a"]
    assert downloads.begin("two") is not None


async def test_a_file_that_nobody_wants_any_more_does_not_count(downloads: Downloads) -> None:
    content = pieces(b"a", b"b")
    sending = downloads.begin("one").send(content)
    assert await anext(sending) == b"a"
    never_sent = downloads.begin("one")
    with pytest.raises(TooManyDownloadsError):
        downloads.begin("one")

    await sending.aclose()
    assert await whole(content) == [], "whatever it reads from was given back"
    del never_sent
    gc.collect()
    assert [downloads.begin("one") for _ in range(MOST_OF_A_CALLER)]


async def test_a_file_that_fails_does_not_count_any_more(downloads: Downloads) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"a"
        raise LookupError

    for _ in range(MOST_OF_A_CALLER + 1):
        with pytest.raises(LookupError):
            await whole(downloads.begin("one").send(broken()))


async def test_a_file_whose_time_is_up_does_not_end_as_if_it_were_whole(downloads: Downloads, time: Time) -> None:
    sending = downloads.begin("one").send(pieces(b"a", b"b"))
    time.seconds += LONGEST_SECONDS
    assert await anext(sending) == b"a"
    time.seconds += 1
    with pytest.raises(DownloadTooLongError):
        await anext(sending)
    kept = [downloads.begin("one") for _ in range(MOST_OF_A_CALLER)]
    assert len(kept) == MOST_OF_A_CALLER


async def test_it_pauses_between_rows_while_somebody_pays(downloads: Downloads, reads: ReadBudget, time: Time) -> None:
    assert reads.calls.begins("neighbour", flow="neighbour's key")
    download = downloads.begin("one")

    async def rows() -> AsyncGenerator[bytes, None]:
        for _ in range(2 * AT_A_TIME):
            time.seconds += 0.001
            await download.row_written()
        yield b"all"

    assert await whole(download.send(rows())) == [b"all"]
    assert time.slept[:2] == pytest.approx([3 * AT_A_TIME * 0.001] * 2)


async def test_other_reads_have_their_turn_between_two_pieces(downloads: Downloads, reads: ReadBudget) -> None:
    assert reads.calls.begins("neighbour", flow="neighbour's key")
    sending = downloads.begin("one").send(pieces(b"a", b"b"))
    assert await anext(sending) == b"a"
    async with reads.turn("lists", "key"):
        pass
    assert await anext(sending) == b"b"
