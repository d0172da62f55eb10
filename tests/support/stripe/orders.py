"""Orders for the rail, with fresh transactions."""

from __future__ import annotations

import secrets
from datetime import datetime

from tallystick.domain.ids import TRANSACTION_ENTROPY_BYTES, BookId, TransactionId, make_transaction_id
from tallystick.domain.money import parse_amount
from tallystick.domain.rails.commands import RailOperation
from tallystick.processors.rail import RailOrder, idempotency_key

BOOK = BookId(7)


def fresh_transaction(now: datetime) -> TransactionId:
    return make_transaction_id(BOOK, int(now.timestamp() * 1000), secrets.token_bytes(TRANSACTION_ENTROPY_BYTES))


def first(
    now: datetime, rail_token: str, amount: str = "12.00", operation: RailOperation = RailOperation.CHARGE
) -> RailOrder:
    """A charge or a hold."""
    key = idempotency_key(fresh_transaction(now), operation)
    return RailOrder(key, operation, parse_amount(amount), rail_token)


def after(
    earlier: RailOrder, operation: RailOperation, amount: str, reference: str | None, now: datetime | None = None
) -> RailOrder:
    """A capture, a void, a refund or a return of an order; a refund is a transaction of its own, made `now`."""
    transaction_id = earlier.transaction_id if now is None else fresh_transaction(now)
    key = idempotency_key(TransactionId(transaction_id), operation)
    micros, token = parse_amount(amount), earlier.rail_token
    return RailOrder(key, operation, micros, token, earlier.idempotency_key, earlier_reference=reference)
