"""What is missing at Stripe, in the shapes of its documentation: the fake has neither accounts nor endpoints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.stripe.fake import FakeStripe
from tests.support.stripe.forms import Json

from tallystick.processors.stripe.account import EVENTS
from tallystick.processors.stripe.gateway import API_VERSION
from tallystick.processors.stripe.rail import StripeRail

URL = "https://pay.example/rails/stripe/events"


def endpoint(**changes: object) -> Json:
    usual = {"id": "we_1", "object": "webhook_endpoint", "url": URL, "status": "enabled"}
    return usual | {"enabled_events": list(EVENTS), "api_version": API_VERSION} | changes


@pytest.fixture(autouse=True)
def _as_before(fake: FakeStripe) -> Iterator[None]:
    account = dict(fake.proxy.account)
    yield
    fake.proxy.account, fake.proxy.endpoints = account, []


@pytest.mark.parametrize(
    "endpoints",
    [[endpoint()], [endpoint(enabled_events=["*"])], [endpoint(url="https://other.example/"), endpoint()]],
)
async def test_nothing_is_missing(fake: FakeStripe, rail: StripeRail, endpoints: list[Json]) -> None:
    fake.proxy.endpoints = endpoints

    assert await rail.missing(URL) == []


@pytest.mark.parametrize(
    ("account", "endpoints", "expected"),
    [
        ({"charges_enabled": False}, [endpoint()], ["the account at Stripe may not charge yet"]),
        ({"payouts_enabled": False}, [endpoint()], ["the account at Stripe may not pay out yet"]),
        ({"details_submitted": False}, [endpoint()], ["Stripe still needs details of the account"]),
        ({}, [], [f"no enabled endpoint at Stripe sends events to {URL}"]),
        ({}, [endpoint(status="disabled")], [f"no enabled endpoint at Stripe sends events to {URL}"]),
        (
            {},
            [endpoint(enabled_events=list(EVENTS[1:]))],
            [f"the endpoint at Stripe is not sent {EVENTS[0]}"],
        ),
        (
            {},
            [endpoint(api_version="2020-08-27")],
            [f"the endpoint at Stripe has another API version than {API_VERSION}"],
        ),
    ],
)
async def test_what_is_missing_is_named(
    fake: FakeStripe, rail: StripeRail, account: Json, endpoints: list[Json], expected: list[str]
) -> None:
    fake.proxy.account |= account
    fake.proxy.endpoints = endpoints

    assert await rail.missing(URL) == expected
