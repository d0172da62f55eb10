"""What Stripe says is missing: only a missing customer or payment method says something about the card."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import stripe
from aiohttp import web
from tests.support.stripe.fake import utc_now
from tests.support.stripe.orders import first

from tallystick.domain.rails.commands import Declined
from tallystick.processors.stripe.gateway import StripeKeys
from tallystick.processors.stripe.rail import StripeRail


@dataclass
class Refusing:
    """Answers everything with one refusal."""

    rail: StripeRail
    error: dict[str, str]


@pytest.fixture
async def refusing() -> AsyncIterator[Refusing]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"error": told.error}, status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    told = Refusing(StripeRail(StripeKeys("sk_test_x", None, f"http://{host}:{port}"), utc_now), {})
    yield told
    await told.rail.close()
    await runner.cleanup()


@pytest.mark.parametrize("param", ["customer", "payment_method"])
async def test_a_card_that_is_gone_is_a_hard_decline(refusing: Refusing, param: str) -> None:
    refusing.error = {"type": "invalid_request_error", "code": "resource_missing", "param": param, "message": "No such"}

    answer = await refusing.rail.perform(first(utc_now(), "cus_1/pm_1"))

    assert isinstance(answer, Declined)
    assert (answer.code, answer.hard) == ("no_account", True)


@pytest.mark.parametrize(
    "error",
    [
        {"type": "invalid_request_error", "code": "resource_missing", "param": "on_behalf_of", "message": "No such"},
        {"type": "invalid_request_error", "code": "resource_missing", "message": "No such"},
        {"type": "invalid_request_error", "param": "customer", "message": "Unrecognized request URL"},
    ],
)
async def test_anything_else_that_is_missing_says_nothing_about_the_card(
    refusing: Refusing, error: dict[str, str]
) -> None:
    refusing.error = error

    with pytest.raises(stripe.InvalidRequestError):
        await refusing.rail.perform(first(utc_now(), "cus_1/pm_1"))
