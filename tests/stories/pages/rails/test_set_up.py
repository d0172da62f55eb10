"""Cards and bank accounts that are set up at a rail: there, back, and on to where the buyer was."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date

import httpx
import pytest
from tests.stories.pages.people import person, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World
from tests.support.fake_rail import FakeRail
from tests.support.paths import ROOT

from tallystick.domain.commands import Method
from tallystick.processors.rail import (
    PaymentMethodFound,
    SetupAbandoned,
    SetupPending,
    SetupRequest,
    SetupResult,
    SetupStarted,
)
from tallystick.processors.rails import Rails
from tallystick.processors.simulated_numbers import NUMBERS
from tallystick.services.context import Service

METHODS = "/account/payment-methods"
FOUND = PaymentMethodFound("pm_1", Method.CC, "Visa", "1881", date(2032, 5, 31))


@dataclass
class DistantRail(FakeRail):
    """A rail at another site, for sandbox and live; `result`: what it says of every set-up."""

    name = "distant"
    environments = frozenset({"sandbox", "live"})
    result: SetupResult = FOUND
    asked: list[SetupRequest] = field(default_factory=list)
    broken: bool = False

    async def begin_setup(self, request: SetupRequest) -> SetupStarted:
        if self.broken:
            raise TimeoutError
        self.asked.append(request)
        return SetupStarted(f"https://rail.example/checkout/{len(self.asked)}", f"cs_{request.idempotency_key}")

    async def finish_setup(self, reference: str) -> SetupResult:
        assert reference.startswith("cs_")
        return self.result


def with_rail(world: World, rail: DistantRail) -> Service:
    """The same service, where new cards go to this rail."""
    choices = {(environment, method): rail.name for environment in ("sandbox", "live") for method in (Method.CC,)}
    return replace(world.service, rails=Rails((*world.service.rails, rail), choices))


def path_of(world: World, response: httpx.Response) -> str:
    """Where a redirect leads on our own site."""
    return response.headers["location"].removeprefix(world.base_url)


def back_of(world: World, rail: DistantRail, *, cancelled: bool = False) -> str:
    request = rail.asked[-1]
    return (request.cancel_url if cancelled else request.return_url).removeprefix(world.base_url)


async def at_card_page(browser: Browser, seller: Seller) -> httpx.Response:
    """A new buyer at the first page where a card can be given."""
    return await browser.sign_up(await browser.get(seller.url(seller.prepaid())))


async def test_a_visit_goes_on_with_the_card_of_the_simulated_provider(world: World, seller: Seller) -> None:
    browser = world.browser()
    card_page = await at_card_page(browser, seller)
    provider = await browser.get(path_of(world, await browser.submit(card_page, "/set-up")))
    assert "Simulated provider" in Page(provider).text
    assert all(one.grouped in Page(provider).text for one in NUMBERS if one.method is Method.CC)

    gave = await browser.submit(provider, provider.url.path, number="4000000000009995")
    confirm = await browser.get(path_of(world, gave))

    assert confirm.url.path.endswith("/confirm")
    assert "Visa ending in 9995" in Page(confirm).text
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    assert answer["status"] == "SC"


async def test_who_turns_back_at_the_simulated_provider_chooses_again(world: World, seller: Seller) -> None:
    browser = world.browser()
    card_page = await at_card_page(browser, seller)
    provider = await browser.get(path_of(world, await browser.submit(card_page, "/set-up")))

    again = await browser.get(path_of(world, await browser.submit(provider, "/cancel")))

    assert "Nothing was added at the payment provider." in Page(again).text
    twice = await browser.get(provider.url.path)
    assert "This is over already." in Page(twice).text


async def test_the_simulated_provider_takes_its_own_numbers_only(world: World, seller: Seller) -> None:
    browser = world.browser()
    card_page = await at_card_page(browser, seller)
    provider = await browser.get(path_of(world, await browser.submit(card_page, "/set-up")))

    refused = await browser.submit(provider, provider.url.path, number="4111111111111111")

    assert refused.status_code == 422
    assert "4111111111111111" not in refused.text


@pytest.mark.parametrize(
    ("form", "typed"),
    [
        ("card", {"number": "4111 1111 1111 1111", "expiry": "10/2031"}),
        ("bank-account", {"routing": "110000000", "number": "000987654321"}),
    ],
)
async def test_nobodys_real_number_is_taken_in_the_sandbox(world: World, form: str, typed: dict[str, str]) -> None:
    someone = await person(world)
    browser = await signed_in(world, someone, "/account/sign-in")

    refused = await browser.submit(await browser.get(f"{METHODS}/{form}"), f"/{form}", **typed)

    assert refused.status_code == 422
    assert "Only test numbers are taken here" in Page(refused).text
    assert typed["number"] not in refused.text
    assert await world.rows("SELECT 1 FROM payment_method WHERE party_id = $1", someone.party_id) == []


def test_the_page_about_the_sandbox_lists_all_test_numbers() -> None:
    page = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([0-9 ]+)` \| ([^|]+) \|$", page, re.MULTILINE)
    assert rows == [(one.grouped, one.tells) for one in NUMBERS]


async def test_where_cards_go_to_another_rail_no_form_of_ours_takes_a_number(world: World, seller: Seller) -> None:
    rail = DistantRail()
    browser = world.browser(with_rail(world, rail))
    card_page = await at_card_page(browser, seller)
    assert 'name="number"' not in card_page.text
    assert "form-action 'self' https:" in card_page.headers["content-security-policy"]

    gone = await browser.submit(card_page, "/set-up")
    assert gone.headers["location"] == "https://rail.example/checkout/1"
    refused = await browser.post(
        card_page.url.path.replace("/method", "/card"),
        Page(card_page).form("/set-up").fields | {"number": "4242 4242 4242 4242", "expiry": "10/2031"},
    )
    assert "This is added at the payment provider, not here." in Page(refused).text

    confirm = await browser.get(back_of(world, rail))
    assert "Visa ending in 1881" in Page(confirm).text
    kept = await world.rows("SELECT rail, rail_token, expires_on FROM payment_method WHERE rail_token = 'pm_1'")
    assert {"rail": "distant", "rail_token": "pm_1", "expires_on": date(2032, 5, 31)} in kept


async def test_what_the_rail_is_still_checking_is_looked_at_again(world: World, seller: Seller) -> None:
    rail = DistantRail(result=SetupPending())
    browser = world.browser(with_rail(world, rail))
    await browser.submit(await at_card_page(browser, seller), "/set-up")

    waiting = await browser.get(back_of(world, rail))
    assert "still checking" in Page(waiting).text
    given_up = await browser.get(back_of(world, rail, cancelled=True))
    assert "Nothing was added" in Page(given_up).text
    rail.result = FOUND
    link = next(link for link in Page(waiting).links if "setup=" in link)

    assert (await browser.get(link)).url.path.endswith("/confirm")


async def test_a_rail_that_cannot_be_reached_is_told_as_such(world: World, seller: Seller) -> None:
    rail = DistantRail(broken=True)
    browser = world.browser(with_rail(world, rail))

    told = await browser.submit(await at_card_page(browser, seller), "/set-up")

    assert told.status_code == 503
    assert "The payment provider cannot be reached at the moment." in Page(told).text


async def test_somebody_elses_set_up_is_nobodys(world: World, seller: Seller) -> None:
    """Whoever has the address of the way back gets to a page of their own, without the card."""
    rail = DistantRail()
    service = with_rail(world, rail)
    browser = world.browser(service)
    owner = await person(world)
    await browser.get("/account/sign-in")
    signed = await browser.sign_in(await browser.get("/account/sign-in"), owner.email)
    assert signed.status_code == 200
    await browser.submit(await browser.get(f"{METHODS}/card"), "/set-up")

    stranger = world.browser(service)
    await at_card_page(stranger, seller)
    setup_id = back_of(world, rail).rpartition("/")[2]
    other = await stranger.get(f"{METHODS}/set-up?setup={setup_id}")

    assert other.url.path == METHODS or "/sign-in" in other.url.path
    assert "1881" not in other.text
    assert await world.rows("SELECT 1 FROM rail_setup WHERE setup_id = $1 AND ended_at IS NOT NULL", setup_id) == []


async def test_cards_for_real_money_stand_apart_on_the_account(world: World) -> None:
    rail = DistantRail()
    browser = world.browser(with_rail(world, rail))
    owner = await person(world)
    await browser.sign_in(await browser.get("/account/sign-in"), owner.email)
    listed = await browser.get(METHODS)
    assert "For trying out, without real money" in Page(listed).text

    form = await browser.get(next(link for link in Page(listed).links if link.endswith("card?live")))
    assert 'name="number"' not in form.text
    await browser.submit(form, "/set-up")
    added = await browser.get(back_of(world, rail))

    assert "Visa ending in 1881 is in your account." in Page(added).text
    (kept,) = await world.rows(
        "SELECT environment, payment_method_id FROM payment_method WHERE party_id = $1", owner.party_id
    )
    assert kept["environment"] == "live"

    rail.result = replace(FOUND, rail_token="pm_2", last_four="5556")
    replacing = await browser.get(f"{METHODS}/{kept['payment_method_id']}/replace")
    assert 'name="number"' not in replacing.text
    gone = await browser.submit(replacing, "/replace")
    assert gone.headers["location"].startswith("https://rail.example/")
    assert rail.asked[-1].buyer_reference == rail.asked[0].buyer_reference
    now = await browser.get(back_of(world, rail))
    assert "5556" in Page(now).text
    rows = await world.rows(
        "SELECT last_four FROM payment_method WHERE party_id = $1 AND removed_at IS NULL", owner.party_id
    )
    assert [row["last_four"] for row in rows] == ["5556"], "it has taken the place of the other one"


async def test_what_is_given_up_at_the_rail_adds_nothing(world: World) -> None:
    rail = DistantRail(result=SetupAbandoned())
    browser = world.browser(with_rail(world, rail))
    owner = await person(world)
    await browser.sign_in(await browser.get("/account/sign-in"), owner.email)
    await browser.submit(await browser.get(f"{METHODS}/card?live"), "/set-up")

    back = await browser.get(back_of(world, rail))

    assert "Nothing was added at the payment provider." in Page(back).text
    assert await world.rows("SELECT 1 FROM payment_method WHERE party_id = $1", owner.party_id) == []


async def test_an_event_that_the_rail_did_not_sign_is_refused(world: World) -> None:
    browser = world.browser()
    refused = await browser.http.post("/rails/simulated/events", content=b"{}")
    assert (refused.status_code, refused.text) == (400, "refused\n")
    assert (await browser.http.post("/rails/none/events", content=b"{}")).status_code == 404
