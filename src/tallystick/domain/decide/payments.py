"""Pay and Reserve with real money: single-use, multi-use and recurring tokens, by balance, card or bank account.

Source: docs/protocol/semantics.md, 2, 3, 5 and 6; docs/protocol/cobranded.md, 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from tallystick.domain.commands import AmountRule, FeePayer, Marketplace, Method, Pay, Reserve, TokenPurpose, TokenType
from tallystick.domain.decide.checks import (
    check_above_fees,
    check_account_balance,
    check_callers_cash,
    check_rail_amount,
    check_simulated_fault,
    check_source,
)
from tallystick.domain.decide.conditions import check_conditions
from tallystick.domain.decide.receipts import announce, ask_rail, record
from tallystick.domain.decide.shares import book, when_opened, whole
from tallystick.domain.decide.standings import check_known, check_real_money
from tallystick.domain.decide.usage import use
from tallystick.domain.ids import PartyId
from tallystick.domain.money import display_amount, round_half_up_to_minor_unit, whole_minor_units
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.rails.commands import RailOperation
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Decision, Operation, Seller, State, Transaction, balance_account
from tallystick.domain.tokens import PaymentSource, Token, TokenState, state_of

_PARTS_PER_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class _Agreed:
    """What a payment in real money comes to once every check has passed."""

    amount_micros: int
    fee_micros: int
    marketplace_fee_micros: int
    recipient_id: PartyId | None
    source: PaymentSource
    sender_token: Token
    used: tuple[Token, ...]


def pay_directly(state: State, command: Pay, token: Token, now: datetime) -> Decision:
    """Charge the sender: from the account balance at once, by card or bank account through the rail.

    Raises Refused: SameTokenIdUsedMultipleTimes, IncompatibleTokens, InvalidTokenId_Recipient,
    TokenNotActive_Recipient, InvalidAccountState_Recipient, SameSenderAndRecipient, AmountOutOfRange,
    InactiveInstrument, PaymentMethodNotDefined, TokenUsageError, InvalidParams, InsufficientBalance, AccessFailure.
    """
    agreed = _agree(state, command, token, now)
    if agreed.source.method is not Method.ABT:
        return _ask_rail(state, command, RailOperation.CHARGE, agreed, now)
    check_simulated_fault(state, agreed.amount_micros)
    check_account_balance(state, token.sender_id, agreed.amount_micros)
    transaction = _transaction(command, Operation.PAY, TransactionStatus.SUCCESS, agreed, now)
    return replace(
        book(state, transaction, whole(transaction), balance_account(token.sender_id)),
        outcome=Accepted(transaction.transaction_id, transaction.status),
        tokens=agreed.used,
        events=(announce(transaction),),
    )


def reserve_directly(state: State, command: Reserve, token: Token, now: datetime) -> Decision:
    """Hold an amount on a card. Raises Refused: as pay_directly, and PaymentInstrumentNotCC."""
    agreed = _agree(state, command, token, now)
    if agreed.source.method is not Method.CC:
        raise Refused(Refusal.PaymentInstrumentNotCC, "Only a card can be reserved from.")
    return _ask_rail(state, command, RailOperation.AUTHORIZE, agreed, now)


def _agree(state: State, command: Pay | Reserve, token: Token, now: datetime) -> _Agreed:
    _check_unused(token)
    recipient_token = _recipient_token(state, command.marketplace, now)
    _check_recipients(token, command.marketplace)
    recipient = _recipient(state, token, recipient_token)
    check_known(state, token, recipient)
    check_rail_amount(command.amount_micros)
    amount_micros = whole_minor_units(command.amount_micros)
    _check_terms(token, command, amount_micros)
    source = check_source(token, now)
    check_real_money(state, token, source, recipient, amount_micros)
    for agreed_token, role in ((token, "Sender"), (recipient_token, "Recipient")):
        check_conditions(agreed_token, role, command, source.method, now)
    used = use((token, recipient_token), command.request.transaction_id, amount_micros, now)
    marketplace_fee_micros = _marketplace_fee(command.marketplace, recipient_token, amount_micros)
    fee_micros = state.book.fees[source.method].fee(amount_micros)
    recipient_id = None if recipient is None else recipient.party_id
    caller_pays = recipient_id is not None and command.marketplace.fee_payer is FeePayer.CALLER
    _check_fee_payer(command.marketplace, recipient_token)
    _check_fees(state, amount_micros, fee_micros, marketplace_fee_micros, caller_pays=caller_pays)
    return _Agreed(amount_micros, fee_micros, marketplace_fee_micros, recipient_id, source, token, used)


def _check_unused(token: Token) -> None:
    if token.token_type is TokenType.SINGLE_USE and token.used_by is not None:
        raise Refused(Refusal.SameTokenIdUsedMultipleTimes, "The token was good for one payment and has been used.")


def _recipient_token(state: State, marketplace: Marketplace, now: datetime) -> Token | None:
    if marketplace.recipient_token_id is None:
        return None
    token = state.tokens.get(marketplace.recipient_token_id)
    if token is None or token.purpose not in {TokenPurpose.RECIPIENT, TokenPurpose.INSTALLED}:
        message = f'"recipientTokenId" must be a valid token ID: {marketplace.recipient_token_id}'
        raise Refused(Refusal.InvalidTokenId_Recipient, message)
    match state_of(token, now):
        case TokenState.CANCELLED:
            raise Refused(Refusal.TokenNotActive_Recipient, "The recipient token has been cancelled.")
        case TokenState.EXPIRED | TokenState.NOT_YET:
            raise Refused(Refusal.InvalidTokenId_Recipient, "The recipient token is not valid at this time.")
        case TokenState.ACTIVE | TokenState.USED:
            _check_unused(token)
            return token


def _check_recipients(token: Token, marketplace: Marketplace) -> None:
    allowed = token.terms.recipient_tokens
    if allowed and marketplace.recipient_token_id not in allowed:
        raise Refused(Refusal.IncompatibleTokens, "The sender token does not allow this recipient.")


def _recipient(state: State, token: Token, recipient_token: Token | None) -> Seller | None:
    """The recipient when it is not the caller itself."""
    recipient_id = state.book.seller_id if recipient_token is None else recipient_token.sender_id
    if token.sender_id == recipient_id:
        raise Refused(Refusal.SameSenderAndRecipient, "Sender and recipient are the same account.")
    if recipient_token is None or recipient_id == state.book.seller_id:
        return None
    if not state.book.seller_standing.marketplace:
        raise Refused(Refusal.NotMarketplaceApp, "The caller may not act for other recipients.")
    seller = state.recipients.get(recipient_token.sender_id)
    if seller is None or not seller.active:
        raise Refused(Refusal.InvalidAccountState_Recipient, "The recipient's account cannot receive payments.")
    return seller


def _check_terms(token: Token, command: Pay | Reserve, amount_micros: int) -> None:
    terms = token.terms
    if token.token_type is TokenType.SINGLE_USE and terms.for_reserve is not isinstance(command, Reserve):
        needed = "Reserve" if terms.for_reserve else "Pay"
        raise Refused(Refusal.IncompatibleTokens, f"The sender agreed to {needed} with this token.")
    if terms.amount_rule is None or terms.amount_micros is None:
        return
    agreed = terms.amount_micros
    kept = {
        AmountRule.EXACT: amount_micros == agreed,
        AmountRule.MAXIMUM: amount_micros <= agreed,
        AmountRule.MINIMUM: amount_micros >= agreed,
    }
    if not kept[terms.amount_rule]:
        words = {AmountRule.EXACT: "exactly", AmountRule.MAXIMUM: "at most", AmountRule.MINIMUM: "at least"}
        message = f"The sender agreed to {words[terms.amount_rule]} {display_amount(agreed)}."
        raise Refused(Refusal.IncompatibleTokens, message)


def _marketplace_fee(marketplace: Marketplace, recipient_token: Token | None, amount_micros: int) -> int:
    """The caller's share, within what the recipient agreed to. Without a third party there is nobody to share with."""
    if not marketplace.fixed_fee_micros and not marketplace.variable_fee_ppm:
        return 0
    terms = None if recipient_token is None else recipient_token.terms
    if (
        terms is None
        or marketplace.fixed_fee_micros > (terms.max_fixed_fee_micros or 0)
        or marketplace.variable_fee_ppm > (terms.max_variable_fee_ppm or 0)
    ):
        raise Refused(Refusal.IncompatibleTokens, "The recipient did not agree to this marketplace fee.")
    exact = marketplace.fixed_fee_micros * _PARTS_PER_MILLION + amount_micros * marketplace.variable_fee_ppm
    return round_half_up_to_minor_unit(exact, _PARTS_PER_MILLION)


