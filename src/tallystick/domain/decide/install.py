"""Tokens without an instrument: made by a pipeline or by a GateKeeper text. Source: spec/semantics, 5 and 12."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tallystick.domain.commands import InstallToken, Method
from tallystick.domain.decide.checks import check_seller
from tallystick.domain.limits import UsageLimit
from tallystick.domain.outcomes import Done
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, State
from tallystick.domain.tokens import PaymentSource, Token


def install_token(state: State, command: InstallToken, now: datetime) -> Decision:
    """Make a token; with `replaces`, the old one ends in the same commit and what was used of its limits carries over.

    Raises Refused: InvalidAccountState_Caller, DuplicateRequest, InvalidTokenId.
    """
    existing = state.token_references.get(command.caller_reference)
    if existing == command.token_id:
        return Decision(Done())
    check_seller(state)
    if existing is not None:
        message = f"The caller reference was used for another token: {command.caller_reference}."
        raise Refused(Refusal.DuplicateRequest, message)
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
        return Decision(Done(), tokens=(token,))
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
    return Decision(Done(), tokens=(replace(old, cancelled_at=now), renewed))


def _source(command: InstallToken) -> PaymentSource | None:
    if command.method is None:
        return None
    return PaymentSource(command.method, None if command.method is Method.ABT else command.payment_method_id)
