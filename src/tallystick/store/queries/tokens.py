"""Tokens as the books have them: what all readers but the money path ask for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.commands import LimitTerms, Method, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.tokens import TokenState, state_of
from tallystick.store.ledger.decode import standing_from_row
from tallystick.store.ledger.token_terms import terms_from_json
from tallystick.store.ledger.usage_limits import limits_from_json

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database
    from tallystick.domain.limits import UsageLimit
    from tallystick.domain.standing import Standing

_SQL: Final = load_statements("tokens.sql", __package__)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token as the books have it, with its book and the people on both sides.

    `giver_…`: who gave it: the buyer or, of a recipient token, the recipient. `seller_…`: whose book it is in.
    `giver_status`: active, suspended or closed.
    `old_token_id`: the token that it replaced. `used_by`: the transaction that used a single-use token. `instruction`:
    the text that an installed token was made from. `clock_offset` is that of its book's test clock.
    """

    book_id: BookId
    token_id: TokenId
    environment: str
    purpose: TokenPurpose
    token_type: TokenType
    instrument_id: InstrumentId | None
    caller_reference: str
    friendly_name: str | None
    old_token_id: TokenId | None
    method: Method | None
    payment_method_id: int | None
    payment_reason: str | None
    instruction: str | None
    terms: TokenTerms
    usage_limits: tuple[UsageLimit, ...]
    valid_from: datetime
    expires_at: datetime | None
    cancelled_at: datetime | None
    created_at: datetime
    used_by: TransactionId | None
    seller_id: PartyId
    seller_name: str
    seller_email: str
    giver_id: PartyId
    giver_name: str
    giver_email: str
    giver_status: str
    giver_standing: Standing
    clock_offset: timedelta

    @property
    def limits(self) -> tuple[LimitTerms, ...]:
        """The usage limits as they were agreed to, without what is used of them."""
        return tuple(LimitTerms(limit.kind, limit.limit, limit.period) for limit in self.usage_limits)

    def state(self, book_now: datetime) -> TokenState:
        """What it is good for; `book_now` is its book's time."""
        return state_of(self, book_now)


async def find(database: Database, book_id: BookId, token_id: TokenId) -> TokenRecord | None:
    """One token, or None when the book has no such."""
    row = await database.fetchrow(_SQL["find"], book_id, token_id)
    return None if row is None else token_from_row(row)


async def by_ids(database: Database, book_id: BookId, token_ids: Collection[str]) -> dict[str, TokenRecord]:
    """Those of the tokens that the book has, by their ids."""
    if not token_ids:
        return {}
    return {
        row["token_id"]: token_from_row(row) for row in await database.fetch(_SQL["by_ids"], book_id, list(token_ids))
    }


async def by_reference(database: Database, parts: Sequence[BookId], caller_reference: str) -> TokenRecord | None:
    """The token that was installed under a reference in one of an owner's books, or None."""
    row = await database.fetchrow(_SQL["by_reference"], parts, caller_reference)
    return None if row is None else token_from_row(row)


async def of_giver(database: Database, party_id: PartyId, environment: str) -> list[TokenRecord]:
    """All tokens on a party's own account, oldest first."""
    return [token_from_row(row) for row in await database.fetch(_SQL["of_giver"], party_id, environment)]


def token_from_row(row: asyncpg.Record) -> TokenRecord:
    """A row of any statement that begins with the shared part `token_record`."""
    return TokenRecord(
        book_id=BookId(row["book_id"]),
        token_id=TokenId(row["token_id"]),
        environment=row["environment"],
        purpose=TokenPurpose(row["purpose"]),
        token_type=TokenType(row["token_type"]),
        instrument_id=row["instrument_id"],
        caller_reference=row["caller_reference"],
        friendly_name=row["friendly_name"],
        old_token_id=row["old_token_id"],
        method=None if row["payment_method"] is None else Method(row["payment_method"]),
        payment_method_id=row["payment_method_id"],
        payment_reason=row["payment_reason"],
        instruction=row["instruction"],
        terms=terms_from_json(row["terms"]),
        usage_limits=limits_from_json(row["usage_limits"]),
        valid_from=row["valid_from"],
        expires_at=row["expires_at"],
        cancelled_at=row["cancelled_at"],
        created_at=row["created_at"],
        used_by=row["used_by"],
        seller_id=PartyId(row["seller_id"]),
        seller_name=row["seller_name"],
        seller_email=row["seller_email"],
        giver_id=PartyId(row["giver_id"]),
        giver_name=row["giver_name"],
        giver_email=row["giver_email"],
        giver_status=row["giver_status"],
        giver_standing=standing_from_row(row),
        clock_offset=timedelta(seconds=row["clock_offset_seconds"]),
    )
