"""The event that a balance has fallen below its seller's amount: once until it rises, by one of two workers."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.stories.conftest import OpenShop
from tests.stories.v1.conftest import Program, program_of
from tests.stories.v1.test_events import read
from tests.support.books import Buyer
from tests.support.shop import Shop

from tallystick.domain.commands import Method
from tallystick.domain.outcomes import Accepted
from tallystick.services.events import low_balances
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import books
from tallystick.services.seller.manual_operations import BookContext, context_with_book
from tallystick.store.accounts import parties
from tallystick.store.events import low_balances as stored


async def context(program: Program) -> BookContext:
    found = await context_with_book(
        program.shop.service, Actor(None), program.shop.key.party_id, program.shop.books.book_id
    )
    assert found is not None
    return found


async def choose(program: Program, amount: str) -> None:
    """Choose an amount, and let the worker begin with it."""
    await low_balances.set_amount(await context(program), low_balances.read_amount(amount))
    await look(program)


async def look(program: Program, at_once: int = low_balances.AT_ONCE) -> int:
    """The worker looks at the shop's own books, ten seconds later; how many balances are told."""
    shop = program.shop
    shop.clock.forward(seconds=10)
    return sum(
        [
            await low_balances.look_at(shop.service, book, shop.clock(), at_once=at_once)
            for book in await watched(program)
        ]
    )


async def watched(program: Program) -> list[stored.WatchedBook]:
    own = (await context(program)).parts
    return [book for book in await stored.books(program.shop.service.pool) if book.book_id in own]


async def pay(shop: Shop, buyer: Buyer, amount: str) -> None:
    assert isinstance(await shop.books.pay(buyer, amount), Accepted)


async def top_up(shop: Shop, buyer: Buyer, amount: str) -> None:
    await shop.books.deposit(buyer, amount)
    assert isinstance(await shop.books.fund(buyer, amount), Accepted)


async def told(program: Program) -> list[dict[str, Any]]:
    return await read(program, type="balance.low")


async def test_a_balance_is_told_once_until_it_has_risen(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("10.00")
    await choose(program, "5.00")
    for amount, count in (("5.00", 0), ("0.01", 1), ("1.00", 0), ("3.00", 0)):
        await pay(shop, buyer, amount)
        assert await look(program) == count, amount
    await top_up(shop, buyer, "4.01")
    assert await look(program) == 0, "exactly the amount is not low"
    assert await look(program) == 0
    await pay(shop, buyer, "0.50")
    assert await look(program) == 1
    shop.clock.forward(minutes=3)
    assert await look(program) == 0

    first, second = await told(program)

    assert [first["data"]["object"], first["data"]["id"]] == ["authorization", buyer.instrument]
    assert (second["type"], second["data"]["id"]) == ("balance.low", buyer.instrument)
    assert second["data"]["balance"] == "4.500000"


async def test_a_top_up_by_card_lifts_a_balance_when_it_is_there(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.prepaid_buyer("25.00", Method.CC)
    await choose(program, "5.00")
    shop.clock.forward(minutes=5)  # it was agreed to before, and is low without having fallen
    await program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": "10.00"})
    assert await look(program) == 0
    shop.clock.forward(minutes=5)  # its id is older by now than what a look reads
    await shop.rail_answers()
    assert await look(program) == 0
    shop.clock.forward(minutes=5)
    await pay(shop, buyer, "6.00")
    assert await look(program) == 1


async def test_a_new_balance_falls_only_from_where_it_was(program: Program) -> None:
    shop = program.shop
    await choose(program, "5.00")
    shop.clock.forward(minutes=5)
    poor = await shop.books.funded_buyer("4.00")
    spent_at_once = await shop.books.funded_buyer("6.00")
    await pay(shop, spent_at_once, "2.00")
    rich = await shop.books.funded_buyer("8.00")
    assert await look(program) == 1
    await pay(shop, poor, "1.00")
    await pay(shop, spent_at_once, "1.00")
    await pay(shop, rich, "4.00")
    assert await look(program) == 1
    assert [event["data"]["id"] for event in await told(program)] == [spent_at_once.instrument, rich.instrument]


async def test_what_is_below_another_amount_has_not_fallen(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("7.00")
    await choose(program, "5.00")
    await choose(program, "8.00")
    await pay(shop, buyer, "0.50")
    assert await look(program) == 0
    await choose(program, "6.00")
    await pay(shop, buyer, "1.00")
    assert await look(program) == 1
    await choose(program, "")
    await top_up(shop, buyer, "10.00")
    assert await look(program) == 0
    await choose(program, "6.00")
    await pay(shop, buyer, "10.00")
    assert await look(program) == 1
    assert len(await told(program)) == 2


async def test_what_cannot_be_charged_any_more_is_not_told(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("10.00")
    await choose(program, "5.00")
    await pay(shop, buyer, "6.00")
    await program.send("POST", f"/v1/authorizations/{buyer.instrument}/cancel", json={})
    assert await look(program) == 0
    assert await told(program) == []


async def test_two_workers_tell_it_once(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("10.00")
    await choose(program, "5.00")
    await pay(shop, buyer, "6.00")
    (book,) = await watched(program)
    looks = await asyncio.gather(*(low_balances.look_at(shop.service, book, shop.clock()) for _ in range(4)))
    assert sum(looks) == 1
    assert len(await told(program)) == 1


async def test_who_dies_before_the_commit_leaves_it_to_the_next_look(program: Program) -> None:
    shop = program.shop
    buyer = await shop.books.funded_buyer("10.00")
    await choose(program, "5.00")
    await pay(shop, buyer, "6.00")
    (book,) = await watched(program)
    async with shop.service.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        state = await stored.lock_look(connection, book.book_id)
        assert state is not None
        found = await stored.changed(connection, book, state, shop.clock(), 10)
        await stored.keep(connection, book.book_id, found)
        await stored.advance(connection, book, shop.clock(), shop.clock())
        assert await low_balances.look_at(shop.service, book, shop.clock()) == 0, "a rival does not wait"
        await transaction.rollback()
    assert await look(program) == 1


async def test_more_than_a_look_takes_is_told_by_the_next(program: Program) -> None:
    buyers = [await program.shop.books.funded_buyer("10.00") for _ in range(2)]
    await choose(program, "5.00")
    for buyer in buyers:
        await pay(program.shop, buyer, "6.00")
    assert [await look(program, at_once=1) for _ in range(3)] == [1, 1, 0]


async def test_others_are_told_by_their_own_amount_and_new_parts_have_it(program: Program, open_shop: OpenShop) -> None:
    shop, other = program.shop, await program_of(await open_shop())
    await choose(program, "5.00")
    theirs = await other.shop.books.funded_buyer("10.00")
    await pay(other.shop, theirs, "9.00")
    await look(program)
    assert await told(other) == []
    seller = await parties.find(shop.service.pool, shop.key.party_id)
    assert seller is not None
    parts = await books.split(shop.service, Actor(None), seller, "sandbox", 2)
    assert [await stored.amount(shop.service.pool, part) for part in parts] == [5_000_000, 5_000_000]