def _check_fee_payer(marketplace: Marketplace, recipient_token: Token | None) -> None:
    caller_pays = marketplace.fee_payer is FeePayer.CALLER
    agreed = None if recipient_token is None else recipient_token.terms.recipient_pays_fee
    if agreed is not None and agreed is caller_pays:
        payer = "recipient" if agreed else "caller"
        raise Refused(Refusal.IncompatibleTokens, f"The recipient token says that the {payer} pays the fee.")


def _check_fees(
    state: State, amount_micros: int, fee_micros: int, marketplace_fee_micros: int, *, caller_pays: bool
) -> None:
    """What is taken must come from somewhere. `caller_pays` out of its own cash: it is not the recipient."""
    taken = marketplace_fee_micros + (0 if caller_pays else fee_micros)
    check_above_fees(amount_micros, taken)
    if caller_pays:
        check_callers_cash(state, fee_micros - marketplace_fee_micros)


def _ask_rail(
    state: State, command: Pay | Reserve, rail_operation: RailOperation, agreed: _Agreed, now: datetime
) -> Decision:
    operation = Operation.RESERVE if isinstance(command, Reserve) else Operation.PAY
    transaction = _transaction(command, operation, TransactionStatus.PENDING, agreed, now)
    return replace(
        book(state, transaction, when_opened(transaction)),
        outcome=Accepted(transaction.transaction_id, transaction.status),
        tokens=agreed.used,
        events=(announce(transaction),),
        rail_request=ask_rail(state, transaction, agreed.source, rail_operation),
    )


def _transaction(
    command: Pay | Reserve, operation: Operation, status: TransactionStatus, agreed: _Agreed, now: datetime
) -> Transaction:
    transaction = record(
        command.request,
        operation,
        status,
        agreed.amount_micros,
        now,
        payment_method=agreed.source.method.value,
        sender_id=agreed.sender_token.sender_id,
        token_id=agreed.sender_token.token_id,
        instrument_id=None,
        fee_micros=agreed.fee_micros,
        timeout=command.timeout,
    )
    return replace(
        transaction,
        recipient_id=agreed.recipient_id,
        recipient_token_id=command.marketplace.recipient_token_id,
        fee_payer=command.marketplace.fee_payer,
        marketplace_fee_micros=agreed.marketplace_fee_micros,
    )
