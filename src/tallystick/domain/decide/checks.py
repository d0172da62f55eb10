"""Checks that several rules share. Each raises Refused and returns what it found."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from tallystick.domain.commands import TokenPurpose
from tallystick.domain.ids import InstrumentId, PartyId, TokenId
from tallystick.domain.money import MICROS_PER_MINOR_UNIT, MICROS_PER_UNIT, display_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Instrument, InstrumentKind, State
from tallystick.domain.tokens import PaymentSource, Token, TokenState, state_of

MAX_FROM_A_RAIL_MICROS: Final = 10_000 * MICROS_PER_UNIT
"""Most that a card, bank account or balance may be charged at once: docs/protocol/errors.md, AmountOutOfRange."""

_TEMPORARY_DECLINE_DIGIT: Final = 6
_PAYMENT_ERROR_DIGIT: Final = 7

_ACTIVE: Final = TokenState.ACTIVE


def check_seller(state: State) -> None:
    """The seller must be active. Raises Refused: InvalidAccountState_Caller."""
    if not state.book.seller_active:
        raise Refused(Refusal.InvalidAccountState_Caller, "The caller's account is suspended or closed.")


def find_sender_token(state: State, token_id: TokenId, now: datetime, *purposes: TokenPurpose) -> Token:
    """The token, if it may be used for one of `purposes` at `now` by an active sender.

    Raises Refused: InvalidParams, InvalidSenderRoleForAccountType, IncompatibleTokens, TokenNotActive_Sender,
    InstrumentExpired, InvalidTokenId_Sender, InvalidAccountState_Sender. Source: docs/protocol/flows.md, 5.
    """
    token = state.tokens.get(token_id)
    if token is None:
        raise Refused(Refusal.InvalidParams, f'"senderTokenId" must be a valid token ID: {token_id}')
    if token.purpose not in purposes:
        raise _unfit(token, purposes[0])
    token_state = state_of(token, now)
    if token_state is not _ACTIVE and token_state is not TokenState.USED:  # used up: refused later
        raise _not_active(token, token_state)
    if not token.sender_active:
        raise Refused(Refusal.InvalidAccountState_Sender, "The sender's account is suspended or closed.")
    return token


def _unfit(token: Token, needed: TokenPurpose) -> Refused:
    if token.purpose is TokenPurpose.RECIPIENT:
        message = "The token was given by a recipient: it receives, and cannot be charged."
        return Refused(Refusal.InvalidSenderRoleForAccountType, message)
    message = f"A {_words(token.purpose)} token cannot be used here; this needs a {_words(needed)} token."
    return Refused(Refusal.IncompatibleTokens, message)


def _not_active(token: Token, token_state: TokenState) -> Refused:
    if token_state is TokenState.CANCELLED:
        return Refused(Refusal.TokenNotActive_Sender, "The sender token has been cancelled.")
    if token_state is TokenState.NOT_YET:
        return Refused(Refusal.InvalidTokenId_Sender, "The authorization has not begun yet.")
    if token.instrument_id is None:
        return Refused(Refusal.InvalidTokenId_Sender, "The sender token has expired.")
    return Refused(Refusal.InstrumentExpired, "The authorization has expired.")


def find_instrument(state: State, instrument_id: InstrumentId, kind: InstrumentKind) -> Instrument:
    """The instrument, if it exists and is of `kind`. Raises Refused: InvalidParams."""
    instrument = state.instruments.get(instrument_id)
    if instrument is None or instrument.kind is not kind:
        name = "prepaidInstrumentId" if kind is InstrumentKind.PREPAID else "creditInstrumentId"
        raise Refused(Refusal.InvalidParams, f'"{name}" must be a valid instrument ID: {instrument_id}')
    return instrument


def check_same_instrument(token: Token, instrument: Instrument) -> None:
    """Token and instrument must come from one authorization. Raises Refused: IncompatibleTokens."""
    if token.instrument_id != instrument.instrument_id:
        raise Refused(Refusal.IncompatibleTokens, "The token belongs to a different instrument.")


def check_not_expired(instrument: Instrument, now: datetime) -> None:
    """Raises Refused: InstrumentExpired."""
    if instrument.expires_at is not None and now >= instrument.expires_at:
        raise Refused(Refusal.InstrumentExpired, "The instrument has expired.")


def check_rail_amount(amount_micros: int) -> None:
    """Real money: from one cent to 10,000 units. Raises Refused: AmountOutOfRange."""
    if not MICROS_PER_MINOR_UNIT <= amount_micros <= MAX_FROM_A_RAIL_MICROS:
        minimum, maximum = display_amount(MICROS_PER_MINOR_UNIT), display_amount(MAX_FROM_A_RAIL_MICROS)
        raise Refused(Refusal.AmountOutOfRange, f"The amount must lie between {minimum} and {maximum}.")


def check_charge_amount(state: State, amount_micros: int) -> None:
    """An aggregated charge: not below the seller's smallest charge. Raises Refused: AmountOutOfRange."""
    if amount_micros < state.book.minimum_charge_micros:
        minimum = display_amount(state.book.minimum_charge_micros)
        raise Refused(Refusal.AmountOutOfRange, f"The amount must be at least {minimum}.")


