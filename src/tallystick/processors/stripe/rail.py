"""The Stripe rail: real cards, and bank accounts where the account at Stripe has them.

An order is a PaymentIntent or a Refund at Stripe, made under the order's own key and with transaction and book noted on
it. Whatever is lost on the way, there is never a second one
(docs/decisions/130-an-order-is-never-made-again-at-stripe.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from tallystick.domain.commands import Method
from tallystick.domain.rails.commands import RailOperation
from tallystick.processors.payout_rail import ConnectedAccount, Connecting, PayoutAnswer, PayoutInstruction
from tallystick.processors.rail import (
    DisputeFound,
    PaymentMethodFound,
    RailAnswer,
    RailHint,
    RailMovement,
    RailOrder,
    SetupRequest,
    SetupResult,
    SetupStarted,
    Unknown,
    transaction_of,
)
from tallystick.processors.stripe.account import missing
from tallystick.processors.stripe.charges import StripeCharges
from tallystick.processors.stripe.disputes import find_dispute
from tallystick.processors.stripe.events import read_event
from tallystick.processors.stripe.gateway import ORDER_SECONDS, Gateway, StripeKeys
from tallystick.processors.stripe.movements import list_movements
from tallystick.processors.stripe.refunds import StripeRefunds
from tallystick.processors.stripe.setups import StripeSetups
from tallystick.processors.stripe.transfers import StripeTransfers

NAME: Final = "stripe"

CARD: Final = "card"
BANK_DEBITS: Final[Mapping[str, str]] = {"us_bank_account": "USD", "sepa_debit": "EUR"}
"""Bank debits that Stripe has, with the one currency that each is made in."""

REMEMBERS_KEYS_FOR: Final = timedelta(hours=24)
"""Source: https://docs.stripe.com/api/idempotent_requests: keys are removed when they are at least so old."""

_BACK: Final = frozenset({RailOperation.REFUND, RailOperation.RETURN})


class StripeRail:
    """One account at Stripe, in test mode or live, as its key says. `bank_debit`: one of BANK_DEBITS; None: cards."""

    def __init__(self, keys: StripeKeys, clock: Callable[[], datetime], bank_debit: str | None = None) -> None:
        self._keys = keys
        self._clock = clock
        self._gateway = Gateway(keys)
        self._types = {Method.CC: CARD} | ({} if bank_debit is None else {Method.ACH: bank_debit})
        self._charges = StripeCharges(self._gateway)
        self._refunds = StripeRefunds(self._gateway, self._charges)
        self._setups = StripeSetups(self._gateway, self._types)
        self._transfers = StripeTransfers(self._gateway, clock)

    @property
    def name(self) -> str:
        """The rail's name in the books."""
        return NAME

    @property
    def environments(self) -> frozenset[str]:
        """Live books with a live key, sandbox books with one of test mode."""
        return frozenset({"live" if self._keys.live else "sandbox"})

    @property
    def remembers_keys_for(self) -> timedelta:
        """How long Stripe knows an idempotency key for certain."""
        return REMEMBERS_KEYS_FOR

    async def perform(self, order: RailOrder) -> RailAnswer:
        """Carry out an order, once for its key.

        Raises StripeError, TimeoutError: it is not known what became of it. Raises LookupError, StateError, ValueError:
        somebody has to look at it, at Stripe.
        """
        async with asyncio.timeout(ORDER_SECONDS):
            return await self._perform(order)

    async def _perform(self, order: RailOrder) -> RailAnswer:
        match order.operation:
            case RailOperation.CHARGE | RailOperation.AUTHORIZE:
                return await self._charges.charge(order, self._type_of(order.method))
            case RailOperation.CAPTURE:
                return await self._charges.capture(order)
            case RailOperation.VOID:
                return await self._charges.void(order)
            case RailOperation.REFUND:
                return await self._refunds.refund(order)
            case RailOperation.RETURN:
                return await self._refunds.give_back(order)

    def _type_of(self, method: Method) -> str:
        if (method_type := self._types.get(method)) is None:
            raise LookupError(f"{method.value} is not taken at Stripe any more")
        return method_type

    async def look_again(
        self, reference: str | None, idempotency_key: str, asked_first: datetime
    ) -> RailAnswer | Unknown:
        """What became of an order, by Stripe's id of it or by what is noted there. Raises as `perform`."""
        async with asyncio.timeout(ORDER_SECONDS):
            return await self._look_again(reference, idempotency_key, asked_first)

    async def _look_again(self, reference: str | None, key: str, asked_first: datetime) -> RailAnswer | Unknown:
        operation = _operation(key)
        if operation in _BACK and not (reference or "").startswith("pi_"):
            return await self._refunds.look_again(reference, key, asked_first)
        if operation is RailOperation.RETURN:  # a hold was released
            operation = RailOperation.VOID
        return await self._charges.look_again(reference, key, operation, asked_first, self._clock())

    async def begin_setup(self, request: SetupRequest) -> SetupStarted:
        """Begin a session of Stripe Checkout."""
        return await self._setups.begin(request)

    async def finish_setup(self, reference: str) -> SetupResult:
        """What became of a session."""
        return await self._setups.finish(reference)

    async def find_method(self, rail_token: str) -> PaymentMethodFound | None:
        """A card or bank account as Stripe has it now: it brings cards up to date that banks have replaced."""
        return await self._setups.find(rail_token)

    async def find_dispute(self, reference: str) -> DisputeFound | None:
        """A dispute as Stripe has it now; None: there is none."""
        return await find_dispute(self._gateway, reference)

    def read_event(self, headers: Mapping[str, str], body: bytes) -> RailHint:
        """What an event is about. Raises RailEventRefusedError."""
        return read_event(headers, body, self._keys.webhook_secret)

    def list_movements(self, since: datetime, until: datetime) -> AsyncIterator[RailMovement]:
        """Stripe's balance transactions."""
        return list_movements(self._gateway, since, until)

    async def begin_connecting(self, key: str, account_id: str | None, again_url: str, back_url: str) -> Connecting:
        """Where a seller opens an account at Stripe, or goes on with it. Raises StripeError, TimeoutError."""
        return await self._transfers.begin(key, account_id, again_url, back_url)

    async def find_connected(self, account_id: str) -> ConnectedAccount:
        """A seller's account as Stripe has it now. Raises StripeError, TimeoutError."""
        return await self._transfers.find(account_id)

    async def transfer(self, instruction: PayoutInstruction) -> PayoutAnswer:
        """Pay a seller out, once for the key. Raises as `perform`."""
        async with asyncio.timeout(ORDER_SECONDS):
            return await self._transfers.send(instruction)

    async def take_back(self, reference: str, idempotency_key: str) -> None:
        """Reverse a transfer. Raises NotTakenBackError, StripeError, TimeoutError."""
        async with asyncio.timeout(ORDER_SECONDS):
            await self._transfers.take_back(reference, idempotency_key)

    async def missing(self, events_url: str) -> list[str]:
        """What is still to be done at Stripe, by name. `events_url`: where its events should go. Raises StripeError."""
        return await missing(self._gateway, events_url)

    async def close(self) -> None:
        """Close the connections to Stripe."""
        await self._gateway.close()


def _operation(key: str) -> RailOperation:
    """What the order with this key is to do (`idempotency_key` in processors/rail.py)."""
    suffix = key.removeprefix(transaction_of(key)).lstrip(".")
    return RailOperation(suffix) if suffix else RailOperation.CHARGE
