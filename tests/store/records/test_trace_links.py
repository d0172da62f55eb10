"""In whose trace transactions were made: written beside the money path, found by others, forgotten after some days."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from tests.support.books import Books

from tallystick.db.connections import Database
from tallystick.domain.ids import MalformedIdError
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.store.records import forgetting, trace_links
from tallystick.store.records.trace_links import KEPT, MAX_WAITING, TraceLinks

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def written(shop: Books, *names: str) -> dict[str, str]:
    rows = await shop.pool.fetch(
        "SELECT transaction_id, traceparent FROM trace_link WHERE transaction_id = ANY($1)", list(names)
    )
    return {row["transaction_id"]: row["traceparent"] for row in rows}


async def test_the_first_call_that_is_noted_stays(shop: Books) -> None:
    one, other = (str(fresh_transaction_id(shop.book_id, shop.clock())) for _ in range(2))
    links = TraceLinks(shop.pool, shop.clock)
    links.note(TRACEPARENT, [one])
    await links.write()
    links.note(TRACEPARENT.replace("4bf9", "5bf9"), [one, other])
    await links.close()

    assert await written(shop, one, other) == {one: TRACEPARENT, other: TRACEPARENT.replace("4bf9", "5bf9")}


async def test_they_go_after_some_days(shop: Books) -> None:
    name = str(fresh_transaction_id(shop.book_id, shop.clock()))
    links = TraceLinks(shop.pool, shop.clock)
    links.note(TRACEPARENT, [name])
    await links.write()
    noted_at = shop.clock()

    await forgetting.trace_links(shop.pool, noted_at - timedelta(seconds=1))
    assert await written(shop, name) == {name: TRACEPARENT}
    await forgetting.trace_links(shop.pool, noted_at)
    assert await written(shop, name) == {}
    assert timedelta(days=1) < KEPT


class Gone:
    """A database that is away, then there again."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def execute(self, *_arguments: object) -> str:
        self.asked.set()
        raise OSError("gone")


async def test_a_database_that_is_away_ends_nothing(shop: Books) -> None:
    database = Gone()
    links = TraceLinks(database, shop.clock)  # type: ignore[arg-type]
    writing = asyncio.create_task(links.run())
    names = [str(fresh_transaction_id(shop.book_id, shop.clock())) for _ in range(3)]
    links.note(TRACEPARENT, names[:1])
    await asyncio.wait_for(database.asked.wait(), 60)
    assert not writing.done()
    links.note(TRACEPARENT, names[1:])
    await links.close()
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing


async def test_no_more_wait_than_there_is_room_for(shop: Books) -> None:
    links = TraceLinks(shop.pool, shop.clock)
    name = str(fresh_transaction_id(shop.book_id, shop.clock()))
    links.note(TRACEPARENT, [f"{number}" for number in range(MAX_WAITING)])
    links.note(TRACEPARENT, [name])

    with pytest.raises(MalformedIdError):
        await links.write()  # those are ids of nothing
    await links.write()
    assert await written(shop, name) == {}


class FakeTracing:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def knows(self, name: str) -> bool:
        return name in self.told

    def recall(self, name: str, traceparent: str) -> None:
        self.told[name] = traceparent


async def test_what_others_noted_is_recalled_once_and_nothing_else_hurts(shop: Books) -> None:
    name, unknown = (str(fresh_transaction_id(shop.book_id, shop.clock())) for _ in range(2))
    links = TraceLinks(shop.pool, shop.clock)
    links.note(TRACEPARENT, [name])
    await links.write()
    tracing = FakeTracing()

    async def recall(database: Database, of: str) -> None:
        await trace_links.recall(database, tracing, of)  # type: ignore[arg-type]

    for of in (name, unknown, "no id", ""):
        await recall(shop.pool, of)
    assert tracing.told == {name: TRACEPARENT}
    await recall(Gone(), name)  # type: ignore[arg-type]
    await recall(Gone(), unknown)  # type: ignore[arg-type]