def check_part_amount(state: State, amount_micros: int, left_micros: int) -> None:
    """A part of a charge or a debt: bounded like a charge, unless it is all that is left.

    What is left may be less than the smallest charge: settlements move whole cents, and the seller's bound may change.
    Raises Refused: AmountOutOfRange.
    """
    if amount_micros != left_micros:
        check_charge_amount(state, amount_micros)


def check_source(token: Token, now: datetime) -> PaymentSource:
    """The means of payment behind a token, if it can still be charged.

    Raises Refused: PaymentMethodNotDefined, InvalidPaymentInstrument, InactiveInstrument.
    """
    source = token.source
    if source is None:
        raise Refused(Refusal.PaymentMethodNotDefined, "The token names no payment method.")
    if source.removed:
        raise Refused(Refusal.InvalidPaymentInstrument, "The sender has removed the card or bank account.")
    if source.expires_on is not None and now.date() > source.expires_on:
        raise Refused(Refusal.InactiveInstrument, "The card behind the token has expired.")
    return source


def check_account_balance(state: State, sender_id: PartyId, amount_micros: int) -> None:
    """The sender's account balance (ABT) covers the amount. Raises Refused: InsufficientBalance."""
    if amount_micros > state.person_balances.get(sender_id, 0):
        raise Refused(Refusal.InsufficientBalance, "The sender's account balance does not cover the amount.")


def check_above_fees(amount_micros: int, taken_micros: int) -> None:
    """Something is left for the recipient once fees are `taken_micros`. Raises Refused: InvalidParams."""
    if taken_micros >= amount_micros:
        message = f"The amount must exceed the recipient's fee liability of {display_amount(taken_micros)}."
        raise Refused(Refusal.InvalidParams, message)


def check_callers_cash(state: State, fee_micros: int) -> None:
    """The caller, who pays a fee for another recipient, has it now. Raises Refused: InsufficientBalance."""
    if fee_micros > state.cash.get(state.book.book_id, 0):
        raise Refused(Refusal.InsufficientBalance, "The caller's account does not cover the fee.")


def simulated_fault(state: State, amount_micros: int) -> Refusal | None:
    """The fault that an amount asks for in the sandbox: N.6n a passing one, N.7n a payment error.

    Source: docs/protocol/sandbox.md, 2 and 4.
    """
    if not state.book.simulate_faults:
        return None
    first_decimal = amount_micros // (MICROS_PER_UNIT // 10) % 10
    if first_decimal == _TEMPORARY_DECLINE_DIGIT:
        return Refusal.AccessFailure
    return Refusal.InsufficientBalance if first_decimal == _PAYMENT_ERROR_DIGIT else None


def check_simulated_fault(state: State, amount_micros: int) -> None:
    """The fault that an amount asks for, where no rail is asked. Raises Refused: AccessFailure, InsufficientBalance."""
    fault = simulated_fault(state, amount_micros)
    if fault is not None:
        raise Refused(fault, f"Simulated by the amount: {fault.meaning}.")


def _words(purpose: TokenPurpose) -> str:
    return purpose.value.replace("_", " ")
