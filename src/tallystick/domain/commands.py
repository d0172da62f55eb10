"""What can be asked of a book. Commands are complete: ids, amounts and texts are fixed before the books are opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique

from tallystick.domain.ids import InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.limits import LimitKind
from tallystick.domain.periods import Period


@dataclass(frozen=True, slots=True)
class Request:
    """What every money request of a caller carries.

    `fingerprint` digests the action and its business parameters: the same reference with another fingerprint is
    another request. `requested_at` is the request's own Timestamp. `notification_url` overrides the seller's setting.
    """

    transaction_id: TransactionId
    caller_id: PartyId
    caller_reference: str
    fingerprint: bytes
    requested_at: datetime
    caller_description: str | None = None
    sender_description: str | None = None
    notification_url: str | None = None


@dataclass(frozen=True, slots=True)
class FundPrepaid:
    """Charge the sender through the funding token and raise the balance of a prepaid instrument."""

    request: Request
    token_id: TokenId
    instrument_id: InstrumentId
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Pay:
    """Charge a prepaid balance or raise a debt, depending on the sender token."""

    request: Request
    token_id: TokenId
    amount_micros: int


@dataclass(frozen=True, slots=True)
class SettleDebt:
    """Charge the sender through the settlement token and lower the debt by the same amount."""

    request: Request
    token_id: TokenId
    instrument_id: InstrumentId
    amount_micros: int


@dataclass(frozen=True, slots=True)
class WriteOffDebt:
    """Forgive part or all of a debt. No money moves."""

    request: Request
    instrument_id: InstrumentId
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Refund:
    """Give back all or part of a successful Pay. No amount: whatever is left of the original."""

    request: Request
    original_id: TransactionId
    amount_micros: int | None


@dataclass(frozen=True, slots=True)
class CancelToken:
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


@dataclass(frozen=True, slots=True)
class LimitTerms:
    """One usage limit as the buyer agrees to it. `limit`: micro-units for AMOUNT, a count for COUNT."""

    kind: LimitKind
    limit: int
    period: Period | None


@dataclass(frozen=True, slots=True)
class Consent:
    """What both set-up pipelines share: who agreed, to which means of payment, from when to when.

    `payment_method_id` names the card or bank account; None for the account balance.
    """

    sender_id: PartyId
    method: Method
    payment_method_id: int | None
    payment_reason: str | None
    valid_from: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuthorizePrepaid:
    """The buyer confirmed SetupPrepaid: make the instrument with zero balance and its two tokens."""

    consent: Consent
    instrument_id: InstrumentId
    sender_token_id: TokenId
    funding_token_id: TokenId
    sender_reference: str
    funding_reference: str
    funding_limit_micros: int


@dataclass(frozen=True, slots=True)
class AuthorizePostpaid:
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


@dataclass(frozen=True, slots=True)
class Paid:
    """The rail took the money."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The rail said no, finally. `status_code` and `reason` become the transaction's."""

    status_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResolveCharge:
    """A rail's final answer to a pending transaction. Resolving twice changes nothing."""

    transaction_id: TransactionId
    rail: str
    answer: Paid | Declined


@dataclass(frozen=True, slots=True)
class Deposit:
    """Sandbox money from a rail onto a person's account balance. For the operator's book only."""

    transaction_id: TransactionId
    party_id: PartyId
    rail: str
    amount_micros: int


MoneyCommand = FundPrepaid | Pay | SettleDebt | WriteOffDebt | Refund
"""Commands of a caller, each with a Request: answered once per caller reference."""

Command = MoneyCommand | CancelToken | AuthorizePrepaid | AuthorizePostpaid | ResolveCharge | Deposit
