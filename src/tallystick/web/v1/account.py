"""The seller's own account in /v1: cash, liability and debt; its keys, of which each can end itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from tallystick.domain.money import USD
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import V2010
from tallystick.services.api.registry import ACTIONS
from tallystick.services.events.objects import key_object
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import access_keys
from tallystick.web.api.calls import read_call
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.problems import JsonProblemError, RefusedProblemError

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


async def get_key(asked: Asked) -> Reply:
    """One of these keys."""
    return Reply(await _key(asked))


async def revoke_key(asked: Asked) -> Reply:
    """End the key that asks, at once and for ever. Others are for people to end. Raises ProblemError."""
    own_id = asked.key.access_key_id
    if asked.subject != own_id:
        await _key(asked)
        message = "A key can end itself alone. Others are revoked in the console, or by tallystick keys revoke."
        raise RefusedProblemError(Refused(Refusal.AuthFailure, message), field="id")
    await access_keys.revoke(asked.service, Actor.program(own_id), asked.key.party_id, own_id)
    return Reply(await _key(asked))


async def _key(asked: Asked) -> Mapping[str, Any]:
    for one in await access_keys.with_uses(asked.service, asked.key.party_id, asked.key.environment):
        if one.key.access_key_id == asked.subject:
            return key_object(one, asked.now)
    raise JsonProblemError("key_not_found", "There is no such key of this environment.")
