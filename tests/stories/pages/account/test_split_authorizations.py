"""Buyers authorize with a seller that has several books: each gets one of them, and nobody notices."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.stories.pages.world import Seller, World

from tallystick.domain.ids import BookId, InstrumentId, book_named_in
from tallystick.store.keys import access_keys
from tallystick.store.ledger import shards


@pytest.fixture
async def large(world: World, seller: Seller) -> Seller:
    async with world.pool.acquire() as connection:
        await shards.split(connection, seller.party.party_id, "sandbox", 2, world.clock())
    key = await access_keys.find(world.pool, world.service.vault, seller.key.access_key_id, world.clock())
    assert key is not None
    return replace(seller, key=key)


async def authorized(world: World, params: dict[str, str], seller: Seller) -> dict[str, str]:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(params))
    return await world.answer(await browser.submit(confirm, "/confirm"))


def book_of(answer: dict[str, str]) -> BookId:
    return book_named_in(InstrumentId(answer["creditInstrumentID"]))


async def test_buyers_go_to_the_parts_in_turn_and_pay_as_ever(world: World, large: Seller) -> None:
    answers = [await authorized(world, large.postpaid(), large) for _ in range(2)]
    while len({book_of(answer) for answer in answers}) < 2:  # in turn by chance: half of them go to each
        answers.append(await authorized(world, large.postpaid(), large))

    for answer in answers:
        assert await large.told(answer["creditSenderTokenID"], "2.50") == "Success"
    owed = await large.api.call("GetOutstandingDebtBalance", {})
    assert owed.micros("OutstandingDebt", "OutstandingBalance") == len(answers) * 2_500_000


async def test_a_reference_is_used_once_in_all_parts(world: World, large: Seller) -> None:
    """The first part's own index cannot see what the second has; the claim can."""
    for turn in range(6):
        params = large.postpaid()
        first = await authorized(world, params, large)
        changed = params | {"creditLimit": "50.00"}
        again = await world.browser().get(large.url(changed))
        refused = await world.answer(again)
        assert first["status"] == "SC", turn
        assert refused["status"] == "CE"
        assert "callerReferenceSender" in refused["errorMessage"]


async def test_the_same_link_again_gives_the_same_ids(world: World, large: Seller) -> None:
    params, browser = large.postpaid(), world.browser()
    first = await world.answer(await browser.submit(await browser.at_confirm(large.url(params)), "/confirm"))
    again = await world.answer(await browser.get(large.url(params)))

    assert again["creditInstrumentID"] == first["creditInstrumentID"]
