"""Payouts to the seller's bank."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1 import payouts
from tallystick.web.v1.endpoint import Endpoint
from tallystick.web.v1.inputs import (
    CURRENCY,
    NOTE,
)
from tallystick.web.v1.resources.rows import reads

ENDPOINTS: Final = (
    Endpoint(
        "POST",
        "/v1/payouts",
        "payouts.create",
        "Lets cash leave for the seller's bank account: so much, or all that is held.",
        "none",
        KeyScope.PAY_OUT,
        payouts.create,
        "Payout",
        (payouts.AMOUNT, CURRENCY, NOTE),
        codes=("idempotency_key_required", "payout_not_ready", *payouts.CODES_OF),
        moves_money=True,
        status=HTTPStatus.CREATED,
    ),
    *reads("payouts", "payout", "payout"),
)
