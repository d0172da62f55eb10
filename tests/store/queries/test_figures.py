"""Figures are aggregated once, never twice, and in pieces where there is much."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.store.long_history import write_history
from tests.support.books import Books, OpenBooks

from tallystick.db.connections import Pool
from tallystick.store.queries import figures
from tallystick.store.queries.figures import Figures, Sum

PAYMENTS = 5_000
SPAN = timedelta(days=2)


@pytest.fixture
async def busy_shop(own_pool: Pool, open_shop: OpenBooks) -> Books:
    """A shop of two years with many payments in the last two days."""
    shop = await open_shop(own_pool)
    await own_pool.execute(
        "UPDATE book SET created_at = (created_at AT TIME ZONE 'UTC' - interval '2 years') AT TIME ZONE 'UTC'"
    )
    buyer = await shop.prepaid_buyer()
    await write_history(shop, [buyer], PAYMENTS, SPAN)
    return shop


def whole(found: Figures) -> dict[str, Sum]:
    sums: dict[str, Sum] = {}
    for of_step in found.values():
        for name, one in of_step.items():
            sums[name] = sums.get(name, Sum()) + one
    return sums


async def counted(shop: Books) -> Sum:
    row = await shop.pool.fetchrow(
        "SELECT count(*) AS number, sum(amount_micros)::bigint AS amount_micros FROM transaction"
        " WHERE book_id = $1 AND status = 'Success'",
        shop.book_id,
    )
    assert row is not None
    return Sum(**row)


async def test_pieces_come_to_the_same_as_the_whole(busy_shop: Books) -> None:
    shop, now = busy_shop, busy_shop.clock()
    begin = now - SPAN - timedelta(days=8)
    first = await figures.catch_up(shop.pool, [shop.book_id], now, commits=1, at_once=700)
    assert not first.up_to_date(now)
    assert 0 < whole(await figures.since(shop.pool, begin, "day", first))["spent"].number < PAYMENTS / 2

    done = await figures.catch_up(shop.pool, [shop.book_id], now, commits=100, at_once=700)
    assert done.up_to_date(now)
    for step in ("hour", "day", "week"):
        found = await figures.since(shop.pool, begin, step, done)
        assert whole(found) == {"spent": await counted(shop)}
        assert all(start == figures.start_of(start, step) for start in found)


async def test_several_who_look_at_once_add_up_once(busy_shop: Books) -> None:
    shop, now = busy_shop, busy_shop.clock()
    looks = (figures.catch_up(shop.pool, [shop.book_id], now, commits=3, at_once=500) for _ in range(6))
    await asyncio.gather(*looks)
    done = await figures.catch_up(shop.pool, [shop.book_id], now, commits=100)
    assert whole(await figures.since(shop.pool, now - SPAN - timedelta(days=1), "day", done)) == {
        "spent": await counted(shop)
    }


async def test_only_books_that_somebody_looked_at_are_added_up(busy_shop: Books) -> None:
    shop, now = busy_shop, busy_shop.clock()
    assert await figures.behind(shop.pool, now, 10) == []
    await figures.catch_up(shop.pool, [shop.book_id], now, commits=100)
    assert await figures.behind(shop.pool, now, 10) == []
    later = now + timedelta(hours=1)
    assert await figures.behind(shop.pool, later, 10) == [(shop.book_id, later)]


async def test_real_money_counts_when_it_moved(shop: Books) -> None:
    buyer = await shop.funded_buyer("20.00")
    await shop.pay(buyer, "4.00")
    state = await figures.catch_up(shop.pool, [shop.book_id], shop.clock())
    found = whole(await figures.since(shop.pool, shop.clock() - timedelta(hours=2), "hour", state))
    assert found == {"funded": Sum(1, 20_000_000), "spent": Sum(1, 4_000_000)}
    held = await figures.holdings(shop.pool, [shop.book_id])
    assert held["prepaid"] == Sum(1, 16_000_000)
    assert held["prepaid"].amount_micros == await shop.balance(buyer)
