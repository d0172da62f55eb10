"""FundPrepaid and SettleDebt: the two points where an instrument meets real money.

From the account balance it moves at once, in one commit. From a card or bank account the intent is committed first
(Pending), then the rail is asked, then its answer is committed (resolve.py).
Source: docs/protocol/flows.md, 2 and 3; docs/protocol/semantics.md, 2 and 3.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import FundPrepaid, Method, SettleDebt, TokenPurpose
from tallystick.domain.decide.checks import (
    check_above_fees,
    check_account_balance,
    check_not_expired,
    check_rail_amount,
    check_same_instrument,
    check_seller,
    check_simulated_fault,
    check_source,
    find_instrument,
    find_sender_token,
)
from tallystick.domain.decide.receipts import announce, ask_rail, record
from tallystick.domain.decide.standings import check_known, check_real_money
from tallystick.domain.decide.write_off import check_debt
from tallystick.domain.ids import AccountId
from tallystick.domain.money import display_amount, whole_minor_units
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import (
    Decision,
    Instrument,
    InstrumentKind,
    Operation,
    State,
    Transaction,
    Transfer,
    balance_account,
    owed_account,
)
from tallystick.domain.tokens import PaymentSource, Token


def fund_prepaid(state: State, command: FundPrepaid, now: datetime) -> Decision:
    """Bring real money onto a prepaid balance: the balance grows by the full amount, the seller gets it less the fee.

    Raises Refused: InvalidAccountState_Caller, those of find_sender_token, InvalidParams, IncompatibleTokens,
    InstrumentExpired, InactiveInstrument, AmountOutOfRange, PrepaidFundingLimitExceeded, InsufficientBalance.
    """
    check_seller(state)
    token = find_sender_token(state, command.token_id, now, TokenPurpose.FUNDING)
    instrument = find_instrument(state, command.instrument_id, InstrumentKind.PREPAID)
    check_same_instrument(token, instrument)
    check_not_expired(instrument, now)
    check_rail_amount(command.amount_micros)
    _check_funding_limit(instrument, command.amount_micros)
    return _charge(state, command, Operation.FUND_PREPAID, token, instrument, now)


def settle_debt(state: State, command: SettleDebt, now: datetime) -> Decision:
    """Bring in real money for a debt: the debt falls by the full amount, the seller gets it less the fee.

    Works after the spending token or the instrument has ended, as long as the settlement token lives.
    Raises Refused: as fund_prepaid, with SettleAmountGreaterThanDebt in place of the funding limit.
    """
    check_seller(state)
    token = find_sender_token(state, command.token_id, now, TokenPurpose.SETTLEMENT)
    instrument = find_instrument(state, command.instrument_id, InstrumentKind.CREDIT)
    check_same_instrument(token, instrument)
    check_rail_amount(command.amount_micros)
    check_debt(instrument, command.amount_micros)
    return _charge(state, command, Operation.SETTLE_DEBT, token, instrument, now)


def _check_funding_limit(instrument: Instrument, amount_micros: int) -> None:
    """Balance, money on its way and new amount together stay within the limit (docs/protocol/flows.md, 2.6)."""
    after_micros = instrument.balance_micros + instrument.pending_micros + amount_micros
    if after_micros > instrument.limit_micros:
        raise Refused(
            Refusal.PrepaidFundingLimitExceeded,
            f"Funding {display_amount(amount_micros)} would raise the balance to {display_amount(after_micros)}, "
            f"above the agreed {display_amount(instrument.limit_micros)}.",
        )


def _charge(
    state: State,
    command: FundPrepaid | SettleDebt,
    operation: Operation,
    token: Token,
    instrument: Instrument,
    now: datetime,
) -> Decision:
    check_known(state, token, None)
    source = check_source(token, now)
    amount_micros = whole_minor_units(command.amount_micros)
    check_real_money(state, token, source, None, amount_micros)
    fee_micros = state.book.fees[source.method].fee(amount_micros)
    check_above_fees(amount_micros, fee_micros)
    immediate = source.method is Method.ABT
    if immediate:
        check_simulated_fault(state, amount_micros)
        check_account_balance(state, token.sender_id, amount_micros)
    transaction = record(
        command.request,
        operation,
        TransactionStatus.SUCCESS if immediate else TransactionStatus.PENDING,
        amount_micros,
        now,
        payment_method=source.method.value,
        sender_id=token.sender_id,
        token_id=token.token_id,
        instrument_id=instrument.instrument_id,
        fee_micros=fee_micros,
        timeout=command.timeout,
    )
    if immediate:
        return received(state, transaction, instrument, balance_account(token.sender_id))
    return _opened(state, transaction, instrument, source)


def _opened(state: State, transaction: Transaction, instrument: Instrument, source: PaymentSource) -> Decision:
    """The intent: nothing has moved, the amount counts as pending, the rail is to be asked."""
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(transaction,),
        instruments=(replace(instrument, pending_micros=instrument.pending_micros + transaction.amount_micros),),
        events=(announce(transaction),),
        rail_request=ask_rail(state, transaction, source),
    )


def received(state: State, transaction: Transaction, instrument: Instrument, outside: AccountId) -> Decision:
    """Book money that has arrived. `outside`: its source in the operator's book, a rail or a person's balance."""
    assert state.book.seller_id is not None, "charges live in sellers' books"  # noqa: S101
    sign = 1 if instrument.kind is InstrumentKind.PREPAID else -1
    moved = replace(instrument, balance_micros=instrument.balance_micros + sign * transaction.amount_micros)
    owed = owed_account(state.book.seller_id)
    cash, fees = TOTALS[AccountKind.CASH], TOTALS[AccountKind.FEES]
    transfers = [Transfer(transaction.transaction_id, cash, instrument.account_id, transaction.amount_micros)]
    operator_transfers = [Transfer(transaction.transaction_id, outside, owed, transaction.amount_micros)]
    if transaction.fee_micros:
        transfers.append(Transfer(transaction.transaction_id, fees, cash, transaction.fee_micros))
        income = TOTALS[AccountKind.FEE_INCOME]
        operator_transfers.append(Transfer(transaction.transaction_id, owed, income, transaction.fee_micros))
    return Decision(
        Accepted(transaction.transaction_id, transaction.status),
        transactions=(transaction,),
        transfers=tuple(transfers),
        operator_transfers=tuple(operator_transfers),
        instruments=(moved,),
        events=(announce(transaction),),
    )
