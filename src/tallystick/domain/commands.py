"""What can be asked of a book. Commands are complete: ids, amounts and texts are fixed before the books are opened."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, StrEnum, unique
from typing import Final, TypeGuard, get_args

from msgspec import Struct

from tallystick.domain.ids import InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.limits import LimitKind
from tallystick.domain.periods import Period
from tallystick.domain.rails.commands import (
    BookMovement,
    CollectDue,
    Deposit,
    DisputeMoved,
    ResolveCharge,
    ResolvePayout,
    ReturnCharge,
    ReverseRefund,
)


@unique
class FeePayer(Enum):
    """Who pays the service's fee: the API's ChargeFeeTo."""

    RECIPIENT = "Recipient"
    CALLER = "Caller"


@unique
class TokenPurpose(StrEnum):
    """What a token may be used for."""

    PREPAID_SENDER = "prepaid_sender"  # Pay from a prepaid balance
    FUNDING = "funding"  # FundPrepaid
    CREDIT_SENDER = "credit_sender"  # Pay on credit
    SETTLEMENT = "settlement"  # SettleDebt
    SENDER = "sender"  # Pay and Reserve with real money
    RECIPIENT = "recipient"  # lets a caller receive on somebody's behalf
    INSTALLED = "installed"  # by a GateKeeper text, on the caller's own account


@unique
class TokenType(StrEnum):
    """How often a token may be used, in the protocol's words."""

    SINGLE_USE = "SingleUse"
    MULTI_USE = "MultiUse"
    RECURRING = "Recurring"
    UNRESTRICTED = "Unrestricted"


@unique
class AmountRule(Enum):
    """How the amount of a token binds a single payment."""

    EXACT = "Exact"
    MAXIMUM = "Maximum"
    MINIMUM = "Minimum"


class TokenTerms(Struct, frozen=True):
    """What else was agreed to with a token. Amounts in micro-units, rates in parts per million.

    `recipient_tokens`: if any, only these recipient tokens may be paid. `for_reserve`: meant for Reserve.
    `recipient_pays_fee` and the `most_…` belong to recipient tokens: the caller's share may not be above them.
    """

    amount_rule: AmountRule | None = None
    amount_micros: int | None = None
    recipient_tokens: tuple[str, ...] = ()
    for_reserve: bool = False
    recipient_pays_fee: bool | None = None
    max_fixed_fee_micros: int | None = None
    max_variable_fee_ppm: int | None = None


class Request(Struct, frozen=True):
    """What every money request of a caller carries.

    `fingerprint` digests the action and its business parameters: the same reference with another fingerprint is
    another request. `requested_at` is the request's own Timestamp. `notification_url` overrides the seller's setting.
    `refusal_spends`: whether a refusal spends the reference, as the protocol has it; else the same may be asked again.
    """

    transaction_id: TransactionId
    caller_id: PartyId
    caller_reference: str
    fingerprint: bytes
    requested_at: datetime
    caller_description: str | None = None
    sender_description: str | None = None
    notification_url: str | None = None
    refusal_spends: bool = True


class FundPrepaid(Struct, frozen=True):
    """Charge the sender through the funding token and raise a prepaid balance. `timeout` as in Pay."""

    request: Request
    token_id: TokenId
    instrument_id: InstrumentId
    amount_micros: int
    timeout: timedelta | None = None


class Marketplace(Struct, frozen=True):
    """The parts of a payment that concern a third party. Without a recipient token the caller is the recipient.

    The caller's share of the amount is `fixed_fee_micros` plus `variable_fee_ppm` parts per million.
    """

    recipient_token_id: TokenId | None = None
    fee_payer: FeePayer = FeePayer.RECIPIENT
    fixed_fee_micros: int = 0
    variable_fee_ppm: int = 0


class Pay(Struct, frozen=True):
    """Charge what is behind the sender token: a prepaid balance, a credit instrument, or real money.

    `timeout`: real money that has not arrived by then is given up, where the rail has not been asked yet.
    """

    request: Request
    token_id: TokenId
    amount_micros: int
    marketplace: Marketplace = Marketplace()
    timeout: timedelta | None = None


class Reserve(Struct, frozen=True):
    """Hold an amount on the sender's card, to be settled within seven days."""

    request: Request
    token_id: TokenId
    amount_micros: int
    marketplace: Marketplace = Marketplace()
    timeout: timedelta | None = None


class Settle(Struct, frozen=True):
    """Charge a reservation, once, in full or for less. No amount: all of it."""

    transaction_id: TransactionId
    amount_micros: int | None
    notification_url: str | None = None


class Cancel(Struct, frozen=True):
    """Give up a reservation, or a payment that no rail was asked for yet. `expired`: its time has run out."""

    transaction_id: TransactionId
    reason: str | None = None
    notification_url: str | None = None
    expired: bool = False


class SettleDebt(Struct, frozen=True):
    """Charge the sender through the settlement token and lower the debt by the same amount. `timeout` as in Pay."""

    request: Request
    token_id: TokenId
    instrument_id: InstrumentId
    amount_micros: int
    timeout: timedelta | None = None


class WriteOffDebt(Struct, frozen=True):
    """Forgive part or all of a debt. No money moves."""

    request: Request
    instrument_id: InstrumentId
    amount_micros: int


@unique
class RefundPolicy(Enum):
    """What a refund of a marketplace payment gives back: the API's MarketplaceRefundPolicy."""

    MASTER_ONLY = "MasterTxnOnly"
    MARKETPLACE_ONLY = "MarketplaceTxnOnly"
    MASTER_AND_MARKETPLACE = "MasterAndMarketplaceTxn"


