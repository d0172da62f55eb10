"""The seller's own account in /v1: cash, liability and debt; and its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from tallystick.domain.money import USD
from tallystick.services.api.fields import V2010
from tallystick.services.api.registry import ACTIONS
from tallystick.services.events.objects import key_object
from tallystick.services.seller import access_keys
from tallystick.web.api.calls import read_call
from tallystick.web.v1.endpoint import Reply

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Asked


async def get_account(asked: Asked) -> Reply:
    """What the service holds for the seller, what the seller owes in goods, and what buyers owe the seller."""
    cash = (await _ask(asked, "GetAccountBalance"))["AccountBalance"]
    liability = (await _ask(asked, "GetTotalPrepaidLiability"))["OutstandingPrepaidLiability"]
    debt = (await _ask(asked, "GetOutstandingDebtBalance"))["OutstandingDebt"]
    return Reply(
        {
            "object": "account",
            "environment": asked.key.environment,
            "currency": USD,
            "cash": {
                "balance": cash["TotalBalance"]["Value"],
                "pending": cash["PendingInBalance"]["Value"],
                "refundable": cash["AvailableBalances"]["RefundBalance"]["Value"],
            },
            "prepaid_liability": {
                "balance": liability["OutstandingBalance"]["Value"],
                "pending": liability["PendingInBalance"]["Value"],
            },
            "debt": {
                "balance": debt["OutstandingBalance"]["Value"],
                "pending": debt["PendingOutBalance"]["Value"],
            },
        }
    )


async def _ask(asked: Asked, name: str) -> Mapping[str, Any]:
    action = ACTIONS[name]
    call = read_call(asked.service, action, V2010, {}, asked.key, asked.now, asked.now)
    return cast("Mapping[str, Any]", await action.perform(call))


async def list_keys(asked: Asked) -> Reply:
    """The keys of this environment, the newest first; never a secret. All of them are one page."""
    found = await access_keys.with_uses(asked.service, asked.key.party_id, asked.key.environment)
    data = [key_object(one, asked.now) for one in reversed(found)]
    return Reply({"object": "list", "data": data, "next_cursor": None})
