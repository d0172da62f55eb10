"""Finance chooses which balances buyers may have paid back by themselves."""

from __future__ import annotations

import pytest
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Page, Seller, World

from tallystick.domain.decide.outgoing.redemption import ALWAYS, NEVER, Redemption
from tallystick.services.seller.staff import StaffRole
from tallystick.store.records import redemptions


async def chosen(world: World, seller: Seller, environment: str = "sandbox") -> Redemption:
    key = (seller.party.party_id, environment)
    return (await redemptions.policies(world.pool, [key])).get(key, NEVER)


async def test_it_is_chosen_shown_and_written_down_for_one_environment(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller, StaffRole.FINANCE)
    assert "paid back by themselves: never." in Page(await browser.get(console(seller, "instruments"))).text
    here = console(seller, "redemption")

    done = await browser.submit(await browser.get(here), "/redemption", choice="up_to", up_to="10.00")

    assert "Whoever agrees to a balance from now on reads it" in Page(done).text
    assert await chosen(world, seller) == Redemption(10_000_000)
    assert await chosen(world, seller, "live") == NEVER
    assert "paid back by themselves: up to 10.00." in Page(await browser.get(console(seller, "instruments"))).text
    await browser.submit(await browser.get(here), "/redemption", choice="always")
    await browser.submit(await browser.get(here), "/redemption", choice="always")
    assert await chosen(world, seller) == ALWAYS
    rows = await world.rows(
        "SELECT subject, details FROM audit_entry WHERE action = 'balance.redemption' AND business_id = $1"
        " ORDER BY audit_id",
        seller.party.party_id,
    )
    assert [(row["subject"], row["details"]) for row in rows] == [
        ("up to 10.00", {"before": "never"}),
        ("always", {"before": "up to 10.00"}),
    ], "what changes nothing leaves no row"


@pytest.mark.parametrize("typed", [{"up_to": ""}, {"up_to": "0"}, {"up_to": "-1"}, {"choice": "sometimes"}])
async def test_what_cannot_be_chosen_is_said(world: World, seller: Seller, typed: dict[str, str]) -> None:
    browser = await at_work(world, seller, StaffRole.FINANCE)
    form = await browser.get(console(seller, "redemption"))
    wrong = await browser.submit(form, "/redemption", **{"choice": "up_to", "up_to": "5"} | typed)
    assert wrong.status_code == 422
    assert ("Choose one of these." if "choice" in typed else "Enter an amount such as 10.00.") in Page(wrong).text
    assert await chosen(world, seller) == NEVER
