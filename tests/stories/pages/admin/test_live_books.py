"""Opening live books: what is missing is named, the operator opens them, an owner of the seller makes the key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.stories.pages.people import console, employee, operator, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.commands import Method
from tallystick.processors.rails import Rails
from tallystick.services.context import Service
from tallystick.services.operations import accounts
from tallystick.services.operations.audit import Actor
from tallystick.services.rails import live_opening
from tallystick.services.rails.live_opening import AlreadyOpenError, NotReadyForLiveError, Requirement
from tallystick.services.seller.staff import StaffRole

TERMS = "Contract of 1 November"


@pytest.fixture
def with_provider(world: World) -> Service:
    """The same service, which has a payment provider for real money."""
    choices = {**world.service.rails.choices, ("live", Method.CC): "simulated"}
    return replace(world.service, rails=Rails(world.service.rails.rails, choices))


async def verified(world: World, seller: Seller) -> None:
    await world.pool.execute(
        "UPDATE party SET verified_at = now(), email_verified_at = now() WHERE party_id = $1", seller.party.party_id
    )


async def at_admin(world: World, service: Service) -> Browser:
    """An operator's browser, at this configuration of the service."""
    known = await signed_in(world, await operator(world))
    browser = world.browser(service)
    browser.http.cookies = known.http.cookies
    return browser


def page_of(seller: Seller) -> str:
    return f"/admin/accounts/{seller.party.party_id}"


async def missing(service: Service, seller: Seller) -> list[Requirement]:
    account = await accounts.account_of(service, seller.party.party_id)
    assert account is not None
    return list((await live_opening.standing(service, account)).missing)


async def test_what_is_missing_is_named(world: World, seller: Seller, with_provider: Service) -> None:
    await world.pool.execute("UPDATE party SET email_verified_at = NULL WHERE party_id = $1", seller.party.party_id)
    assert await missing(world.service, seller) == [
        Requirement.EMAIL,
        Requirement.VERIFIED,
        Requirement.RAIL,
        Requirement.BOOKS,
        Requirement.KEY,
    ]
    assert Requirement.RAIL not in await missing(with_provider, seller)

    browser = await signed_in(world, await employee(world, seller, StaffRole.OWNER))
    live_side = console(seller).replace("/sandbox", "/live")
    text = Page(await browser.get(live_side)).text
    assert "Not open yet" in text
    assert "Payment provider missing Whoever runs this service sees to it." in " ".join(text.split())
    assert "Verified address missing You see to it." in " ".join(text.split())


async def test_an_operator_opens_them_and_an_owner_makes_the_key(
    world: World, seller: Seller, with_provider: Service
) -> None:
    await verified(world, seller)
    admin = await at_admin(world, with_provider)

    opened = await admin.submit(await admin.get(page_of(seller)), "/live", terms=TERMS, smallest_charge="0.05")

    assert "The live books are open." in Page(opened).text
    (row,) = await world.rows(
        "SELECT minimum_charge_micros FROM book WHERE party_id = $1 AND environment = 'live'", seller.party.party_id
    )
    assert row["minimum_charge_micros"] == 50_000
    (deed,) = await world.rows(
        "SELECT environment, details::text FROM audit_entry WHERE action = 'live.open' AND business_id = $1",
        seller.party.party_id,
    )
    assert deed["environment"] == "live"
    assert TERMS in deed["details"]
    assert await missing(with_provider, seller) == [Requirement.KEY]

    owner = await signed_in(world, await employee(world, seller, StaffRole.OWNER))
    live_side = console(seller).replace("/sandbox", "/live")
    assert "Not open yet" not in (await owner.get(live_side)).text
    form = await owner.get(f"{live_side}/keys/new")
    made = await owner.submit(form, "/keys", name="Shop", uses="everything")
    assert made.status_code == 200, Page(made).text
    assert await missing(with_provider, seller) == []


async def test_nothing_is_opened_while_something_is_missing(
    world: World, seller: Seller, with_provider: Service
) -> None:
    admin = await at_admin(world, with_provider)
    page = await admin.get(page_of(seller))
    assert not [form for form in Page(page).forms if form.action.endswith("/live")]
    token = next(form.fields["_csrf_token"] for form in Page(page).forms if "_csrf_token" in form.fields)

    refused = await admin.post(f"{page_of(seller)}/live", {"_csrf_token": token, "terms": TERMS})

    assert refused.status_code == 422
    assert await live_opening.live_book(world.service, seller.party.party_id) is None
    account = await accounts.account_of(world.service, seller.party.party_id)
    assert account is not None
    with pytest.raises(NotReadyForLiveError, match=r"^verified account$"):
        await live_opening.open_live(with_provider, Actor.command("test"), account, terms=TERMS)


async def test_terms_have_to_be_named(world: World, seller: Seller, with_provider: Service) -> None:
    await verified(world, seller)
    admin = await at_admin(world, with_provider)

    refused = await admin.submit(await admin.get(page_of(seller)), "/live", terms=" ", smallest_charge="0.01")

    assert refused.status_code == 422
    assert "Name the terms that the seller has agreed to" in Page(refused).text


async def test_books_are_opened_once(world: World, seller: Seller, with_provider: Service) -> None:
    await verified(world, seller)
    account = await accounts.account_of(world.service, seller.party.party_id)
    assert account is not None
    await live_opening.open_live(with_provider, Actor.command("test"), account, terms=TERMS)

    with pytest.raises(AlreadyOpenError):
        await live_opening.open_live(with_provider, Actor.command("test"), account, terms=TERMS)
