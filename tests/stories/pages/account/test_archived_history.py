"""A person whose older history was moved out is told where it is."""

from __future__ import annotations

from datetime import timedelta

from tests.stories.pages.world import Page, Seller, World

SENTENCE = "are in the archive. Music Shop can ask for them."


async def test_history_and_statement_say_that_older_entries_are_in_the_archive(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.postpaid()))
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    assert await seller.told(answer["creditSenderTokenID"], "2.50") == "Success"
    path = f"/account/authorizations/{answer['creditInstrumentID']}"
    month = f"{path}/statements/{world.clock():%Y-%m}"

    whole = [Page(await browser.get(place)).text for place in (path, month)]
    await world.pool.execute(
        "UPDATE book SET archived_before = $2 WHERE book_id = $1", seller.book_id, world.clock() + timedelta(days=1)
    )
    cut = [Page(await browser.get(place)).text for place in (path, month)]

    assert [SENTENCE in text for text in (*whole, *cut)] == [False, False, True, True]
