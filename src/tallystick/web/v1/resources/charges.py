"""Charges: each by itself, many at once, and given back."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.services.process.meter import BATCH
from tallystick.web.v1 import money
from tallystick.web.v1.charging import batch
from tallystick.web.v1.endpoint import Endpoint
from tallystick.web.v1.inputs import (
    AMOUNT,
    AUTHORIZATION,
    CURRENCY,
    DESCRIPTION,
    MINUTES,
    NOTE,
    NOTIFY,
    OPTIONAL_AMOUNT,
)
from tallystick.web.v1.resources.rows import moves, reads

ENDPOINTS: Final = (
    moves(
        "/v1/charges",
        "charges.create",
        "Charges a prepaid balance, a tab or, with a token, real money.",
        "Pay",
        KeyScope.CHARGE,
        money.charge,
        (AUTHORIZATION, AMOUNT, CURRENCY, DESCRIPTION, NOTE, NOTIFY, MINUTES),
        "Charge",
    ),
    *reads("charges", "charge", "charge"),
    Endpoint(
        "POST",
        "/v1/charges/batch",
        "charges.batch",
        "Charges up to a thousand times in one request, each with a key of its own, each done or refused by itself.",
        BATCH,
        KeyScope.CHARGE,
        batch.create,
        "Batch",
        (batch.CHARGES,),
        most_bytes=batch.MAX_BODY_BYTES,
        is_batch=True,
    ),
    moves(
        "/v1/charges/{id}/refund",
        "charges.refund",
        "Gives back all or part of a charge: to where it came from, or off the debt.",
        "Refund",
        KeyScope.REFUND,
        money.refund,
        (OPTIONAL_AMOUNT, CURRENCY, NOTE, NOTIFY),
        "Refund",
        subject="the charge",
        codes=(),
    ),
)
