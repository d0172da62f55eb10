"""An operator chooses a fee schedule for a seller, and the seller's next charge costs what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stories.pages.business import paying_customer
from tests.stories.pages.people import operator, person, signed_in
from tests.stories.pages.serving import CHARITY
from tests.stories.pages.world import Browser, Page, Seller, World
from tests.support.paths import ROOT

from tallystick.domain.commands import Method
from tallystick.domain.money import parse_amount
from tallystick.services.operations.fee_schedules import (
    check_chosen_schedules,
    read_fee_schedules,
    read_own_fee_schedules,
)
from tallystick.settings import SettingsError

SHIPPED = ROOT / "src" / "tallystick" / "services" / "operations" / "fees.toml"
OWN = "".join(
    f'[own.{{name}}.{method.value}]\nfixed = "0.00"\nbrackets = [{{{{ percent = "1" }}}}]\n' for method in Method
)


@pytest.fixture
async def admin(world: World) -> Browser:
    return await signed_in(world, await operator(world))


async def choose(admin: Browser, seller: Seller, name: str) -> Page:
    page = await admin.get(f"/admin/accounts/{seller.party.party_id}")
    return Page(await admin.submit(page, "/fees", schedule=name))


async def fee_on_ten_dollars(world: World, seller: Seller) -> int:
    payment = await (await paying_customer(world, seller)).pay("10")
    (row,) = await world.rows(
        "SELECT fee_micros FROM transaction WHERE book_id = $1 AND transaction_id = $2", seller.book_id, payment
    )
    return int(row["fee_micros"])


async def test_a_seller_has_a_schedule_of_its_own_until_it_has_the_standard_one_again(
    world: World, seller: Seller, admin: Browser
) -> None:
    assert await fee_on_ten_dollars(world, seller) == parse_amount("0.30")

    page = await choose(admin, seller, "charity")
    assert "The fee schedule is chosen." in page.text
    assert "Chose a seller's fee schedule" in page.text
    assert await fee_on_ten_dollars(world, seller) == parse_amount("0.10")
    assert await fee_on_ten_dollars(world, await world.seller("Other Shop")) == parse_amount("0.30")

    await choose(admin, seller, "standard")
    assert await fee_on_ten_dollars(world, seller) == parse_amount("0.30")


async def test_a_schedule_that_is_not_there_cannot_be_chosen(world: World, seller: Seller, admin: Browser) -> None:
    page = await choose(admin, seller, "made-up")

    assert page.response.status_code == 422
    assert "Choose one of these." in page.text
    buyer = await person(world)
    fields = Page(await admin.get(f"/admin/accounts/{seller.party.party_id}")).form("/fees").fields
    refused = await admin.post(f"/admin/accounts/{buyer.party_id}/fees", fields)
    assert refused.status_code == 404


async def test_the_service_does_not_start_without_a_schedule_that_a_seller_has(
    world: World, seller: Seller, admin: Browser
) -> None:
    await choose(admin, seller, "charity")
    await check_chosen_schedules(world.pool, {"charity": CHARITY})
    with pytest.raises(SettingsError, match="charity"):
        await check_chosen_schedules(world.pool, {})
    await choose(admin, seller, "standard")


def test_a_file_may_have_schedules_for_single_sellers(tmp_path: Path) -> None:
    path = tmp_path / "fees.toml"
    path.write_text(SHIPPED.read_text() + OWN.format(name="charity"))

    assert read_own_fee_schedules(path) == {"charity": CHARITY}
    assert read_fee_schedules(path) == read_fee_schedules(None)
    assert read_own_fee_schedules(None) == {}


@pytest.mark.parametrize("own", [OWN.format(name="standard"), OWN.format(name='"A b"'), "[own]\nx = 1\n", "[own.x]\n"])
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, own: str) -> None:
    path = tmp_path / "fees.toml"
    path.write_text(SHIPPED.read_text() + own)
    with pytest.raises(SettingsError):
        read_own_fee_schedules(path)
