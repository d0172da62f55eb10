"""Payments that a buyer has to confirm with the bank: they fail, a letter says so, and afterwards they go well."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from tests.stories.pages.people import person, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World
from tests.support.fake_rail import FakeRail

from tallystick.domain.commands import Method
from tallystick.domain.rails.commands import Paid
from tallystick.processors.rail import (
    PaymentMethodFound,
    RailAnswer,
    RailOrder,
    RequiresAction,
    SetupRequest,
    SetupResult,
    SetupStarted,
)
from tallystick.processors.rails import Rails
from tallystick.worker import Worker

CONFIRM_NUMBER = "4000 0027 6000 3184"


@dataclass
class BankRail(FakeRail):
    """A rail that has no page for confirmations: a card is confirmed by setting it up once more."""

    name = "bank"
    asked: list[SetupRequest] = field(default_factory=list)

    async def perform(self, order: RailOrder) -> RailAnswer:
        return RequiresAction(None, "pi_1") if order.rail_token == "pm_old" else Paid("pi_2", 0)

    async def begin_setup(self, request: SetupRequest) -> SetupStarted:
        self.asked.append(request)
        return SetupStarted("https://rail.example/again", f"cs_{request.idempotency_key}")

    async def finish_setup(self, reference: str) -> SetupResult:
        assert reference.startswith("cs_")
        return PaymentMethodFound("pm_new", Method.CC, "Visa", "3184", date(2032, 5, 31))


@dataclass
class Buyer:
    browser: Browser
    email: str
    answer: dict[str, str]


@pytest.fixture
async def buyer(world: World, seller: Seller) -> Buyer:
    """Somebody who has agreed to a prepaid balance with a card whose bank wants to be asked."""
    browser = world.browser()
    email = f"confirming-{seller.party.party_id}@buyer.example"
    card = await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email)
    confirm = await browser.submit(card, "/card", number=CONFIRM_NUMBER, expiry="10/2031")
    return Buyer(browser, email, await world.answer(await browser.submit(confirm, "/confirm")))


async def fund(seller: Seller, buyer: Buyer) -> str:
    answer = buyer.answer
    told = await seller.fund(answer["fundingTokenID"], answer["prepaidInstrumentID"], "20.00")
    return told.text("TransactionId")


async def status(world: World, transaction_id: str) -> tuple[str, str]:
    (row,) = await world.rows(
        "SELECT status, status_message FROM transaction WHERE transaction_id = $1", transaction_id
    )
    return row["status"], row["status_message"]


async def test_the_letter_leads_to_the_confirmation_and_then_the_seller_tries_again(
    world: World, seller: Seller, buyer: Buyer
) -> None:
    first = await fund(seller, buyer)
    await world.rail_answers()
    said, why = await status(world, first)
    assert said == "Failure"
    assert "until the buyer has confirmed it" in why
    assert seller.party.name in (await world.mailed(buyer.email)).subject

    page = await buyer.browser.get(await world.mailed_link(buyer.email))
    assert "20.00" in Page(page).text
    gone = await buyer.browser.submit(page, f"/{first}")
    bank = await buyer.browser.get(gone.headers["location"].removeprefix(world.base_url))
    assert "Simulated bank" in Page(bank).text
    done = await buyer.browser.submit(bank, bank.url.path)
    assert "Confirmed." in Page(done).text

    again = await fund(seller, buyer)
    await world.rail_answers()
    assert (await status(world, again))[0] == "Success"
    assert (await status(world, first))[0] == "Failure", "what the seller was told stays so"


async def test_the_letter_is_sent_once(world: World, seller: Seller, buyer: Buyer) -> None:
    await fund(seller, buyer)
    await world.rail_answers()
    await world.rail_answers()

    letters = await world.rows(
        "SELECT 1 FROM mail WHERE recipient = $1 AND subject LIKE '%confirm your payment%'", buyer.email
    )
    assert len(letters) == 1


async def test_nobody_else_sees_what_is_to_be_confirmed(world: World, seller: Seller, buyer: Buyer) -> None:
    first = await fund(seller, buyer)
    await world.rail_answers()
    stranger = await signed_in(world, await person(world), "/account/sign-in")

    assert (await stranger.get(f"/account/confirmations/{first}")).status_code == 404
    assert (await buyer.browser.get("/account/confirmations/nonsense")).status_code == 404


async def test_without_a_page_of_the_rail_the_card_is_set_up_once_more(
    world: World, seller: Seller, buyer: Buyer
) -> None:
    rail = BankRail()
    service = replace(world.service, rails=Rails((*world.service.rails, rail), world.service.rails.choices))
    await world.pool.execute(
        "UPDATE payment_method SET rail = 'bank', rail_token = 'pm_old'"
        " WHERE party_id = (SELECT party_id FROM party WHERE email = $1)",
        buyer.email,
    )
    first = await fund(seller, buyer)
    await Worker(service, service.rails).ask_rails()
    assert (await status(world, first))[0] == "Failure"

    browser = world.browser(service)
    await browser.sign_in(await browser.get("/account/sign-in"), buyer.email)
    page = await browser.get(await world.mailed_link(buyer.email))
    gone = await browser.submit(page, f"/{first}")
    assert gone.headers["location"] == "https://rail.example/again"
    back = await browser.get(rail.asked[-1].return_url.removeprefix(world.base_url))
    assert "can try again now" in Page(back).text

    again = await fund(seller, buyer)
    await Worker(service, service.rails).ask_rails()
    assert (await status(world, again))[0] == "Success", "all authorizations are paid from the card as it is now"
