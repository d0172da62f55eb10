"""Cards that buyers save at Checkout, which the proxy stands in for, and bank accounts in the shapes of Stripe."""

from __future__ import annotations

from datetime import date

import httpx
import pytest
import stripe
from tests.support.stripe.events import WEBHOOK_SECRET
from tests.support.stripe.fake import REFUSED, VISA, FakeStripe, utc_now
from tests.support.stripe.faults import Fault
from tests.support.stripe.forms import Json
from tests.support.stripe.orders import first

from tallystick.domain.commands import Method
from tallystick.domain.rails.commands import Paid
from tallystick.processors.rail import PaymentMethodFound, SetupAbandoned, SetupPending, SetupRequest
from tallystick.processors.stripe.gateway import StripeKeys
from tallystick.processors.stripe.rail import StripeRail
from tallystick.processors.stripe.setups import payment_method_found


def request(key: str, kind: Method = Method.CC) -> SetupRequest:
    return SetupRequest(kind, "https://pay.example/back", "https://pay.example/cancelled", "buyer-9", key)


async def test_a_card_is_saved_at_checkout_and_charged_when_the_buyer_is_gone(
    fake: FakeStripe, rail: StripeRail
) -> None:
    started = await rail.begin_setup(request("setup-1"))
    before = await rail.finish_setup(started.reference)

    async with httpx.AsyncClient() as browser:
        page = await browser.get(started.url)
        refused = await browser.post(started.url, data={"number": REFUSED})
        back = await browser.post(started.url, data={"number": "4242 4242 4242 4242"})
    found = await rail.finish_setup(started.reference)

    session = fake.proxy.checkout.sessions[started.reference]
    assert (session["mode"], session["allowed_payment_method_types"]) == ("setup", ["card"])
    assert before == SetupPending()
    assert "Card number" in page.text
    assert "declined" in refused.text
    assert back.headers["location"] == "https://pay.example/back"
    assert isinstance(found, PaymentMethodFound)
    assert (found.kind, found.brand, found.last_four, found.expires_on) == (
        Method.CC,
        "Visa",
        "4242",
        date(2031, 12, 31),
    )
    assert found == await rail.find_method(found.rail_token)
    assert isinstance(await rail.perform(first(utc_now(), found.rail_token)), Paid)


async def test_a_set_up_that_is_begun_twice_is_one(fake: FakeStripe, rail: StripeRail) -> None:
    customers = fake.proxy.calls["POST /v1/customers"]
    fake.proxy.faults.plan(Fault.DROPPED_AFTER)
    with pytest.raises(stripe.StripeError):
        await rail.begin_setup(request("setup-2"))

    started = await rail.begin_setup(request("setup-2"))
    again = await rail.begin_setup(request("setup-2"))

    assert started == again
    assert fake.proxy.calls["POST /v1/customers"] == customers + 3


@pytest.mark.parametrize(
    ("session", "setup"), [("expired", None), ("complete", "canceled"), ("complete", "requires_payment_method")]
)
async def test_a_set_up_may_come_to_nothing(
    fake: FakeStripe, rail: StripeRail, session: str, setup: str | None
) -> None:
    started = await rail.begin_setup(request(f"setup-{session}-{setup}"))
    fake.proxy.checkout.sessions[started.reference] |= {"status": session, "setup_intent": intent(setup)}

    assert await rail.finish_setup(started.reference) == SetupAbandoned()


async def test_a_bank_account_that_is_being_checked_is_pending(fake: FakeStripe, rail: StripeRail) -> None:
    started = await rail.begin_setup(request("setup-bank"))
    fake.proxy.checkout.sessions[started.reference] |= {
        "status": "complete",
        "setup_intent": intent("requires_action"),
    }

    assert await rail.finish_setup(started.reference) == SetupPending()


def intent(status: str | None) -> Json | None:
    if status is None:
        return None
    return {"id": "seti_1", "object": "setup_intent", "status": status, "payment_method": None}


async def test_bank_accounts_are_set_up_only_where_they_are_on(fake: FakeStripe, rail: StripeRail) -> None:
    with_banks = StripeRail(
        StripeKeys("sk_test_of_the_tests", WEBHOOK_SECRET, fake.url), utc_now, bank_debit="us_bank_account"
    )

    started = await with_banks.begin_setup(request("setup-ach", Method.ACH))
    await with_banks.close()
    with pytest.raises(LookupError, match="ACH is not taken"):
        await rail.begin_setup(request("setup-none", Method.ACH))

    types = fake.proxy.checkout.sessions[started.reference]["allowed_payment_method_types"]
    assert types == ["us_bank_account"]


async def test_a_card_that_was_taken_from_its_customer_is_gone(fake: FakeStripe, rail: StripeRail) -> None:
    token = await fake.saved_card(VISA)
    method = token.partition("/")[2]
    assert await rail.find_method(token) is not None

    await fake.proxy.in_the_dashboard(f"/v1/payment_methods/{method}/detach", "")

    assert await rail.find_method(token) is None
    assert await rail.find_method("cus_1/pm_never") is None


METHODS: list[tuple[Json, PaymentMethodFound | None]] = [
    (
        {"type": "card", "card": {"brand": "american_express", "last4": "0005", "exp_month": 2, "exp_year": 2028}},
        PaymentMethodFound("cus_1/pm_1", Method.CC, "American Express", "0005", date(2028, 2, 29)),
    ),
    (
        {"type": "us_bank_account", "us_bank_account": {"bank_name": "STRIPE TEST BANK", "last4": "6789"}},
        PaymentMethodFound("cus_1/pm_1", Method.ACH, "STRIPE TEST BANK", "6789"),
    ),
    (
        {"type": "sepa_debit", "sepa_debit": {"country": "DE", "last4": "3000"}},
        PaymentMethodFound("cus_1/pm_1", Method.ACH, "DE bank account", "3000"),
    ),
    ({"type": "klarna", "klarna": {}}, None),
]


@pytest.mark.parametrize(("shape", "expected"), METHODS)
def test_what_is_kept_of_a_payment_method(shape: Json, expected: PaymentMethodFound | None) -> None:
    """In the shapes of https://docs.stripe.com/api/payment_methods/object, most of which the fake does not have."""
    values = {"id": "pm_1", "object": "payment_method", "customer": "cus_1"} | shape

    assert payment_method_found(stripe.PaymentMethod.construct_from(values, "sk_test_1")) == expected
