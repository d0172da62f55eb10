"""What a buyer agrees to is made once: double clicks, two tabs, links opened again, crashes in between."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import cast

from tests.stories.pages.visits import PREPAID_IDS, chosen_card, instruments
from tests.stories.pages.world import Page, Seller, World, named

from tallystick.db.connections import Pool
from tallystick.domain.commands import Command
from tallystick.domain.ids import BookId
from tallystick.domain.outcomes import Outcome
from tallystick.store.ledger.committer import Committer


async def test_a_double_click_makes_it_once(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.prepaid()))

    answers = await asyncio.gather(*(browser.submit(confirm, "/confirm") for _ in range(4)))

    ids = {(await world.answer(answer))["prepaidInstrumentID"] for answer in answers}
    assert ids == set(await instruments(world, seller))
    assert len(ids) == 1


async def test_the_same_link_in_two_tabs_makes_it_once(world: World, seller: Seller) -> None:
    browser = world.browser()
    url = seller.url(seller.prepaid())
    first = await browser.at_confirm(url)
    second = await browser.submit(await browser.get(url), "/method", key=chosen_card(await browser.get(url)))
    assert first.url != second.url

    answers = await asyncio.gather(browser.submit(first, "/confirm"), browser.submit(second, "/confirm"))

    made = await instruments(world, seller)
    assert [(await world.answer(answer))["prepaidInstrumentID"] for answer in answers] == made * 2


async def test_a_finished_link_gives_the_same_ids_again(world: World, seller: Seller) -> None:
    browser = world.browser()
    url = seller.url(seller.prepaid())
    confirm = await browser.at_confirm(url)
    first = await world.answer(await browser.submit(confirm, "/confirm"))

    again = await world.answer(await browser.get(url))
    back_button = await world.answer(await browser.get(str(confirm.url)))

    for other in (again, back_button):
        assert {name: other[name] for name in (*PREPAID_IDS, "status", "expiry")} == {
            name: first[name] for name in (*PREPAID_IDS, "status", "expiry")
        }
    assert len(await instruments(world, seller)) == 1


async def test_a_used_reference_with_other_parameters_is_refused(world: World, seller: Seller) -> None:
    browser = world.browser()
    params = seller.prepaid()
    await browser.submit(await browser.at_confirm(seller.url(params)), "/confirm")

    answer = await world.answer(await browser.get(seller.url(params | {"fundingAmount": "2500.00"})))

    names = ["callerReferenceSender", "callerReferenceFunding"]
    assert (answer["status"], answer["errorMessage"]) == ("CE", named(names))


async def test_a_reference_taken_meanwhile_is_refused(world: World, seller: Seller) -> None:
    browser = world.browser()
    params = seller.prepaid()
    slow = await browser.at_confirm(seller.url(params))
    other = world.browser()
    quick = await other.at_confirm(seller.url(params | {"fundingAmount": "5.00"}))
    await other.submit(quick, "/confirm")

    answer = await world.answer(await browser.submit(slow, "/confirm"))

    assert (answer["status"], answer["errorMessage"]) == ("CE", named(["callerReferenceSender"]))
    assert len(await instruments(world, seller)) == 1


async def test_an_unfinished_link_starts_over(world: World, seller: Seller) -> None:
    browser = world.browser()
    url = seller.url(seller.prepaid())
    left = await browser.submit(await browser.get(url), "/leave")
    assert (await world.answer(left))["status"] == "A"

    assert (await browser.get(url)).url.path.endswith("/sign-in")


@dataclass
class FailsAfter:
    """A committer whose answer gets lost: it commits, and then the process seems to break."""

    committer: Committer
    commits: bool = True

    @property
    def pool(self) -> Pool:
        return self.committer.pool

    async def perform(self, book_id: BookId, command: Command) -> Outcome:
        if self.commits:
            await self.committer.perform(book_id, command)
        raise ConnectionError("made up by a test")


async def test_a_crash_after_the_commit_gives_the_same_ids_again(world: World, seller: Seller) -> None:
    broken = replace(world.service, committer=cast("Committer", FailsAfter(world.service.committer)))
    browser = world.browser(broken)
    url = seller.url(seller.prepaid())
    confirm = await browser.at_confirm(url)
    lost = await world.answer(await browser.submit(confirm, "/confirm"))
    assert lost["status"] == "SE"
    assert "prepaidInstrumentID" not in lost

    healthy = world.browser()
    healthy.http.cookies = browser.http.cookies
    again = await world.answer(await healthy.get(url))

    assert again["status"] == "SC"
    assert [again["prepaidInstrumentID"]] == await instruments(world, seller)


async def test_a_crash_before_the_commit_can_be_made_good(world: World, seller: Seller) -> None:
    broken = replace(world.service, committer=cast("Committer", FailsAfter(world.service.committer, commits=False)))
    browser = world.browser(broken)
    confirm = await browser.at_confirm(seller.url(seller.prepaid()))
    assert (await world.answer(await browser.submit(confirm, "/confirm")))["status"] == "SE"
    planned = await world.rows(
        "SELECT answer, finished_at FROM cobranded_visit WHERE caller_party_id = $1", seller.party.party_id
    )
    assert planned[0]["finished_at"] is None

    healthy = world.browser()
    healthy.http.cookies = browser.http.cookies
    page = await healthy.get(str(confirm.url))
    answer = await world.answer(await healthy.submit(page, "/confirm"))

    assert answer["prepaidInstrumentID"] == planned[0]["answer"]["prepaidInstrumentID"]
    assert [answer["prepaidInstrumentID"]] == await instruments(world, seller)


async def test_a_change_in_another_tab_must_be_seen_before_confirming(world: World, seller: Seller) -> None:
    browser = world.browser()
    url = seller.url(seller.prepaid())
    confirm = await browser.at_confirm(url)
    method = await browser.get(str(confirm.url).replace("/confirm", "/method"))
    await browser.submit(method, "/method", key="balance")

    shown = await browser.submit(confirm, "/confirm")

    assert shown.status_code == 409
    assert "Your choices changed in another window" in Page(shown).text
    assert "your account balance" in Page(shown).text
    assert await instruments(world, seller) == []
    assert (await world.answer(await browser.submit(shown, "/confirm")))["status"] == "SA"


async def test_leaving_after_confirming_changes_nothing(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.prepaid()))
    await browser.submit(confirm, "/confirm")

    assert (await world.answer(await browser.submit(confirm, "/leave")))["status"] == "SC"
