"""The check of a test's books works: it fails when they are off, and ignores the books of other tests."""

from __future__ import annotations

import pytest
from tests.support.balanced import all_balanced, balanced
from tests.support.books import Books, OpenBooks

from tallystick.db.connections import Pool


async def spoil(shop: Books) -> None:
    """Change a balance without a transfer."""
    buyer = await shop.funded_buyer("10.00")
    await shop.pool.execute(
        "UPDATE account SET balance_micros = balance_micros - 1 WHERE book_id = $1 AND subject = $2",
        shop.book_id,
        buyer.instrument,
    )


async def test_books_of_a_test_that_are_off_fail_it(own_pool: Pool, open_shop: OpenBooks) -> None:
    with pytest.raises(AssertionError, match="its transfers sum to"):
        async with balanced(own_pool):
            await spoil(await open_shop(own_pool))


async def test_books_of_an_earlier_test_are_left_to_the_end_of_the_run(own_pool: Pool, open_shop: OpenBooks) -> None:
    await spoil(await open_shop(own_pool))

    async with balanced(own_pool):
        await (await open_shop(own_pool)).funded_buyer("10.00")
    with pytest.raises(AssertionError, match="its transfers sum to"):
        async with all_balanced(own_pool):
            pass