class Refund(Struct, frozen=True):
    """Give back all or part of a successful payment. No amount: whatever is left of the original."""

    request: Request
    original_id: TransactionId
    amount_micros: int | None
    policy: RefundPolicy = RefundPolicy.MASTER_ONLY


class RefundFunding(Struct, frozen=True):
    """Give back, of one funding of a prepaid balance, what was not spent. No amount: whatever is left of it."""

    request: Request
    funding_id: TransactionId
    amount_micros: int | None


class RecordRefund(Struct, frozen=True):
    """Somebody gave back a part of a payment, or all of it, at the rail itself: the money has left.

    `reference`: the rail's name of the refund, which is booked once by it.
    """

    request: Request
    original_id: TransactionId
    rail: str
    reference: str
    amount_micros: int


class RequestPayout(Struct, frozen=True):
    """Let cash leave for the seller's bank by a payout rail. No amount: all above the reserve.

    `destination_id` names the bank account; None: where operator and seller are one, payouts are only recorded, and
    done at once. `due_at`: when an automatic rail is to be asked; None: people send it.
    """

    request: Request
    amount_micros: int | None
    rail: str
    destination_id: int | None
    due_at: datetime | None = None
    reserve_micros: int = 0


class ReturnPayout(Struct, frozen=True):
    """The bank has sent a payout back after it was done."""

    request: Request
    payout_id: TransactionId
    reason: str


class CancelToken(Struct, frozen=True):
    """Bar a token from all further use. History, balances and debts stay. `by` is the caller or the token's sender."""

    token_id: TokenId
    by: PartyId
    notification_url: str | None = None


@unique
class Method(Enum):
    """How real money comes in."""

    ABT = "ABT"  # account balance
    CC = "CC"  # card
    ACH = "ACH"  # bank account


class LimitTerms(Struct, frozen=True):
    """One usage limit as the buyer agrees to it. `limit`: micro-units for AMOUNT, a count for COUNT."""

    kind: LimitKind
    limit: int
    period: Period | None


class Consent(Struct, frozen=True):
    """What both set-up pipelines share: who agreed, to which means of payment, from when to when.

    `payment_method_id` names the card or bank account; None for the account balance.
    """

    sender_id: PartyId
    method: Method
    payment_method_id: int | None
    payment_reason: str | None
    valid_from: datetime
    expires_at: datetime | None


class AuthorizePrepaid(Struct, frozen=True):
    """The buyer confirmed SetupPrepaid: make the instrument with zero balance and its two tokens."""

    consent: Consent
    instrument_id: InstrumentId
    sender_token_id: TokenId
    funding_token_id: TokenId
    sender_reference: str
    funding_reference: str
    funding_limit_micros: int


class AuthorizePostpaid(Struct, frozen=True):
    """The buyer confirmed SetupPostpaid: make the instrument with zero debt and its two tokens."""

    consent: Consent
    instrument_id: InstrumentId
    sender_token_id: TokenId
    settlement_token_id: TokenId
    sender_reference: str
    settlement_reference: str
    credit_limit_micros: int
    total_limit_micros: int
    limits: tuple[LimitTerms, ...] = ()


class RefundToken(Struct, frozen=True):
    """A second token that comes with a recipient token: for paying back what came in by it."""

    token_id: TokenId
    caller_reference: str


class InstallToken(Struct, frozen=True):
    """Make a token without an instrument: a pipeline was confirmed, or a GateKeeper text installed.

    `sender_id` is who gives it. `method` and `payment_method_id` as in Consent; no method for recipient tokens.
    `replaces`: the token that ends with this one (EditToken). `refund_token` comes with recipient tokens.
    """

    token_id: TokenId
    purpose: TokenPurpose
    token_type: TokenType
    sender_id: PartyId
    caller_reference: str
    method: Method | None
    payment_method_id: int | None
    valid_from: datetime
    expires_at: datetime | None
    payment_reason: str | None = None
    friendly_name: str | None = None
    terms: TokenTerms = TokenTerms()
    limits: tuple[LimitTerms, ...] = ()
    instruction: str | None = None
    replaces: TokenId | None = None
    refund_token: RefundToken | None = None


MoneyCommand = (
    FundPrepaid
    | Pay
    | Reserve
    | SettleDebt
    | WriteOffDebt
    | Refund
    | RefundFunding
    | RecordRefund
    | RequestPayout
    | ReturnPayout
)
"""Commands of a caller, each with a Request: answered once per caller reference."""

_MONEY_COMMANDS: Final = frozenset(get_args(MoneyCommand))


def is_money_command(command: Command) -> TypeGuard[MoneyCommand]:
    """Whether this is a MoneyCommand. One look-up in a set, since isinstance would try each class in turn."""
    return type(command) in _MONEY_COMMANDS


Command = (
    MoneyCommand
    | Settle
    | Cancel
    | CancelToken
    | AuthorizePrepaid
    | AuthorizePostpaid
    | InstallToken
    | ResolveCharge
    | ResolvePayout
    | ReturnCharge
    | ReverseRefund
    | Deposit
    | BookMovement
    | DisputeMoved
    | CollectDue
)


_REPEATABLE: Final = _MONEY_COMMANDS | {
    AuthorizePrepaid,
    AuthorizePostpaid,
    InstallToken,
    ResolveCharge,
    BookMovement,
    DisputeMoved,
    CollectDue,
    ResolvePayout,
    ReturnCharge,
    ReverseRefund,
}


def is_repeatable(command: Command) -> bool:
    """Whether the command is idempotent: its reference or its ids tell that it was carried out before.

    Not so the others: a second cancellation or capture is refused, and a second deposit is an error.
    """
    return type(command) in _REPEATABLE
