"""Tokens without an instrument: made by a pipeline or by a GateKeeper text.

Source: docs/protocol/semantics.md, 5 and 12.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from tallystick.domain.commands import InstallToken, Method, RefundToken, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.decide.authorize import cancelled
from tallystick.domain.decide.checks import check_seller
from tallystick.domain.limits import UsageLimit
from tallystick.domain.outcomes import Done
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, State
from tallystick.domain.tokens import PaymentSource, Token

REFUNDS_ONLY: Final = "MyRole == 'Sender'; OperationType == 'Refund';"
"""What a refund token is good for. Source: docs/protocol/semantics.md, 12."""


def install_token(state: State, command: InstallToken, now: datetime) -> Decision:
    """Make a token; with `replaces`, the old one ends in the same commit and what was used of its limits carries over.

    Raises Refused: InvalidAccountState_Caller, DuplicateRequest, InvalidTokenId.
    """
    existing = state.token_references.get(command.caller_reference)
    if existing == command.token_id:
        return Decision(Done())
    check_seller(state)
    _check_references(state, command)
    start = max(command.valid_from, now)
    token = Token(
        token_id=command.token_id,
        purpose=command.purpose,
        token_type=command.token_type,
        instrument_id=None,
        sender_id=command.sender_id,
        sender_active=True,
        caller_reference=command.caller_reference,
        source=_source(command),
        payment_reason=command.payment_reason,
        friendly_name=command.friendly_name,
        terms=command.terms,
        limits=tuple(UsageLimit(terms.kind, terms.limit, terms.period, start, start) for terms in command.limits),
        instruction=command.instruction,
        valid_from=start,
        expires_at=command.expires_at,
    )
    if command.replaces is None:
        more = () if command.refund_token is None else (_refund_token(token, command.refund_token),)
        return Decision(Done(), tokens=(token, *more))
    old = state.tokens.get(command.replaces)
    if old is None or old.cancelled_at is not None:
        raise Refused(Refusal.InvalidTokenId, "The token to be replaced does not exist or was cancelled.")
    renewed = replace(
        old,
        token_id=command.token_id,
        caller_reference=command.caller_reference,
        source=token.source,
        old_token_id=old.token_id,
    )
    return Decision(Done(), tokens=(cancelled(old, now), renewed))


def _check_references(state: State, command: InstallToken) -> None:
    refund = command.refund_token
    for reference in (command.caller_reference, *(() if refund is None else (refund.caller_reference,))):
        if reference in state.token_references:
            message = f"The caller reference was used for another token: {reference}."
            raise Refused(Refusal.DuplicateRequest, message)


def _refund_token(token: Token, refund: RefundToken) -> Token:
    return replace(
        token,
        token_id=refund.token_id,
        purpose=TokenPurpose.INSTALLED,
        token_type=TokenType.UNRESTRICTED,
        caller_reference=refund.caller_reference,
        friendly_name="Refunds",
        terms=TokenTerms(),
        limits=(),
        instruction=REFUNDS_ONLY,
    )


def _source(command: InstallToken) -> PaymentSource | None:
    if command.method is None:
        return None
    return PaymentSource(command.method, None if command.method is Method.ABT else command.payment_method_id)
