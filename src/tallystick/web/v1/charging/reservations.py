"""Reservations in /v1: an amount is held on a card, and captured or released later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallystick.domain.money import USD, format_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import V2010, Field
from tallystick.services.api.registry import ACTIONS
from tallystick.web.api.calls import read_call
from tallystick.web.v1 import authorizations, transactions
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import CURRENCY, NOTIFY, JsonInput
from tallystick.web.v1.money import with_token
from tallystick.web.v1.problems import RefusedProblemError

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Asked

RESERVATION: Final = "Reserve"

CAPTURED: Final = JsonInput(
    Field("amount", "decimal", OPTIONAL, "How much to take; all that is held, if it is not given."), "9.99"
)
REASON: Final = JsonInput(Field("note", "string", OPTIONAL, "Why, for the seller alone.", max_length=128), "sold out")

CAPTURE_INPUTS: Final = (CAPTURED, CURRENCY, NOTIFY)
RELEASE_INPUTS: Final = (REASON, NOTIFY)


async def reserve(asked: Asked) -> Reply:
    """Hold an amount on the card of an authorization of payments."""
    text = asked.given["authorization"]
    if authorizations.kind_of(text) is not None:
        message = "Balances and tabs are charged, not reserved from: this is for authorizations of the kind payment."
        raise RefusedProblemError(Refused(Refusal.InvalidTokenType, message), field="authorization")
    return await with_token(asked, "Reserve", text)


async def capture(asked: Asked) -> Reply:
    """Charge what is held, or part of it; the rest is let go. Raises ProblemError."""
    params = {}
    if "amount" in asked.given:
        params = {
            "TransactionAmount.CurrencyCode": USD,
            "TransactionAmount.Value": asked.given["amount"],
        }
    return await _go_on(asked, "Settle", "ReserveTransactionId", params)


async def release(asked: Asked) -> Reply:
    """Give a hold up. Raises ProblemError."""
    params = {} if REASON.name not in asked.given else {"Description": asked.given[REASON.name]}
    return await _go_on(asked, "Cancel", "TransactionId", params)


async def _go_on(asked: Asked, action_name: str, name: str, params: Mapping[str, str]) -> Reply:
    """The reservation of the path, as it is after the action. What is captured or released once stays so."""
    found = await transactions.find(asked.books, asked.subject, RESERVATION)
    whole = {name: found.transaction_id, **params}
    if NOTIFY.name in asked.given:
        whole[NOTIFY.parameter] = asked.given[NOTIFY.name]
    call = read_call(asked.service, ACTIONS[action_name], V2010, whole, asked.key, asked.now, asked.now)
    try:
        await ACTIONS[action_name].perform(replace(call, refusal_spends=False))
    except Refused as refused:
        if refused.refusal is Refusal.SettleAmountGreaterThanReserveAmount:
            held = format_amount(found.amount_micros)
            raise RefusedProblemError(refused, field="amount", limit=held, largest_amount=held) from None
        raise RefusedProblemError(refused) from None
    now = await transactions.find(asked.books, asked.subject, RESERVATION)
    return Reply(transactions.transaction_object(asked.books, now), found.transaction_id)
