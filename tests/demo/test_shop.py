"""The sample shop, on the fake service of the Python client: what a customer sees, and what is charged."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tallystick.demo.customers import CustomerConsent, Customers
from tallystick.demo.json_checkout import JsonCheckout
from tallystick.demo.shop import create_shop
from tallystick_client import AsyncTallystick
from tallystick_client.testing import FakeTallystick

SERVICE = "https://tallystick.example"
SHOP = "http://shop.example"


@dataclass
class Visitor:
    """A customer's browser, and the service behind the shop. `gone`: it does not answer."""

    fake: FakeTallystick
    browser: httpx.AsyncClient
    gone: bool = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.gone:
            raise httpx.ConnectError("nobody is there", request=request)
        return self.fake.handle(request)

    async def sees(self, path: str = "/") -> str:
        answer = await self.browser.get(path)
        assert answer.status_code == 200
        return answer.text

    async def presses(self, path: str, once: str = "") -> httpx.Response:
        """Press a button; each press is one of its own unless `once` says otherwise."""
        return await self.browser.post(path, data={"once": once or f"press{len(self.fake.requests)}"})

    async def goes(self, button: str) -> tuple[str, str]:
        """To the hosted pages: the authorization there, and the way back."""
        link = httpx.URL((await self.presses(button)).headers["location"])
        assert str(link).startswith(SERVICE)
        made = self.fake.books.authorizations[link.params["authorization"]]
        return made.id, made.return_url

    async def agrees(self, button: str, method: str = "card") -> str:
        """And comes back; the authorization."""
        authorization, back = await self.goes(button)
        self.fake.agree(authorization, method=method)
        assert (await self.browser.get(back)).is_redirect
        return authorization


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    fake = FakeTallystick(slow=True)

    async def sleep(_seconds: float) -> None:
        return None

    async with httpx.AsyncClient(base_url=SHOP) as nobody:
        someone = Visitor(fake, nobody)
        async with httpx.AsyncClient(transport=httpx.MockTransport(someone.answer)) as http:
            ts = AsyncTallystick("tsk_test_fake", SERVICE, http=http, sleep=sleep)
            shop = create_shop(JsonCheckout(ts, SERVICE, SHOP), Customers(tmp_path / "shop.json"))
            transport = httpx.ASGITransport(shop)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url=SHOP) as someone.browser:
                yield someone


async def test_what_is_on_its_way_is_shown_and_the_page_goes_on_by_itself(visitor: Visitor) -> None:
    await visitor.agrees("/pay-now")
    page = await visitor.sees()
    assert "Your balance is being filled" in page
    assert 'data-waiting="10.00"' in page
    assert 'http-equiv="refresh"' in page
    assert "0.00 <span>" not in page.replace("10.00", "")

    visitor.fake.come_through()
    page = await visitor.sees()
    assert 'data-balance="10.00"' in page
    assert "<progress" not in page
    assert 'http-equiv="refresh"' not in page


async def test_a_payment_that_failed_says_so_and_can_be_tried_again(visitor: Visitor) -> None:
    authorization = await visitor.agrees("/pay-now")
    visitor.fake.decline_next()
    visitor.fake.come_through()
    page = await visitor.sees()
    assert "Your payment was declined. Nothing was charged." in page
    assert "Try again with 10.00 USD" in page

    assert (await visitor.presses("/credit")).is_redirect
    assert "Your balance is being filled" in await visitor.sees()
    visitor.fake.come_through()
    assert visitor.fake.balance(authorization) == 10


async def test_songs_are_charged_once_for_each_press(visitor: Visitor) -> None:
    authorization = await visitor.agrees("/pay-now", "account_balance")
    for once in ("a1", "a1", "b2"):
        assert (await visitor.presses("/songs/1", once)).is_redirect
    assert visitor.fake.balance(authorization) == Decimal("9.90")
    assert "Yours" in await visitor.sees()
    visitor.fake.lose_next_answers()
    assert (await visitor.presses("/songs/2")).is_redirect
    assert visitor.fake.balance(authorization) == Decimal("9.85")

    assert (await visitor.presses("/credit")).is_redirect
    assert "more than the balance may hold" in (await visitor.presses("/credit")).text
    visitor.fake.books.authorizations[authorization].held = 40_000
    assert "not enough credit left" in (await visitor.presses("/songs/3")).text


async def test_a_tab_is_raised_to_its_limit_and_settled(visitor: Visitor) -> None:
    authorization = await visitor.agrees("/tab/authorize", "bank_account")
    for record in (3, 4):
        assert (await visitor.presses(f"/tab/records/{record}")).is_redirect
    assert "more than is left on your tab" in (await visitor.presses("/tab/records/4")).text
    assert visitor.fake.balance(authorization) == 90
    assert (await visitor.presses("/tab/settle")).is_redirect
    assert "90.00" in await visitor.sees("/tab")
    visitor.fake.come_through()
    assert visitor.fake.balance(authorization) == 0
    assert visitor.fake.books.cash == 87_500_000


async def test_what_the_browser_brings_back_is_believed_in_nothing(visitor: Visitor) -> None:
    authorization, back = await visitor.goes("/pay-now")
    forged = await visitor.browser.get(f"{back}&status=SC")
    assert "Nothing was charged" in forged.text
    assert "Pay Now" in await visitor.sees()
    assert (await visitor.browser.get("/paid?order=another")).status_code == 400
    assert (await visitor.browser.get("/paid")).status_code == 400
    assert visitor.fake.books.transactions == {}

    visitor.fake.agree(authorization)
    for _ in range(2):  # a reload is no second payment
        assert (await visitor.browser.get(back)).is_redirect
    assert len(visitor.fake.books.transactions) == 1


async def test_who_has_not_agreed_yet_reads_the_amount_of_the_hosted_page(visitor: Visitor) -> None:
    assert "<span>up to</span> 25.00 <span>USD</span>" in await visitor.sees()
    authorization, _ = await visitor.goes("/pay-now")
    assert visitor.fake.books.authorizations[authorization].limit == 25_000_000


async def test_without_the_service_the_shop_says_so(visitor: Visitor) -> None:
    await visitor.agrees("/pay-now")
    visitor.gone = True
    for answer in (
        await visitor.browser.get("/"),
        await visitor.presses("/songs/1"),
        await visitor.presses("/pay-now"),
    ):
        assert answer.status_code == 502
        assert "does not answer" in answer.text


def test_customers_of_an_earlier_shop_are_known(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    consent = {"instrument_id": "PC1", "spending_token": "S1", "money_token": "M1"}
    file.write_text(json.dumps([{"customer_id": "known", "prepaid": consent, "songs": {"song-1": 3}}]), "utf-8")
    customers = Customers(file)
    known = customers.find("known")
    assert known is not None
    assert known.prepaid == CustomerConsent("PC1", "S1", "M1")
    customers.save(known)
    assert Customers(file).find("known") == known
