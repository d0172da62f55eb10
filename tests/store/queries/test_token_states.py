"""Statements that ask whether a token or an instrument can still be used come to the same as the domain."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

from tests.support.books import Books

from tallystick.db.connections import Pool
from tallystick.domain.tokens import TokenState, state_of
from tallystick.store.queries import instrument_list, tokens
from tallystick.store.queries.instrument_list import Usability
from tallystick.store.records import sandbox_clocks

DAY = timedelta(days=1)

CHANGED = """
UPDATE token SET valid_from = $3, expires_at = $4, cancelled_at = $5, used_by = $6 WHERE book_id = $1 AND token_id = $2
"""


async def tokens_of_all_sorts(shop: Books) -> None:
    now = shop.clock()
    ends = (None, now - DAY, now, now + DAY)
    for dates in product((now - 2 * DAY, now, now + DAY), ends, (None, now - DAY), (None, "T")):
        token_id = (await shop.sender_token()).spending
        await shop.pool.execute(CHANGED, shop.book_id, token_id, *dates)


async def ids(pool: Pool, wanted: instrument_list.InstrumentQuery) -> set[str]:
    return {token.token_id for token in (await instrument_list.tokens(pool, wanted, 1_000)).found}


async def test_the_list_of_tokens(shop: Books) -> None:
    await tokens_of_all_sorts(shop)
    now, parts = shop.clock(), (shop.book_id,)

    everything = (await instrument_list.tokens(shop.pool, instrument_list.InstrumentQuery(parts, now), 1_000)).found
    live = {token.token_id for token in everything if token.state(now).live}
    assert len(everything) == 48
    assert len(live) == 6
    assert await ids(shop.pool, instrument_list.InstrumentQuery(parts, now, life=Usability.ACTIVE)) == live
    ended = {token.token_id for token in everything} - live
    assert await ids(shop.pool, instrument_list.InstrumentQuery(parts, now, life=Usability.ENDED)) == ended


async def test_the_list_of_instruments(shop: Books) -> None:
    now, parts = shop.clock(), (shop.book_id,)
    for ends, cancelled in product((None, now - DAY, now, now + DAY), (None, now - DAY)):
        buyer = await shop.prepaid_buyer()
        await shop.pool.execute(
            "UPDATE instrument SET valid_from = $3, expires_at = $4 WHERE book_id = $1 AND instrument_id = $2",
            shop.book_id,
            buyer.instrument,
            now - 2 * DAY,
            ends,
        )
        await shop.pool.execute(CHANGED, shop.book_id, buyer.spending, now - 2 * DAY, ends, cancelled, None)

    for life in Usability:
        found = await instrument_list.instruments(
            shop.pool, instrument_list.InstrumentQuery(parts, now, life=life), 1_000
        )
        assert found.found
        assert {state_of(one, now).live for one in found.found} == {life is Usability.ACTIVE}

    later = await shop.prepaid_buyer()
    for statement, an_id in (
        ("UPDATE instrument SET valid_from = $3 WHERE book_id = $1 AND instrument_id = $2", later.instrument),
        ("UPDATE token SET valid_from = $3 WHERE book_id = $1 AND token_id = $2", later.spending),
    ):
        await shop.pool.execute(statement, shop.book_id, an_id, now + DAY)
    query = instrument_list.InstrumentQuery(parts, now)
    everything = (await instrument_list.instruments(shop.pool, query, 1_000)).found
    for state in (TokenState.NOT_YET, TokenState.ACTIVE, TokenState.EXPIRED, TokenState.CANCELLED):
        expected = [one for one in everything if state_of(one, now) is state]
        assert expected
        assert await in_pieces(shop.pool, replace(query, state=state), 1_000, 1_000) == expected
        assert await in_pieces(shop.pool, replace(query, state=state), maximum=2, reach=3) == expected


async def in_pieces(
    pool: Pool, wanted: instrument_list.InstrumentQuery, maximum: int, reach: int
) -> list[instrument_list.InstrumentRecord]:
    """All that is wanted, by searches that look at so many each."""
    found: list[instrument_list.InstrumentRecord] = []
    after: instrument_list.InstrumentRecord | None = None
    while True:
        page = await instrument_list.bounded_instruments(pool, wanted, maximum, after, reach)
        assert len(page.found) <= min(maximum, reach)
        found += page.found
        if page.earlier is None:
            return found
        after = await instrument_list.instrument(pool, wanted.parts, page.earlier)
        assert after is not None


async def test_what_a_sandbox_clock_would_end(shop: Books) -> None:
    await tokens_of_all_sorts(shop)
    now = shop.clock()
    everything = (
        await instrument_list.tokens(shop.pool, instrument_list.InstrumentQuery((shop.book_id,), now), 1_000)
    ).found

    ending = await sandbox_clocks.ending(shop.pool, (shop.book_id,), now, now + 2 * DAY)
    assert ending.tokens == sum(one.state(now).live and one.state(now + 2 * DAY).over for one in everything) > 0


async def test_one_record_whoever_asks(shop: Books) -> None:
    buyer = await shop.sender_token()
    found = await tokens.find(shop.pool, shop.book_id, buyer.spending)
    assert found is not None
    assert (found.giver_id, found.seller_id, found.book_id) == (buyer.party_id, shop.party_id, shop.book_id)

    assert await tokens.by_ids(shop.pool, shop.book_id, [buyer.spending, "another"]) == {buyer.spending: found}
    assert await tokens.by_reference(shop.pool, (shop.book_id,), found.caller_reference) == found
    assert await tokens.of_giver(shop.pool, buyer.party_id, found.environment) == [found]
    assert await instrument_list.token(shop.pool, (shop.book_id,), buyer.spending) == found
