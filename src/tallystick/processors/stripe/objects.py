"""What this rail reads of Stripe's objects, with money in micro-units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from stripe import BalanceTransaction, PaymentIntent, Refund

from tallystick.domain.ids import TransactionId, book_named_in
from tallystick.domain.money import MICROS_PER_MINOR_UNIT
from tallystick.processors.rail import RailOrder

KEY: Final = "tallystick_key"
TRANSACTION: Final = "tallystick_transaction"
BOOK: Final = "tallystick_book"
"""Names in the metadata of intents and refunds. Stripe copies an intent's to its charge."""

INTENT_WITH_FEE: Final = ("latest_charge.balance_transaction",)
REFUND_WITH_FEE: Final = ("balance_transaction",)


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment that Stripe tries, or has tried. `key`: that of the order which made it; None: made by hand.

    `fee_micros`: what Stripe keeps of it, once it says so in the payment's own currency.
    """

    intent_id: str
    status: str
    amount_micros: int
    received_micros: int
    currency: str
    key: str | None
    transaction_id: str | None
    error_code: str | None
    fee_micros: int | None


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """A refund as Stripe has it. `failure`: why it failed, in Stripe's word."""

    refund_id: str
    status: str
    amount_micros: int
    key: str | None
    failure: str | None
    fee_micros: int | None


def read_intent(intent: PaymentIntent) -> Intent:
    """An intent of the library's."""
    charge = intent.latest_charge
    error = intent.last_payment_error
    fee = None if charge is None or isinstance(charge, str) else _fee(charge.balance_transaction, intent.currency)
    return Intent(
        intent_id=intent.id,
        status=intent.status,
        amount_micros=intent.amount * MICROS_PER_MINOR_UNIT,
        received_micros=intent.amount_received * MICROS_PER_MINOR_UNIT,
        currency=intent.currency.upper(),
        key=noted(intent.metadata, KEY),
        transaction_id=noted(intent.metadata, TRANSACTION),
        error_code=None if error is None else getattr(error, "decline_code", None) or getattr(error, "code", None),
        fee_micros=fee,
    )


def read_refund(refund: Refund) -> SeenRefund:
    """A refund of the library's."""
    return SeenRefund(
        refund_id=refund.id,
        status=refund.status or "pending",
        amount_micros=refund.amount * MICROS_PER_MINOR_UNIT,
        key=noted(refund.metadata, KEY),
        failure=getattr(refund, "failure_reason", None),
        fee_micros=_fee(refund.balance_transaction, refund.currency),
    )


def _fee(transaction: str | BalanceTransaction | None, currency: str) -> int | None:
    if transaction is None or isinstance(transaction, str) or transaction.currency != currency:
        return None
    return transaction.fee * MICROS_PER_MINOR_UNIT


def noted(metadata: Any, name: str) -> str | None:  # noqa: ANN401 - a dict or an object of the library's
    """What we noted on an object; None: nothing, as on all that was made by hand."""
    if metadata is None or name not in metadata:
        return None
    return str(metadata[name])


def notes(order: RailOrder) -> dict[str, str]:
    """What is noted on the object that an order makes."""
    book_id = book_named_in(TransactionId(order.transaction_id))
    return {KEY: order.idempotency_key, TRANSACTION: order.transaction_id, BOOK: str(book_id)}


def minor_units(amount_micros: int) -> int:
    """The amount as Stripe takes it. Raises ValueError: it has parts of a cent."""
    units, rest = divmod(amount_micros, MICROS_PER_MINOR_UNIT)
    if rest:
        raise ValueError(f"{amount_micros} micro-units are not whole minor units")
    return units


def token_of(customer: str, payment_method: str) -> str:
    """What the rail calls a card or bank account: Stripe charges a payment method only with its customer."""
    return f"{customer}/{payment_method}"


def parts_of_token(rail_token: str) -> tuple[str, str]:
    """Customer and payment method. Raises ValueError: it is the token of another rail."""
    customer, slash, payment_method = rail_token.partition("/")
    if not (slash and customer.startswith("cus_") and payment_method):
        raise ValueError("this card or bank account was not set up at Stripe")
    return customer, payment_method
