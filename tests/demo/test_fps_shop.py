"""The sample shop that signs its calls: what it shows while a balance is filled, and which answers it believes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tallystick.client.fps import Client, Credentials
from tallystick.demo.customers import Customer, CustomerConsent, Customers
from tallystick.demo.fps_checkout import FpsCheckout
from tallystick.demo.shop import COOKIE, create_shop
from tallystick.domain.money import MICROS_PER_UNIT, format_amount

SERVICE = "http://pay.example"
SHOP = "http://shop.example"


@dataclass
class FakeService:
    """Answers what the shop asks about one balance, in the protocol's XML. Micro-units."""

    balance_micros: int = 0
    pending_micros: int = 0
    failed: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        action = request.url.params["Action"]
        self.asked.append(action)
        return httpx.Response(
            200, text=f"<{action}Response><{action}Result>{self._result(action)}</{action}Result></{action}Response>"
        )

    def _result(self, action: str) -> str:
        match action:
            case "GetPrepaidBalance":
                amounts = (("AvailableBalance", self.balance_micros), ("PendingInBalance", self.pending_micros))
                parts = "".join(f"<{name}><Value>{format_amount(micros)}</Value></{name}>" for name, micros in amounts)
                return f"<PrepaidBalance>{parts}</PrepaidBalance>"
            case "GetTransactionStatus":
                status = "Failure" if self.failed else "Success"
                message = self.failed or "The transaction succeeded."
                return f"<TransactionStatus>{status}</TransactionStatus><StatusMessage>{message}</StatusMessage>"
            case "FundPrepaid":
                self.pending_micros, self.failed = 10 * MICROS_PER_UNIT, ""
                return "<TransactionId>T2</TransactionId><TransactionStatus>Pending</TransactionStatus>"
            case "VerifySignature":
                return "<VerificationStatus>Failure</VerificationStatus>"
        raise ValueError(action)


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def browser(service: FakeService, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A customer who has just agreed, and whose first payment is transaction T1."""
    customers = Customers(tmp_path / "shop.json")
    customers.save(Customer("known", prepaid=CustomerConsent("C1", "S1", "M1"), funding="T1"))
    async with httpx.AsyncClient(transport=httpx.MockTransport(service.answer)) as http:
        shop = create_shop(FpsCheckout(Client(SERVICE, Credentials("K", "secret"), http), SHOP), customers)
        transport = httpx.ASGITransport(shop)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=SHOP, cookies={COOKIE: "known"}) as client:
            yield client


async def test_what_is_on_its_way_is_shown_and_the_page_goes_on_by_itself(
    service: FakeService, browser: httpx.AsyncClient
) -> None:
    service.pending_micros = 10 * MICROS_PER_UNIT
    page = (await browser.get("/")).text

    assert "Your balance is being filled" in page
    assert 'data-waiting="10.00"' in page
    assert "<progress" in page
    assert 'http-equiv="refresh"' in page
    assert "0.00 <span>" not in page.replace("10.00", "")

    service.balance_micros, service.pending_micros = service.pending_micros, 0
    page = (await browser.get("/")).text
    assert 'data-balance="10.00"' in page
    assert "<progress" not in page
    assert 'http-equiv="refresh"' not in page


async def test_a_payment_that_failed_says_why_and_can_be_tried_again(
    service: FakeService, browser: httpx.AsyncClient
) -> None:
    service.failed = "The card was declined."
    page = (await browser.get("/")).text

    assert "The card was declined. Nothing was charged." in page
    assert "Try again with 10.00 USD" in page
    assert 'data-balance="0.00"' not in page

    again = await browser.post("/credit", data={"once": "a1b2"})
    assert again.is_redirect
    assert "Your balance is being filled" in (await browser.get("/")).text


async def test_a_balance_that_was_spent_is_no_failure(service: FakeService, browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/")).text

    assert 'data-balance="0.00"' in page
    assert "could not be filled" not in page
    assert "GetTransactionStatus" in service.asked


async def test_who_has_not_agreed_yet_reads_the_amount_of_the_hosted_page(browser: httpx.AsyncClient) -> None:
    browser.cookies.clear()
    page = (await browser.get("/")).text

    assert "<span>up to</span> 25.00 <span>USD</span>" in page
    link = (await browser.post("/pay-now")).headers["location"]
    assert httpx.URL(link).params["fundingAmount"] == "25.000000"


async def test_an_answer_that_the_service_did_not_sign_is_not_believed(
    service: FakeService, browser: httpx.AsyncClient
) -> None:
    link = (await browser.post("/pay-now")).headers["location"]
    back = httpx.URL(httpx.URL(link).params["returnURL"])
    made_up = await browser.get(str(back), params={**back.params, "status": "SC", "prepaidInstrumentID": "mine"})

    assert made_up.status_code == 400
    assert "not signed by the payments service" in made_up.text
    assert (await browser.get(str(back), params={"order": "another", "status": "SC"})).status_code == 400
    assert service.asked.count("VerifySignature") == 1
    assert "FundPrepaid" not in service.asked
