"""Top-ups of prepaid balances."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from tallystick.domain.refusals import Refusal
from tallystick.domain.scopes import KeyScope
from tallystick.web.v1 import money
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
from tallystick.web.v1.problems import CODES
from tallystick.web.v1.resources.rows import moves, reads

_OF_TOP_UPS: Final = (
    "idempotency_key_required",
    *(
        CODES[refusal][1]
        for refusal in (
            Refusal.AccessFailure,
            Refusal.AmountOutOfRange,
            Refusal.ConcurrentModification,
            Refusal.DuplicateRequest,
            Refusal.InsufficientBalance,
            Refusal.InvalidAccountState_Caller,
            Refusal.InvalidAccountState_Sender,
            Refusal.InvalidTransactionId,
            Refusal.OriginalTransactionFailed,
            Refusal.OriginalTransactionIncomplete,
            Refusal.PaymentMethodNotDefined,
            Refusal.RefundAmountExceeded,
            Refusal.TransactionTypeNotRefundable,
        )
    ),
)
"""Problems of a refund of a top-up, for which the query API has no action."""

ENDPOINTS: Final = (
    moves(
        "/v1/top_ups",
        "top_ups.create",
        "Brings real money onto a prepaid balance.",
        "FundPrepaid",
        KeyScope.FUND,
        money.top_up,
        (AUTHORIZATION, AMOUNT, CURRENCY, DESCRIPTION, NOTE, NOTIFY, MINUTES),
        "TopUp",
    ),
    Endpoint(
        "POST",
        "/v1/top_ups/{id}/refund",
        "top_ups.refund",
        "Gives back what was not spent of a top-up, to where it came from.",
        "Refund",
        KeyScope.REFUND,
        money.refund_top_up,
        "Refund",
        (OPTIONAL_AMOUNT, CURRENCY, NOTE, NOTIFY),
        "the top-up",
        _OF_TOP_UPS,
        moves_money=True,
        status=HTTPStatus.CREATED,
    ),
    *reads("top_ups", "top_up", "top-up"),
)
