"""What a buyer's confirmation makes, and how a token ends. No money moves.

Source: docs/protocol/flows.md, 2, 3 and 5.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tallystick.domain.commands import AuthorizePostpaid, AuthorizePrepaid, CancelToken, Consent, Method, TokenPurpose
from tallystick.domain.decide.checks import check_seller
from tallystick.domain.ids import InstrumentId, TokenId
from tallystick.domain.limits import UsageLimit
from tallystick.domain.outcomes import Done
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, Event, Instrument, InstrumentKind, State
from tallystick.domain.tokens import PaymentSource, Token, TokenState, state_of
from tallystick.domain.transitions import check_token


def authorize_prepaid(state: State, command: AuthorizePrepaid, now: datetime) -> Decision:
    """Make a prepaid instrument with zero balance, a spending and a funding token. The same dates bind all three.

    Raises Refused: InvalidAccountState_Caller, SameSenderAndRecipient, DuplicateRequest.
    """
    references = {
        command.sender_reference: command.sender_token_id,
        command.funding_reference: command.funding_token_id,
    }
    if _authorized_already(state, command.consent, references):
        return Decision(Done())
    consent = command.consent
    instrument = Instrument(
        instrument_id=command.instrument_id,
        kind=InstrumentKind.PREPAID,
        sender_id=consent.sender_id,
        balance_micros=0,
        limit_micros=command.funding_limit_micros,
        pending_micros=0,
        valid_from=max(consent.valid_from, now),
        expires_at=consent.expires_at,
    )
    spending = _token(
        command.sender_token_id, TokenPurpose.PREPAID_SENDER, command.sender_reference, consent, instrument
    )
    funding = _token(command.funding_token_id, TokenPurpose.FUNDING, command.funding_reference, consent, instrument)
    return Decision(Done(), instruments=(instrument,), tokens=(spending, replace(funding, source=_source(consent))))


def authorize_postpaid(state: State, command: AuthorizePostpaid, now: datetime) -> Decision:
    """Make a credit instrument with zero debt, a spending and a settlement token.

    The settlement token has no end of its own, so that a debt can be settled after the spending token has expired
    (docs/protocol/flows.md, 5). Raises Refused: InvalidAccountState_Caller, SameSenderAndRecipient, DuplicateRequest.
    """
    references = {
        command.sender_reference: command.sender_token_id,
        command.settlement_reference: command.settlement_token_id,
    }
    if _authorized_already(state, command.consent, references):
        return Decision(Done())
    consent = command.consent
    instrument = Instrument(
        instrument_id=command.instrument_id,
        kind=InstrumentKind.CREDIT,
        sender_id=consent.sender_id,
        balance_micros=0,
        limit_micros=command.credit_limit_micros,
        pending_micros=0,
        valid_from=max(consent.valid_from, now),
        expires_at=consent.expires_at,
        total_limit_micros=command.total_limit_micros,
    )
    start = instrument.valid_from
    limits = tuple(UsageLimit(terms.kind, terms.limit, terms.period, start, start) for terms in command.limits)
    spending = _token(
        command.sender_token_id, TokenPurpose.CREDIT_SENDER, command.sender_reference, consent, instrument
    )
    settlement = _token(
        command.settlement_token_id, TokenPurpose.SETTLEMENT, command.settlement_reference, consent, instrument
    )
    return Decision(
        Done(),
        instruments=(instrument,),
        tokens=(
            replace(spending, limits=limits),
            replace(settlement, source=_source(consent), expires_at=None),
        ),
    )


def _authorized_already(state: State, consent: Consent, references: dict[str, TokenId]) -> bool:
    """True when this same command was carried out before. Raises Refused: it cannot be carried out."""
    if all(state.token_references.get(reference) == token for reference, token in references.items()):
        return True
    check_seller(state)
    if consent.sender_id == state.book.seller_id:
        raise Refused(Refusal.SameSenderAndRecipient, "Sender and recipient are the same account.")
    used = [reference for reference in references if reference in state.token_references]
    if used or len(references) == 1:
        names = ", ".join(used or references)
        raise Refused(Refusal.DuplicateRequest, f"The caller reference was used for another token: {names}.")
    return False


def _token(token_id: TokenId, purpose: TokenPurpose, reference: str, consent: Consent, instrument: Instrument) -> Token:
    return Token(
        token_id=token_id,
        purpose=purpose,
        instrument_id=InstrumentId(instrument.instrument_id),
        sender_id=consent.sender_id,
        sender_active=True,
        caller_reference=reference,
        source=None,
        payment_reason=consent.payment_reason,
        valid_from=instrument.valid_from,
        expires_at=consent.expires_at,
    )


def _source(consent: Consent) -> PaymentSource:
    return PaymentSource(consent.method, None if consent.method is Method.ABT else consent.payment_method_id)


def cancel_token(state: State, command: CancelToken, now: datetime) -> Decision:
    """Bar one token; the others of its set, balance and debt stay. By the caller or by the token's sender.

    Raises Refused: InvalidTokenId, TokenAccessDenied, TokenNotActive.
    """
    token = state.tokens.get(command.token_id)
    if token is None:
        raise Refused(Refusal.InvalidTokenId, f'"tokenId" must be a valid token ID: {command.token_id}')
    if command.by not in (state.book.seller_id, token.sender_id):
        raise Refused(Refusal.TokenAccessDenied, "The caller is neither installer nor sender of this token.")
    if token.cancelled_at is not None:
        raise Refused(Refusal.TokenNotActive, "The token has been cancelled already.")
    event = Event(
        event_id=token.token_id,
        kind="TokenCancellation",
        subject_id=token.token_id,
        notification_url=command.notification_url,
    )
    return Decision(Done(), tokens=(cancelled(token, now),), events=(event,))


def cancelled(token: Token, now: datetime) -> Token:
    """`token`, cancelled at `now`. Raises ImpossibleTransitionError: it was cancelled already."""
    check_token(state_of(token, now), TokenState.CANCELLED)
    return replace(token, cancelled_at=now)
