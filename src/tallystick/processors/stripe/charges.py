"""Charges, and holds that are captured or given up: PaymentIntents, confirmed while the buyer is not there.

Source: https://docs.stripe.com/payments/save-and-reuse and https://docs.stripe.com/api/idempotent_requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import stripe

from tallystick.domain.rails.commands import RailOperation
from tallystick.processors.declines import DECLINES, declined
from tallystick.processors.rail import RailAnswer, RailOrder, StillPending, Unknown, transaction_of
from tallystick.processors.stripe.answers import (
    IN_PROGRESS,
    StateError,
    answer_to_capture,
    answer_to_charge,
    answer_to_void,
    is_open,
    needs_authentication,
)
from tallystick.processors.stripe.gateway import (
    Gateway,
    decline_code,
    in_progress,
    in_time,
    is_gone,
    may_have_happened,
    payer_is_gone,
)
from tallystick.processors.stripe.objects import (
    INTENT_WITH_FEE,
    TRANSACTION,
    Intent,
    minor_units,
    notes,
    parts_of_token,
    read_intent,
)

_EARLIER: Final = timedelta(minutes=5)
"""How far Stripe's clock may be behind ours."""

_SEARCHABLE_AFTER: Final = timedelta(minutes=10)
"""What is younger may be missing from a search, though not from a list."""

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class StripeCharges:
    """The intents of one account."""

    gateway: Gateway

    async def charge(self, order: RailOrder, method_type: str) -> RailAnswer:
        """Charge or hold an amount, once for the order's key.

        The key makes the intent once. Where the answer to it may be another one than what has happened, the intent is
        looked for by what is noted on it, and never made under another key.
        """
        try:
            intent = await self._make(order, method_type)
        except stripe.StripeError as error:
            found = await self._after(error, order)
            if not isinstance(found, Intent):
                return found
            intent = found
        if intent.amount_micros != order.amount_micros:
            raise StateError(f"{intent.intent_id} is for {intent.amount_micros} micro-units, not {order.amount_micros}")
        if intent.status not in {"succeeded", "requires_capture"}:
            # What is remembered for a key is how the intent was then: what it has become since is asked for.
            intent = await self._retrieve(intent.intent_id)
        return await self._answer(intent, order.operation)

    async def _after(self, error: stripe.StripeError, order: RailOrder) -> Intent | RailAnswer:
        """What an order has come to that an error answers. Raises the error again: nobody knows."""
        if in_progress(error):
            return StillPending(IN_PROGRESS)
        if isinstance(error, stripe.CardError):
            return _declined_one(error) or await self._find_for(order) or declined(decline_code(error))
        if may_have_happened(error) and (found := await self._find_for(order)) is not None:
            return found
        if isinstance(error, stripe.InvalidRequestError) and payer_is_gone(error):
            return declined("no_account")
        if isinstance(error, stripe.InvalidRequestError) and error.code in DECLINES:
            return declined(error.code)  # such as an amount below the least that Stripe takes; nothing was made
        raise error

    async def _make(self, order: RailOrder, method_type: str) -> Intent:
        customer, payment_method = parts_of_token(order.rail_token)
        made = await in_time(
            self.gateway.api.payment_intents.create_async(
                {
                    "amount": minor_units(order.amount_micros),
                    "currency": order.currency.lower(),
                    "customer": customer,
                    "payment_method": payment_method,
                    "allowed_payment_method_types": [method_type],
                    "capture_method": "manual" if order.operation is RailOperation.AUTHORIZE else "automatic",
                    "confirm": True,
                    "off_session": True,
                    "metadata": notes(order),
                    "expand": list(INTENT_WITH_FEE),
                },
                {"idempotency_key": order.idempotency_key},
            )
        )
        return read_intent(made)

    async def _answer(self, intent: Intent, operation: RailOperation) -> RailAnswer:
        """The answer; an intent that ends with it is closed first, so that nobody can confirm it later."""
        if is_open(intent):
            if intent.status == "requires_confirmation":  # Stripe was interrupted between making and confirming it
                return await self._answer(await self._confirm(intent), operation)
            closed = await self._cancel(intent)
            if not needs_authentication(intent) or closed.status != "canceled":
                return answer_to_charge(closed, operation)
        return answer_to_charge(intent, operation)

    async def _confirm(self, intent: Intent) -> Intent:
        try:
            confirmed = await in_time(
                self.gateway.api.payment_intents.confirm_async(
                    intent.intent_id, {"off_session": True, "expand": list(INTENT_WITH_FEE)}
                )
            )
        except stripe.CardError:
            return await self._retrieve(intent.intent_id)
        return read_intent(confirmed)

    async def capture(self, order: RailOrder) -> RailAnswer:
        """Take a held amount, or less: the rest is released. Doing so twice changes nothing."""
        intent = await self.earlier(order)
        answer = answer_to_capture(intent, order.amount_micros)
        if not isinstance(answer, Unknown):
            return answer
        try:
            captured = await in_time(
                self.gateway.api.payment_intents.capture_async(
                    intent.intent_id,
                    {"amount_to_capture": minor_units(order.amount_micros), "expand": list(INTENT_WITH_FEE)},
                    {"idempotency_key": order.idempotency_key},
                )
            )
        except stripe.CardError as error:
            return declined(decline_code(error))
        except stripe.StripeError as error:
            if in_progress(error):
                return StillPending(IN_PROGRESS)
            answer = answer_to_capture(await self._retrieve(intent.intent_id), order.amount_micros)
            if isinstance(answer, Unknown):
                raise
            return answer
        return _known(answer_to_capture(read_intent(captured), order.amount_micros))

    async def void(self, order: RailOrder) -> RailAnswer:
        """Give up a hold. Doing so twice changes nothing."""
        intent = await self.earlier(order)
        answer = answer_to_void(intent)
        if not isinstance(answer, Unknown):
            return answer
        return _known(answer_to_void(await self._cancel(intent)))

    async def _cancel(self, intent: Intent) -> Intent:
        """Close an intent; what has become of it, where it cannot be closed any more."""
        try:
            return read_intent(await in_time(self.gateway.api.payment_intents.cancel_async(intent.intent_id)))
        except stripe.StripeError:
            found = await self._retrieve(intent.intent_id)
            if is_open(found) or found.status == "requires_capture":
                raise
            return found

    async def earlier(self, order: RailOrder) -> Intent:
        """The intent of the order that this one follows. Raises LookupError: Stripe has none."""
        if order.earlier_reference is not None:
            return await self._retrieve(order.earlier_reference)
        customer, _ = parts_of_token(order.rail_token)
        found = await self._of_customer(customer, transaction_of(order.earlier_key or order.idempotency_key))
        if found is None:
            raise LookupError(f"Stripe has no payment for {order.earlier_key}")
        return found

    async def look_again(
        self, reference: str | None, key: str, operation: RailOperation, asked_first: datetime, now: datetime
    ) -> RailAnswer | Unknown:
        """What became of an order; nothing is made. `key` is the order's."""
        intent = await self._find(reference, key, asked_first, now)
        if intent is None:
            return Unknown()
        match operation:
            case RailOperation.CAPTURE:
                return answer_to_capture(intent, None)
            case RailOperation.VOID:
                return answer_to_void(intent)
            case _:
                return await self._answer(intent, operation)

    async def _find(self, reference: str | None, key: str, asked_first: datetime, now: datetime) -> Intent | None:
        if reference is not None:
            try:
                return await self._retrieve(reference)
            except stripe.InvalidRequestError as error:
                if is_gone(error):
                    return None
                raise
        transaction_id = transaction_of(key)
        found = await self._search(transaction_id)
        if found is None and now - asked_first < _SEARCHABLE_AFTER:
            found = await self._listed(transaction_id, asked_first)
        return found

    async def _search(self, transaction_id: str) -> Intent | None:
        query = f"metadata['{TRANSACTION}']:'{transaction_id}'"
        found = await in_time(
            self.gateway.api.payment_intents.search_async(
                {"query": query, "expand": [f"data.{path}" for path in INTENT_WITH_FEE]}
            )
        )
        return _only(transaction_id, [read_intent(intent) for intent in found.data])

    async def _listed(self, transaction_id: str, asked_first: datetime) -> Intent | None:
        """Among all that were made since: for a few minutes only, since there may be many."""
        page = await in_time(
            self.gateway.api.payment_intents.list_async(
                {
                    "created": {"gte": int((asked_first - _EARLIER).timestamp())},
                    "limit": _PAGE,
                    "expand": [f"data.{path}" for path in INTENT_WITH_FEE],
                }
            )
        )
        made = [read_intent(intent) async for intent in page.auto_paging_iter()]
        return _only(transaction_id, made)

    async def _find_for(self, order: RailOrder) -> Intent | None:
        customer, _ = parts_of_token(order.rail_token)
        return await self._of_customer(customer, order.transaction_id)

    async def _of_customer(self, customer: str, transaction_id: str) -> Intent | None:
        """By what is noted on the customer's intents: a list is never behind, unlike a search."""
        page = await in_time(
            self.gateway.api.payment_intents.list_async(
                {"customer": customer, "limit": _PAGE, "expand": [f"data.{path}" for path in INTENT_WITH_FEE]}
            )
        )
        async for intent in page.auto_paging_iter():
            if (found := read_intent(intent)).transaction_id == transaction_id:
                return found
        return None

    async def _retrieve(self, reference: str) -> Intent:
        found = await in_time(
            self.gateway.api.payment_intents.retrieve_async(reference, {"expand": list(INTENT_WITH_FEE)})
        )
        return read_intent(found)


def _declined_one(error: stripe.CardError) -> Intent | None:
    intent = getattr(error.error, "payment_intent", None)
    return read_intent(intent) if isinstance(intent, stripe.PaymentIntent) else None


def _only(transaction_id: str, found: list[Intent]) -> Intent | None:
    """The one intent of a transaction. Raises StateError: there are several, which no order of ours explains."""
    ours = [intent for intent in found if intent.transaction_id == transaction_id]
    if len(ours) > 1:
        raise StateError(f"Stripe has several payments for {transaction_id}: {', '.join(i.intent_id for i in ours)}")
    return ours[0] if ours else None


def _known(answer: RailAnswer | Unknown) -> RailAnswer:
    """An answer after something was done: where it cannot be seen yet, the same is asked for once more."""
    return StillPending(IN_PROGRESS) if isinstance(answer, Unknown) else answer
