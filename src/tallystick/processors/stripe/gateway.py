"""Stripe's library as this rail uses it: one API version, deadlines, and no retries of its own.

What is tried again, and under which key, is for the worker to decide: the library would do so behind its back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import stripe

from tallystick.processors.stripe.transport import HttpxTransport

API_VERSION: Final = "2026-10-28.endive"
"""The one version that requests ask for, and that the endpoint of events should be set to."""

API_BASE: Final = "https://api.stripe.com"

CALL_SECONDS: Final = 15.0
"""One request."""

ORDER_SECONDS: Final = 45.0
"""All requests of one order: it ends before its lease does (services/rails/orders.py)."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class StripeKeys:
    """How to reach one account at Stripe. `secret_key` tells whether in test mode or live."""

    secret_key: str = field(repr=False)
    webhook_secret: str | None = field(default=None, repr=False)
    api_base: str = API_BASE

    @property
    def live(self) -> bool:
        """Whether real money moves. A key that is none of Stripe's counts as live, so that it opens no sandbox."""
        return not self.secret_key.startswith(("sk_test_", "rk_test_"))


class Gateway:
    """A client of one account."""

    def __init__(self, keys: StripeKeys) -> None:
        self._http = HttpxTransport(CALL_SECONDS)
        self._client = stripe.StripeClient(
            keys.secret_key,
            http_client=self._http,
            base_addresses={"api": keys.api_base},
            max_network_retries=0,
            stripe_version=API_VERSION,
        )
        self.api = self._client.v1

    async def close(self) -> None:
        """Close what connections there are."""
        await self._http.close_async()


async def in_time(call: Awaitable[Result], seconds: float = CALL_SECONDS) -> Result:
    """The answer of one request. Raises TimeoutError, and whatever the request raises."""
    async with asyncio.timeout(seconds):
        return await call


def is_gone(error: stripe.InvalidRequestError) -> bool:
    """Whether an object that was named does not exist, or not any more."""
    return error.code == "resource_missing" or error.http_status == 404  # noqa: PLR2004 - Not Found


def payer_is_gone(error: stripe.InvalidRequestError) -> bool:
    """Whether what was to be charged does not exist at Stripe, or not any more: the customer or the payment method.

    Anything else that is missing, such as the address itself behind a wrong setting, says nothing about the card.
    """
    return error.code == "resource_missing" and error.param in {"customer", "payment_method"}


def may_have_happened(error: stripe.StripeError) -> bool:
    """Whether a request may have had its effect although its answer does not say so.

    A key that was used with another body is remembered with what the first one did. An error on Stripe's side is
    remembered too: asking again under the key gives the same error, whatever became of the order.
    """
    return isinstance(error, stripe.IdempotencyError) or (error.http_status or 0) >= 500  # noqa: PLR2004 - on its side


def decline_code(error: stripe.CardError) -> str | None:
    """Why a card was declined: the issuer's reason where Stripe tells it, else Stripe's."""
    return getattr(error.error, "decline_code", None) or error.code


def in_progress(error: stripe.StripeError) -> bool:
    """Whether the same order is being carried out by a request that has not ended."""
    return error.http_status == 409 or error.code in {"idempotency_key_in_use", "lock_timeout"}  # noqa: PLR2004
