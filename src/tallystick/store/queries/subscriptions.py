"""What readers of subscriptions ask the books: a recurring token and the payments made with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.db.connections import Database
from tallystick.db.statements import load_statements
from tallystick.domain.commands import TokenType
from tallystick.domain.ids import BookId, TokenId, TransactionId
from tallystick.domain.limits import LimitKind
from tallystick.domain.periods import Period
from tallystick.store.queries import tokens
from tallystick.store.queries.tokens import TokenRecord

_READS: Final = load_statements("reads.sql", __package__)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A recurring token seen as what it stands for: `amount_micros` per `frequency`."""

    token: TokenRecord
    amount_micros: int
    frequency: Period

    @property
    def description(self) -> str | None:
        """What it is for."""
        return self.token.payment_reason or self.token.friendly_name


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
    token = await tokens.find(database, book_id, token_id)
    return None if token is None else subscription_of(token)


def subscription_of(token: TokenRecord) -> Subscription | None:
    """The same of a token that is known."""
    amount_micros = token.terms.amount_micros
    frequency = next((limit.period for limit in token.limits if limit.kind is LimitKind.COUNT and limit.period), None)
    if token.token_type is not TokenType.RECURRING or amount_micros is None or frequency is None:
        return None
    return Subscription(token, amount_micros, frequency)


async def payments(database: Database, book_id: BookId, token_id: TokenId) -> list[Payment]:
    """The payments made with a token and with those that it replaced, oldest first."""
    rows = await database.fetch(_READS["subscription_payments"], book_id, token_id)
    return [Payment(**dict(row)) for row in rows]
