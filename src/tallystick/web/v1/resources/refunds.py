"""Refunds of charges."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1 import money
from tallystick.web.v1.inputs import (
    CURRENCY,
    NOTE,
    NOTIFY,
    OPTIONAL_AMOUNT,
    TRANSACTION,
)
from tallystick.web.v1.resources.rows import moves, reads

ENDPOINTS: Final = (
    moves(
        "/v1/refunds",
        "refunds.create",
        "Gives back all or part of a transaction: to where it came from, or off the debt.",
        "Refund",
        KeyScope.REFUND,
        money.refund,
        (TRANSACTION, OPTIONAL_AMOUNT, CURRENCY, NOTE, NOTIFY),
        "Refund",
        codes=(),
    ),
    *reads("refunds", "refund", "refund"),
)
