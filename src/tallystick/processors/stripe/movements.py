"""What moved at Stripe: its balance transactions, each with the object that it belongs to.

Source: https://docs.stripe.com/reports/balance-transaction-types.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Final

import stripe

from tallystick.domain.money import MICROS_PER_MINOR_UNIT
from tallystick.processors.rail import MovementKind, RailMovement
from tallystick.processors.stripe.gateway import Gateway, in_time
from tallystick.processors.stripe.objects import KEY, noted

_PAGE: Final = 100

KINDS: Final[Mapping[str, MovementKind]] = {
    "charge": MovementKind.CHARGE,
    "payment": MovementKind.CHARGE,
    "refund": MovementKind.REFUND,
    "payment_refund": MovementKind.REFUND,
    "refund_failure": MovementKind.REFUND,
    "payment_failure_refund": MovementKind.REFUND,
    "payment_reversal": MovementKind.REFUND,
    "stripe_fee": MovementKind.FEE,
    "stripe_fx_fee": MovementKind.FEE,
    "tax_fee": MovementKind.FEE,
    "payout": MovementKind.PAYOUT,
    "payout_cancel": MovementKind.PAYOUT,
    "payout_failure": MovementKind.PAYOUT,
}
"""By Stripe's type; an `adjustment` that belongs to a dispute is one, and whatever is not here is an adjustment."""


async def list_movements(gateway: Gateway, since: datetime, until: datetime) -> AsyncIterator[RailMovement]:
    """All from `since` to before `until`, the newest first."""
    window = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    page = await in_time(
        gateway.api.balance_transactions.list_async(
            {"created": {"gte": window["gte"], "lt": window["lt"]}, "limit": _PAGE, "expand": ["data.source"]}
        )
    )
    async for transaction in page.auto_paging_iter():
        yield movement(transaction)


def movement(transaction: stripe.BalanceTransaction) -> RailMovement:
    """One balance transaction. `reference` is the one that answers give: a charge's intent, a refund, a dispute."""
    source = transaction.source
    kind = KINDS.get(transaction.type, MovementKind.ADJUSTMENT)
    reference, key = (source, None) if isinstance(source, str) or source is None else (str(source["id"]), None)
    given_back = None
    if isinstance(source, stripe.Charge):
        intent = source.payment_intent
        reference = intent if isinstance(intent, str) else source.id if intent is None else intent.id
        key = noted(source.metadata, KEY)
    elif isinstance(source, stripe.Refund):
        key = noted(getattr(source, "metadata", None), KEY)
        of = getattr(source, "payment_intent", None) or getattr(source, "charge", None)
        given_back = of if isinstance(of, str) or of is None else str(of.id)
    elif isinstance(source, stripe.Transfer):
        key = noted(source.metadata, KEY)
    elif getattr(source, "object", None) == "transfer_reversal":
        reference = _id(source["transfer"])  # type: ignore[index]
    elif isinstance(source, stripe.Dispute):
        kind = MovementKind.DISPUTE
    return RailMovement(
        movement_id=transaction.id,
        kind=kind,
        reference=reference,
        amount_micros=transaction.amount * MICROS_PER_MINOR_UNIT,
        fee_micros=transaction.fee * MICROS_PER_MINOR_UNIT,
        currency=transaction.currency.upper(),
        moment=datetime.fromtimestamp(transaction.created, UTC),
        idempotency_key=key,
        charge_reference=given_back,
    )


def _id(value: object) -> str:
    """The id of an object that may be shown in full."""
    return value if isinstance(value, str) else str(value["id"])  # type: ignore[index]
