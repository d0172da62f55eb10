"""A reference that was paid with is spent for ever, whatever a clock says, in every part, and in books of old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.conftest import MakeDatabase
from tests.support.books import Books, Buyer, OpenBooks
from tests.support.clock import TestClock
from tests.support.earlier_schemas import go_back

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.migrate import migrate
from tallystick.domain.ids import BookId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.ledger import shards
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.store.ledger.verify import verify
from tallystick.store.records import forgetting


@asynccontextmanager
async def process_with(shop: Books, clock: TestClock, *, reuse: bool = False) -> AsyncIterator[Committer]:
    """Another process on the same books, with a clock and a setting of its own."""
    rules = Rules(read_fee_schedules(None), simulate_faults=False, reuse_references=reuse)
    committer = Committer(shop.pool, rules, clock)
    try:
        yield committer
    finally:
        await committer.close()


def spent_by(outcome: Outcome, first: Outcome) -> bool:
    assert isinstance(first, Accepted)
    return (
        isinstance(outcome, Refused)
        and outcome.refusal is Refusal.DuplicateRequest
        and outcome.message == f"The caller reference was spent by transaction {first.transaction_id}."
    )


async def problems(pool: Pool, check: str) -> list[str]:
    return [problem for each in (await verify(pool)).checks if each.name == check for problem in each.problems]


@pytest.mark.parametrize("days", [8, -8])
async def test_a_clock_that_jumps_charges_nobody_again(shop: Books, days: int) -> None:
    """One process is wrong by eight days for a moment: it forgets, and it is asked for everything once more."""
    buyer = await shop.funded_buyer("10.00")
    shop.clock.forward(days=20)
    own = shop.committer
    wrong = TestClock(shop.clock() + timedelta(days=days))
    async with process_with(shop, wrong) as rival:
        shop.committer = rival if days < 0 else own
        paid = [await shop.pay(buyer, "0.10", f"order-{number}") for number in range(20)]
        shop.committer = own if days < 0 else rival
        await forgetting.answers(shop.pool, max(wrong(), shop.clock()))
        for committer in (rival, own):
            shop.committer = committer
            again = await asyncio.gather(*(shop.pay(buyer, "0.10", f"order-{number}") for number in range(20)))
            assert all(one == first or spent_by(one, first) for one, first in zip(again, paid, strict=True))
        shop.committer = own
    assert await shop.balance(buyer) == parse_amount("8.00")
    assert (await verify(shop.pool)).problems == []


async def test_after_seven_days_the_same_request_hears_which_transaction_spent_its_reference(shop: Books) -> None:
    buyer, tab = await shop.funded_buyer("10.00"), await shop.postpaid_buyer()
    paid, charged = await shop.pay(buyer, "1.00", "a"), await shop.pay(tab, "1.00", "b")
    shop.clock.forward(days=6, hours=23)
    assert await shop.pay(buyer, "1.00", "a") == paid

    shop.clock.forward(hours=1)
    assert spent_by(await shop.pay(buyer, "1.00", "a"), paid)
    assert spent_by(await shop.pay(buyer, "2.00", "a"), paid)
    assert spent_by(await shop.pay(tab, "1.00", "b"), charged)
    assert spent_by(await shop.fund(buyer, "1.00", "a"), paid), "one space of references for all that moves money"
    assert await shop.balance(buyer) == parse_amount("9.00")


async def test_the_setting_has_references_used_again_after_seven_days_and_counts_it(
    own_pool: Pool, open_shop: OpenBooks
) -> None:
    shop = await open_shop(own_pool)
    buyer = await shop.funded_buyer("10.00")
    async with process_with(shop, shop.clock, reuse=True) as lenient:
        shop.committer, strict = lenient, shop.committer
        first = await shop.pay(buyer, "1.00", "a")
        shop.clock.forward(days=6)
        assert await shop.pay(buyer, "1.00", "a") == first
        shop.clock.forward(days=1)
        second = await shop.pay(buyer, "1.00", "a")
        assert isinstance(second, Accepted)
        assert second != first
        assert await shop.pay(buyer, "1.00", "a") == second
        assert (await verify(own_pool)).problems == []
        shop.clock.forward(days=7)
        assert isinstance(await shop.pay(buyer, "100.00", "a"), Refused)  # which is the answer from now on
        assert (await verify(own_pool)).problems == []
        shop.clock.forward(days=7)
        await forgetting.answers(own_pool, shop.clock())
        shop.committer = strict
        refused = await shop.pay(buyer, "1.00", "a")
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.DuplicateRequest
    assert await shop.balance(buyer) == parse_amount("8.00")
    assert (await verify(own_pool)).problems == []


async def test_verify_sees_a_reference_that_was_paid_with_twice(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    buyer = await shop.funded_buyer("10.00")
    await shop.pay(buyer, "1.00", "a")
    await own_pool.execute("DELETE FROM answered_reference WHERE fingerprint IS NOT NULL AND reuses IS NULL")
    assert len(await problems(own_pool, "references_are_spent_once")) == 2, "the funding's and the payment's are free"

    await shop.pay(buyer, "1.00", "a")
    found = await problems(own_pool, "references_are_spent_once")
    assert f"book {shop.book_id}, reference a: 2 transactions were made with it, 1 may be" in found


async def split_shop(pool: Pool, open_shop: OpenBooks) -> tuple[Books, BookId, Buyer, Buyer]:
    """A seller with two books: the shop, the other book, and a buyer with 10.00 in each."""
    shop = await open_shop(pool)
    async with pool.acquire() as connection:
        first, other = await shards.split(connection, shop.party_id, "sandbox", 2, shop.clock())
    here = await shop.funded_buyer("10.00")
    shop.book_id = other
    there = await shop.funded_buyer("10.00")
    shop.book_id = first
    return shop, other, here, there


async def test_parts_of_a_seller_share_one_space_of_references(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop, other, here, there = await split_shop(own_pool, open_shop)
    first = shop.book_id

    async def pay(book: BookId, buyer: Buyer, reference: str) -> Outcome:
        shop.book_id = book
        return await shop.pay(buyer, "0.10", reference)

    paid = await pay(first, here, "a")
    refused = await pay(other, there, "a")
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.DuplicateRequest
    assert await pay(first, here, "a") == paid
    accepted = 0
    for number in range(20):
        names = f"race-{number}"
        shop.book_id = first
        one = asyncio.ensure_future(shop.pay(here, "0.10", names))
        await asyncio.sleep(0)
        shop.book_id = other
        outcomes = await asyncio.gather(one, shop.pay(there, "0.10", names))
        accepted += sum(isinstance(outcome, Accepted) for outcome in outcomes)
        assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1
    assert accepted == 20
    shop.book_id = first
    left = await shop.balance(here)
    shop.book_id = other
    assert left + await shop.balance(there) == parse_amount("17.90")
    assert (await verify(own_pool)).problems == []
    await own_pool.execute("UPDATE claimed_payment SET part_book_id = $1 WHERE part_book_id = $2", other, first)
    assert await problems(own_pool, "references_are_spent_in_one_part")


async def test_what_was_paid_before_a_split_is_spent_in_every_part(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    buyer = await shop.funded_buyer("10.00")
    await shop.pay(buyer, "1.00", "before")
    async with own_pool.acquire() as connection:
        first, other = await shards.split(connection, shop.party_id, "sandbox", 2, shop.clock())
    shop.book_id = other
    there = await shop.funded_buyer("10.00")
    refused = await shop.pay(there, "1.00", "before")
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.DuplicateRequest
    assert await shop.balance(there) == parse_amount("10.00")
    assert first == (await shards.shards_of_seller(own_pool, shop.party_id, "sandbox"))[0]


async def test_a_filled_database_has_all_its_references_spent(
    make_database: MakeDatabase, open_shop: OpenBooks
) -> None:
    """Answers, what was forgotten already, and what the older rule had used twice."""
    url = await make_database()
    await migrate(url)
    async with await open_pool(url, max_size=3) as pool:
        shop = await open_shop(pool)
        buyer = await shop.funded_buyer("10.00")
        old, twice = await shop.pay(buyer, "1.00", "old"), await shop.pay(buyer, "1.00", "twice")
        async with process_with(shop, shop.clock, reuse=True) as lenient:
            shop.committer, strict = lenient, shop.committer
            shop.clock.forward(days=8)
            again, new = await shop.pay(buyer, "1.00", "twice"), await shop.pay(buyer, "1.00", "Straße")
            shop.committer = strict
        assert isinstance(old, Accepted)
        await go_back(pool, "0022")
        await pool.execute("DELETE FROM answered_reference WHERE transaction_id = $1", old.transaction_id)
        before = await verify_totals(pool)

        assert (await migrate(url))[0] == "0022"

        await pool.expire_connections()
        assert (await verify(pool)).problems == []
        assert await verify_totals(pool) == before
        assert spent_by(await shop.pay(buyer, "1.00", "old"), old)
        assert await shop.pay(buyer, "1.00", "twice") == again
        assert await shop.pay(buyer, "1.00", "Straße") == new
        assert again != twice
        assert await shop.balance(buyer) == parse_amount("6.00")


async def verify_totals(pool: Pool) -> tuple[int, int, int]:
    row = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM transaction), (SELECT count(*) FROM transfer),"
        " (SELECT sum(abs(balance_micros))::bigint FROM account)"
    )
    assert row is not None
    return row[0], row[1], row[2]
