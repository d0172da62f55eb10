"""What readers of subscriptions ask the books: a recurring token and the payments made with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tallystick.db.connections import Database
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId, TokenId, TransactionId
from tallystick.domain.limits import LimitKind, UsageLimit
from tallystick.domain.periods import Period
from tallystick.store.ledger.token_terms import terms_from_json
from tallystick.store.ledger.usage_limits import limits_from_json
from tallystick.store.queries.reads import Person

_READS: Final = load_statements("reads.sql", __package__)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A recurring token with an amount per period. `clock_offset` is that of its book's test clock."""

    token_id: TokenId
    environment: str
    description: str | None
    amount_micros: int
    frequency: Period
    limits: tuple[UsageLimit, ...]
    valid_from: datetime
    expires_at: datetime | None
    cancelled_at: datetime | None
    recipient: Person
    sender: Person
    clock_offset: timedelta


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of a subscription."""

    transaction_id: TransactionId
    amount_micros: int
    status: str
    caller_description: str | None
    sender_description: str | None


async def find(database: Database, book_id: BookId, token_id: TokenId) -> Subscription | None:
    """The subscription that a token stands for; None for tokens without an amount and a count per period."""
    row = await database.fetchrow(_READS["subscription"], book_id, token_id)
    if row is None:
        return None
    terms, limits = terms_from_json(row["terms"]), limits_from_json(row["usage_limits"])
    frequency = next((limit.period for limit in limits if limit.kind is LimitKind.COUNT and limit.period), None)
    if terms.amount_micros is None or frequency is None:
        return None
    return Subscription(
        token_id=token_id,
        environment=row["environment"],
        description=row["payment_reason"] or row["friendly_name"],
        amount_micros=terms.amount_micros,
        frequency=frequency,
        limits=limits,
        valid_from=row["valid_from"],
        expires_at=row["expires_at"],
        cancelled_at=row["cancelled_at"],
        recipient=Person(PartyId(row["recipient_id"]), row["recipient_name"], row["recipient_email"]),
        sender=Person(PartyId(row["sender_id"]), row["sender_name"], row["sender_email"]),
        clock_offset=timedelta(seconds=row["clock_offset_seconds"]),
    )


async def payments(database: Database, book_id: BookId, token_id: TokenId) -> list[Payment]:
    """The payments made with a token and with those that it replaced, oldest first."""
    rows = await database.fetch(_READS["subscription_payments"], book_id, token_id)
    return [Payment(**dict(row)) for row in rows]
