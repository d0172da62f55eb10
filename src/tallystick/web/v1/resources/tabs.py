"""What becomes of what is owed on a tab: settlements and write-offs."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1 import money
from tallystick.web.v1.inputs import (
    AMOUNT,
    AUTHORIZATION,
    CURRENCY,
    DESCRIPTION,
    MINUTES,
    NOTE,
    NOTIFY,
)
from tallystick.web.v1.resources.rows import moves, reads

ENDPOINTS: Final = (
    moves(
        "/v1/settlements",
        "settlements.create",
        "Brings in real money for what is owed on a tab.",
        "SettleDebt",
        KeyScope.SETTLE,
        money.settle,
        (AUTHORIZATION, AMOUNT, CURRENCY, DESCRIPTION, NOTE, NOTIFY, MINUTES),
        "Settlement",
    ),
    *reads("settlements", "settlement", "settlement"),
    moves(
        "/v1/write_offs",
        "write_offs.create",
        "Forgives part or all of what is owed on a tab. No money moves, and it cannot be undone.",
        "WriteOffDebt",
        KeyScope.WRITE_OFF,
        money.write_off,
        (AUTHORIZATION, AMOUNT, CURRENCY, NOTE),
        "WriteOff",
    ),
    *reads("write_offs", "write_off", "write-off"),
)
