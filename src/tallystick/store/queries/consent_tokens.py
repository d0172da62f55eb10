"""What was agreed to with tokens of a seller's book, for the pages on which people agree to more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.commands import LimitTerms, Method, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.ids import BookId, PartyId
from tallystick.store.ledger.token_terms import terms_from_json
from tallystick.store.ledger.usage_limits import limits_from_json

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

_SQL: Final = load_statements("consent_tokens.sql", __package__)


@dataclass(frozen=True, slots=True)
class AgreedToken:
    """A token and who gave it (`giver_…`): the buyer, or of a recipient token the recipient."""

    token_id: str
    purpose: TokenPurpose
    token_type: TokenType
    giver_id: PartyId
    giver_name: str
    method: Method | None
    payment_method_id: int | None
    terms: TokenTerms
    limits: tuple[LimitTerms, ...]
    valid_from: datetime
    expires_at: datetime | None
    cancelled_at: datetime | None

    def usable(self, now: datetime) -> bool:
        """Whether it neither ended nor was cancelled; it may not have begun yet. `now` is the book's time."""
        return self.cancelled_at is None and (self.expires_at is None or now < self.expires_at)


async def find(database: Database, book_id: BookId, token_ids: Collection[str]) -> dict[str, AgreedToken]:
    """Those of the tokens that the book has, by their ids."""
    if not token_ids:
        return {}
    rows = await database.fetch(_SQL["find"], book_id, list(token_ids))
    return {row["token_id"]: _token(row) for row in rows}


def _token(row: asyncpg.Record) -> AgreedToken:
    return AgreedToken(
        token_id=row["token_id"],
        purpose=TokenPurpose(row["purpose"]),
        token_type=TokenType(row["token_type"]),
        giver_id=PartyId(row["sender_party_id"]),
        giver_name=row["name"],
        method=None if row["payment_method"] is None else Method(row["payment_method"]),
        payment_method_id=row["payment_method_id"],
        terms=terms_from_json(row["terms"]),
        limits=tuple(
            LimitTerms(limit.kind, limit.limit, limit.period) for limit in limits_from_json(row["usage_limits"])
        ),
        valid_from=row["valid_from"],
        expires_at=row["expires_at"],
        cancelled_at=row["cancelled_at"],
    )
