"""Disputes as Stripe has them now. Source: https://docs.stripe.com/api/disputes/object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import stripe

from tallystick.domain.money import MICROS_PER_MINOR_UNIT
from tallystick.processors.rail import DisputeFound, DisputeStatus
from tallystick.processors.stripe.gateway import Gateway, in_time, is_gone
from tallystick.processors.stripe.objects import KEY, noted

STATUSES: Final[Mapping[str, DisputeStatus]] = {
    "warning_needs_response": DisputeStatus.EVIDENCE_DUE,
    "needs_response": DisputeStatus.EVIDENCE_DUE,
    "appeal_needs_response": DisputeStatus.EVIDENCE_DUE,
    "warning_under_review": DisputeStatus.OPENED,
    "under_review": DisputeStatus.OPENED,
    "appeal_under_review": DisputeStatus.OPENED,
    "warning_closed": DisputeStatus.WON,
    "prevented": DisputeStatus.WON,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
"""By Stripe's status. A warning is an inquiry: no money is taken yet, and closed it was never a dispute.

`prevented`: there was a refund instead, which is found as one. A status that is new counts as opened.
"""


async def find_dispute(gateway: Gateway, reference: str) -> DisputeFound | None:
    """A dispute; None: there is none."""
    try:
        found = await in_time(gateway.api.disputes.retrieve_async(reference, {"expand": ["charge"]}))
    except stripe.InvalidRequestError as error:
        if is_gone(error):
            return None
        raise
    return read_dispute(found)


def read_dispute(dispute: stripe.Dispute) -> DisputeFound:
    """A dispute of the library's. The charge is named as answers name it: by its intent, where it has one."""
    charge, key = dispute.charge, None
    reference = charge if isinstance(charge, str) else charge.id
    if not isinstance(charge, str):
        key = noted(charge.metadata, KEY)
    if (intent := dispute.payment_intent) is not None:
        reference = intent if isinstance(intent, str) else intent.id
    due_by = dispute.evidence_details.due_by
    return DisputeFound(
        reference=dispute.id,
        charge_reference=reference,
        status=STATUSES.get(dispute.status, DisputeStatus.OPENED),
        amount_micros=dispute.amount * MICROS_PER_MINOR_UNIT,
        fee_micros=_fee(dispute) * MICROS_PER_MINOR_UNIT,
        currency=dispute.currency.upper(),
        due_at=datetime.fromtimestamp(due_by, UTC) if due_by else None,
        idempotency_key=key,
    )


def _fee(dispute: stripe.Dispute) -> int:
    """What Stripe keeps for it, in minor units. An account that is settled in another currency is told in that one."""
    return sum(one.fee for one in dispute.balance_transactions if one.currency == dispute.currency)
