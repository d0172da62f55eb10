from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from tallystick.db.shared_reads import SharedReads


class Shelf:
    """A slow store that counts its reads."""

    def __init__(self) -> None:
        self.values = {"a": 1, "b": 2}
        self.asked: list[list[str]] = []
        self.may_answer = asyncio.Event()

    async def read(self, keys: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(sorted(keys))
        seen = dict(self.values)
        await self.may_answer.wait()
        return seen


async def test_reads_that_wait_together_share_one_statement() -> None:
    shelf = Shelf()
    reads = SharedReads(shelf.read)
    first = asyncio.ensure_future(reads.find("a"))
    await asyncio.sleep(0.01)
    later = [asyncio.ensure_future(reads.find(key)) for key in ("a", "b", "b", "c")]
    await asyncio.sleep(0.01)
    shelf.may_answer.set()

    assert await first == 1
    assert await asyncio.gather(*later) == [1, 2, 2, None]
    assert shelf.asked == [["a"], ["a", "b", "c"]]


async def test_an_answer_is_never_older_than_its_question() -> None:
    shelf = Shelf()
    reads = SharedReads(shelf.read)
    before = asyncio.ensure_future(reads.find("a"))
    await asyncio.sleep(0.01)
    del shelf.values["a"]
    after = asyncio.ensure_future(reads.find("a"))
    await asyncio.sleep(0.01)
    shelf.may_answer.set()

    assert await before == 1
    assert await after is None


async def test_one_who_gives_up_leaves_the_others_waiting() -> None:
    shelf = Shelf()
    reads = SharedReads(shelf.read)
    impatient, patient = asyncio.ensure_future(reads.find("a")), asyncio.ensure_future(reads.find("a"))
    await asyncio.sleep(0.01)
    impatient.cancel()
    await asyncio.sleep(0.01)
    shelf.may_answer.set()

    assert await patient == 1
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_failure_reaches_all_who_wait_and_the_next_read_tries_again() -> None:
    failures = [OSError("no server")]

    async def read(keys: Sequence[str]) -> Mapping[str, int]:
        if failures:
            raise failures.pop()
        return dict.fromkeys(keys, 7)

    reads = SharedReads(read)
    outcomes = await asyncio.gather(reads.find("a"), reads.find("a"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OSError, OSError]
    assert await reads.find("a") == 7
