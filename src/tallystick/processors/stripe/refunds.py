"""Refunds: of part of a payment or all of it, also of one that came although its transaction was over.

Source: https://docs.stripe.com/refunds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import stripe

from tallystick.domain.rails.commands import Paid
from tallystick.processors.declines import declined
from tallystick.processors.rail import RailAnswer, RailOrder, StillPending, Unknown
from tallystick.processors.stripe.answers import IN_PROGRESS, answer_to_refund
from tallystick.processors.stripe.charges import StripeCharges
from tallystick.processors.stripe.gateway import Gateway, in_progress, in_time, is_gone, may_have_happened
from tallystick.processors.stripe.objects import (
    REFUND_WITH_FEE,
    Intent,
    SeenRefund,
    minor_units,
    notes,
    read_refund,
)

_EARLIER: Final = timedelta(minutes=5)
"""How far Stripe's clock may be behind ours."""

_TRIED_FOR: Final = timedelta(hours=25)
"""How long after the first request the last one may have been sent."""

_PAGE: Final = 100

_NOTHING_LEFT: Final = frozenset({"charge_already_refunded", "charge_disputed", "refund_disputed_payment"})
"""Refusals that are final: what is left of the payment does not suffice, since somebody was faster at Stripe."""


@dataclass(frozen=True, slots=True)
class StripeRefunds:
    """Refunds of one account."""

    gateway: Gateway
    charges: StripeCharges

    async def refund(self, order: RailOrder) -> RailAnswer:
        """Give money back, once for the order's key."""
        intent = await self.charges.earlier(order)
        try:
            made = await self._make(order, intent)
        except stripe.InvalidRequestError as error:
            if in_progress(error):
                return StillPending(IN_PROGRESS)
            if error.code in _NOTHING_LEFT or error.param == "amount":
                return await self._of_intent(intent, order.idempotency_key) or declined("declined")
            raise
        except stripe.StripeError as error:
            if in_progress(error):
                return StillPending(IN_PROGRESS)
            found = await self._of_intent(intent, order.idempotency_key) if may_have_happened(error) else None
            if found is None:
                raise
            return found
        if made.status == "pending":  # or it was, when the answer was remembered
            made = await self._retrieve(made.refund_id)
        return answer_to_refund(made)

    async def give_back(self, order: RailOrder) -> RailAnswer:
        """Give back what came in although the transaction is over, or release it where it is only held."""
        intent = await self.charges.earlier(order)
        match intent.status:
            case "succeeded":
                return await self.refund(order)
            case "processing":  # a bank debit cannot be stopped; it is given back when it has arrived
                return StillPending(timedelta(hours=1), None)
            case "canceled":
                return Paid(intent.intent_id)
            case _:
                return await self.charges.void(order)

    async def look_again(self, reference: str | None, key: str, asked_first: datetime) -> RailAnswer | Unknown:
        """What became of a refund; nothing is made."""
        if reference is not None:
            try:
                return answer_to_refund(await self._retrieve(reference))
            except stripe.InvalidRequestError as error:
                if is_gone(error):
                    return Unknown()
                raise
        first, last = asked_first - _EARLIER, asked_first + _TRIED_FOR
        window: stripe.params.RefundListParams = {
            "created": {"gte": int(first.timestamp()), "lte": int(last.timestamp())}
        }
        return await self._among(key, window) or Unknown()

    async def _make(self, order: RailOrder, intent: Intent) -> SeenRefund:
        made = await in_time(
            self.gateway.api.refunds.create_async(
                {
                    "payment_intent": intent.intent_id,
                    "amount": minor_units(order.amount_micros),
                    "metadata": notes(order),
                    "expand": list(REFUND_WITH_FEE),
                },
                {"idempotency_key": order.idempotency_key},
            )
        )
        return read_refund(made)

    async def _of_intent(self, intent: Intent, key: str) -> RailAnswer | None:
        return await self._among(key, {"payment_intent": intent.intent_id})

    async def _among(self, key: str, which: stripe.params.RefundListParams) -> RailAnswer | None:
        """The refund with our key among those that a list has. Refunds cannot be searched."""
        asked: stripe.params.RefundListParams = {
            **which,
            "limit": _PAGE,
            "expand": [f"data.{path}" for path in REFUND_WITH_FEE],
        }
        page = await in_time(self.gateway.api.refunds.list_async(asked))
        async for refund in page.auto_paging_iter():
            if (found := read_refund(refund)).key == key:
                return answer_to_refund(found)
        return None

    async def _retrieve(self, reference: str) -> SeenRefund:
        found = await in_time(self.gateway.api.refunds.retrieve_async(reference, {"expand": list(REFUND_WITH_FEE)}))
        return read_refund(found)
