"""Pay: draw a prepaid balance down or raise a debt. Decided at once, no money moves.

Source: docs/protocol/flows.md, 2 and 3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import Pay, TokenPurpose
from tallystick.domain.decide.checks import (
    check_charge_amount,
    check_not_expired,
    check_seller,
    check_simulated_fault,
    find_sender_token,
)
from tallystick.domain.decide.payments import pay_directly
from tallystick.domain.decide.receipts import announce, record
from tallystick.domain.decide.standings import check_known
from tallystick.domain.money import display_amount
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, Instrument, InstrumentKind, Operation, State, Transfer
from tallystick.domain.tokens import Token

_SALES: Final = TOTALS[AccountKind.SALES]
_PAY: Final = Operation.PAY  # Python 3.11 looks a member up by a call each time it is named
_SUCCESS: Final = TransactionStatus.SUCCESS
_PREPAID: Final = InstrumentKind.PREPAID
_PURPOSES: Final = (
    TokenPurpose.PREPAID_SENDER,
    TokenPurpose.CREDIT_SENDER,
    TokenPurpose.SENDER,
    TokenPurpose.INSTALLED,
)


def pay(state: State, command: Pay, now: datetime) -> Decision:
    """Charge an instrument. The ceiling is hard: not one micro-unit past the balance or the limit.

    Raises Refused: InvalidAccountState_Caller, those of find_sender_token, InstrumentExpired, AmountOutOfRange,
    TokenUsageError, InsufficientBalance, AccessFailure (simulated).
    """
    check_seller(state)
    token = find_sender_token(state, command.token_id, now, *_PURPOSES)
    if token.instrument_id is None:
        return pay_directly(state, command, token, now)
    _check_two_parties(command)
    check_known(state, token, None)
    instrument = state.instruments[token.instrument_id]
    check_not_expired(instrument, now)
    check_charge_amount(state, command.amount_micros)
    tokens: tuple[Token, ...] = ()
    if instrument.kind is _PREPAID:
        payment_method = "Prepaid"
        check_simulated_fault(state, command.amount_micros)
        charged = _draw(instrument, command.amount_micros)
    else:
        payment_method = "Debt"
        tokens = _use(token, command.amount_micros, now)
        _check_total(instrument, command.amount_micros)
        check_simulated_fault(state, command.amount_micros)
        charged = _owe(instrument, command.amount_micros)
    transaction = record(
        command.request,
        _PAY,
        _SUCCESS,
        command.amount_micros,
        now,
        payment_method=payment_method,
        sender_id=token.sender_id,
        token_id=token.token_id,
        instrument_id=instrument.instrument_id,
    )
    sale = Transfer(transaction.transaction_id, instrument.account_id, _SALES, command.amount_micros)
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(transaction,),
        transfers=(sale,),
        instruments=(charged,),
        tokens=tokens,
        events=(announce(transaction),),
    )


def _check_two_parties(command: Pay) -> None:
    """With an instrument the caller is the recipient, so there is nobody to share with (docs/protocol/flows.md, 1)."""
    marketplace = command.marketplace
    if marketplace.recipient_token_id is not None or marketplace.fixed_fee_micros or marketplace.variable_fee_ppm:
        message = "Payments from an instrument go to its seller alone: no recipient token, no marketplace fee."
        raise Refused(Refusal.IncompatibleTokens, message)


def _draw(instrument: Instrument, amount_micros: int) -> Instrument:
    if amount_micros > instrument.balance_micros:
        raise Refused(
            Refusal.InsufficientBalance,
            f"The prepaid balance of {display_amount(instrument.balance_micros)} does not cover "
            f"{display_amount(amount_micros)}.",
        )
    return replace(instrument, balance_micros=instrument.balance_micros - amount_micros)


def _owe(instrument: Instrument, amount_micros: int) -> Instrument:
    """Raise the debt. At the limit: InsufficientBalance, as recorded (docs/protocol/flows.md, 3)."""
    if instrument.balance_micros + amount_micros > instrument.limit_micros:
        raise Refused(
            Refusal.InsufficientBalance,
            f"The charge would exceed the credit limit of {display_amount(instrument.limit_micros)}: "
            f"{display_amount(instrument.balance_micros)} is owed already.",
        )
    return replace(
        instrument,
        balance_micros=instrument.balance_micros + amount_micros,
        charged_micros=instrument.charged_micros + amount_micros,
    )


def _check_total(instrument: Instrument, amount_micros: int) -> None:
    """The total over the whole life counts every charge; refunds do not give it back, so the bound is strict."""
    total = instrument.total_limit_micros
    if total is not None and instrument.charged_micros + amount_micros > total:
        message = f"The charge would pass the total of {display_amount(total)} agreed for the whole authorization."
        raise Refused(Refusal.TokenUsageError, message)


def _use(token: Token, amount_micros: int, now: datetime) -> tuple[Token, ...]:
    if not token.limits:
        return ()
    return (replace(token, limits=tuple(limit.use(amount_micros, now) for limit in token.limits)),)
