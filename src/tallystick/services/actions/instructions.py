"""InstallPaymentInstruction and GetPaymentInstruction: tokens on the caller's own account, made from texts."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain import gatekeeper
from tallystick.domain.commands import InstallToken, Method, TokenPurpose, TokenType
from tallystick.domain.gatekeeper import Instruction, TransactionRole
from tallystick.domain.ids import TOKEN_ENTROPY_BYTES, IdKind, TokenId, make_token_or_instrument_id
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.actions.tokens import accessible_token, token_element
from tallystick.store.accounts import payment_methods
from tallystick.store.ledger import shards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result

_LIFETIMES: Final[Mapping[TokenType, timedelta | None]] = {
    TokenType.SINGLE_USE: timedelta(hours=3),
    TokenType.MULTI_USE: timedelta(days=365),
    TokenType.RECURRING: timedelta(days=365),
    TokenType.UNRESTRICTED: None,
}
"""How long installed tokens live. Source: docs/protocol/semantics.md, 5; for unrestricted ones, inferred."""


async def install_payment_instruction(call: Call) -> Result:
    """Make a token on the caller's own account from a text; the first fault of the text is reported.

    Raises Refused: those of faults in texts, PaymentInstrumentMissing, InvalidAccountState, DuplicateRequest.
    """
    text = call.values.text("PaymentInstruction")
    token_type = TokenType(call.values.text("TokenType"))
    instruction = _instruction(text, token_type)
    method, payment_method_id = await _source(call, instruction)
    token_id = make_token_or_instrument_id(IdKind.INSTALLED, call.book_id, secrets.token_bytes(TOKEN_ENTROPY_BYTES))
    now, lifetime = call.book_now, _LIFETIMES[token_type]
    command = InstallToken(
        token_id=TokenId(token_id),
        purpose=TokenPurpose.INSTALLED,
        token_type=token_type,
        sender_id=call.key.party_id,
        caller_reference=call.values.text("CallerReference"),
        method=method,
        payment_method_id=payment_method_id,
        valid_from=now,
        expires_at=None if lifetime is None else now + lifetime,
        payment_reason=call.values.optional_text("PaymentReason"),
        friendly_name=call.values.optional_text("TokenFriendlyName"),
        limits=instruction.limits,
        instruction=text,
    )
    if not await shards.claim(call.service.pool, call.key.parts, call.book_id, [command.caller_reference]):
        message = f"The caller reference was used for another token: {command.caller_reference}."
        raise Refused(Refusal.DuplicateRequest, message)
    try:
        await call.perform(command)
    except Refused as refused:
        if refused.refusal is not Refusal.InvalidAccountState_Caller:
            raise
        # docs/protocol/errors.md, 1: this code stands for accounts on which nothing can be installed
        raise Refused(Refusal.InvalidAccountState, refused.message) from None
    return {"TokenId": token_id}


async def get_payment_instruction(call: Call) -> Result:
    """The text behind a token, as it was installed.

    Raises Refused: InvalidParams, InvalidTokenId, TokenAccessDenied.
    """
    token, _ = await accessible_token(call)
    if token.instruction is None:
        message = "The token was authorized on the hosted pages; there is no payment instruction behind it."
        raise Refused(Refusal.InvalidTokenId, message)
    return {
        "Token": token_element(call, token),
        "PaymentInstruction": token.instruction,
        "CallerReference": token.caller_reference,
        "TokenFriendlyName": token.friendly_name,
    }


def _instruction(text: str, token_type: TokenType) -> Instruction:
    found = gatekeeper.parse(text)
    faults = gatekeeper.usage_faults(found, token_type) if isinstance(found, Instruction) else found
    if faults or not isinstance(found, Instruction):
        first, *others = (fault.refused() for fault in faults)
        raise Refused(first.refusal, first.message, also=tuple(others))
    return found


async def _source(call: Call, instruction: Instruction) -> tuple[Method | None, int | None]:
    """What the token pays with, where it may pay and says by which method. Raises Refused: PaymentInstrumentMissing."""
    if instruction.payment_method is None or TransactionRole.SENDER not in gatekeeper.possible_roles(instruction):
        return None, None
    method = Method(instruction.payment_method.upper())
    if method is Method.ABT:
        return method, None
    today = call.book_now.date()
    for kept in await payment_methods.of_party(call.service.pool, call.key.party_id, call.key.environment):
        if kept.method is method and kept.usable(today):
            return method, kept.payment_method_id
    what = "card" if method is Method.CC else "bank account"
    message = f"The token declares payments by {instruction.payment_method}, and the account has no {what} to charge."
    raise Refused(Refusal.PaymentInstrumentMissing, message)
