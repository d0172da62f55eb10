"""Setting up a card or a bank account at Stripe Checkout: the buyer goes there, and comes back.

Neither a number nor a script of Stripe's is ever on a page of ours. Source: https://docs.stripe.com/payments/checkout/
save-and-reuse.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import stripe

from tallystick.domain.commands import Method
from tallystick.processors.rail import (
    PaymentMethodFound,
    SetupAbandoned,
    SetupPending,
    SetupRequest,
    SetupResult,
    SetupStarted,
)
from tallystick.processors.stripe.gateway import Gateway, in_time, is_gone
from tallystick.processors.stripe.objects import parts_of_token, token_of

BUYER: Final = "tallystick_buyer"
"""Name in the metadata of customers."""


@dataclass(frozen=True, slots=True)
class StripeSetups:
    """`types`: what Stripe calls the cards and bank accounts that can be set up here."""

    gateway: Gateway
    types: Mapping[Method, str]

    async def begin(self, request: SetupRequest) -> SetupStarted:
        """Begin a session of Checkout, once for the key. Raises LookupError: there is no such kind here.

        Each set-up has a customer of its own: a payment method belongs to one for ever, and two sellers' tokens may
        name the same card.
        """
        if (method_type := self.types.get(request.kind)) is None:
            raise LookupError(f"{request.kind.value} is not taken at Stripe")
        customer = await in_time(
            self.gateway.api.customers.create_async(
                {"metadata": {BUYER: request.buyer_reference}},
                {"idempotency_key": f"{request.idempotency_key}.customer"},
            )
        )
        session = await in_time(
            self.gateway.api.checkout.sessions.create_async(
                {
                    "mode": "setup",
                    "customer": customer.id,
                    "allowed_payment_method_types": [method_type],
                    "success_url": request.return_url,
                    "cancel_url": request.cancel_url,
                    "metadata": {BUYER: request.buyer_reference},
                },
                {"idempotency_key": request.idempotency_key},
            )
        )
        if session.url is None:
            raise LookupError(f"session {session.id} has no page")
        return SetupStarted(session.url, session.id)

    async def finish(self, reference: str) -> SetupResult:
        """What became of a session."""
        session = await in_time(
            self.gateway.api.checkout.sessions.retrieve_async(reference, {"expand": ["setup_intent.payment_method"]})
        )
        if session.status == "expired":
            return SetupAbandoned()
        setup = session.setup_intent
        if session.status != "complete" or setup is None or isinstance(setup, str):
            return SetupPending()
        match setup.status:
            case "succeeded" if isinstance(setup.payment_method, stripe.PaymentMethod):
                return payment_method_found(setup.payment_method) or SetupAbandoned()
            case "canceled" | "requires_payment_method":
                return SetupAbandoned()
            case _:  # two small amounts are on their way to the bank account
                return SetupPending()

    async def find(self, rail_token: str) -> PaymentMethodFound | None:
        """A card or bank account as Stripe has it now."""
        _, payment_method = parts_of_token(rail_token)
        try:
            found = await in_time(self.gateway.api.payment_methods.retrieve_async(payment_method))
        except stripe.InvalidRequestError as error:
            if is_gone(error):
                return None
            raise
        return payment_method_found(found)


def payment_method_found(method: stripe.PaymentMethod) -> PaymentMethodFound | None:
    """What the service keeps of a payment method. None: no customer has it, or it is of no kind of ours."""
    customer = method.customer if isinstance(method.customer, str) or method.customer is None else method.customer.id
    if customer is None:
        return None
    token = token_of(customer, method.id)
    match method.type:
        case "card" if method.card is not None:
            card = method.card
            brand = getattr(card, "display_brand", None) or card.brand
            name = " ".join(word.capitalize() for word in brand.split("_"))
            last_day = _last_day(card.exp_year, card.exp_month)
            return PaymentMethodFound(token, Method.CC, name, card.last4, last_day)
        case "us_bank_account" if method.us_bank_account is not None:
            bank = method.us_bank_account
            return PaymentMethodFound(token, Method.ACH, bank.bank_name or "Bank account", bank.last4 or "")
        case "sepa_debit" if method.sepa_debit is not None:
            sepa = method.sepa_debit
            return PaymentMethodFound(token, Method.ACH, f"{sepa.country or ''} bank account".strip(), sepa.last4 or "")
        case _:
            return None


def _last_day(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])
