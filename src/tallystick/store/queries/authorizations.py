"""What a person agreed to with all sellers, as its giver sees it. Its history: authorization_history.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.commands import Method, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.ids import BookId, InstrumentId, MalformedIdError, PartyId, TokenId, token_kind_and_book
from tallystick.domain.tokens import TokenDates
from tallystick.store.ledger.token_terms import terms_from_json
from tallystick.store.ledger.usage_limits import limits_from_json

if TYPE_CHECKING:
    from tallystick.db.connections import Database
    from tallystick.domain.limits import UsageLimit

STATEMENTS: Final = load_statements("authorizations.sql", __package__)


@dataclass(frozen=True, slots=True)
class Source:
    """The means of payment behind an authorization. Cards and bank accounts have `label` and `last_four`."""

    method: Method
    payment_method_id: int | None
    label: str | None
    last_four: str | None
    expires_on: date | None
    removed: bool


@dataclass(frozen=True, slots=True)
class Holdings:
    """The instrument of a prepaid balance or a tab, in micro-units.

    `balance_micros` is left to spend or owed; `limit_micros` the most of it. Tabs alone have `total_limit_micros`, the
    most that may ever be charged, and `charged_micros` of it.
    """

    balance_micros: int
    limit_micros: int
    total_limit_micros: int | None
    charged_micros: int


@dataclass(frozen=True, slots=True)
class Authorization:
    """One authorization. `authorization_id`: its instrument's id, or its token's where it has none.

    `token_id` spends (or receives), `money_token_id` brings real money into a balance or settles a tab.
    `spent_micros`: paid with it, refunds taken off; of a recipient's authorization, received. `pending_micros`: under
    way or held, `going_back_micros` of it on its way back from a prepaid balance. `clock_offset` is that of the
    seller's test clock. `instruction`: the text that a recipient's authorization is bound to. What was over
    `archived_before` that moment is in the archive.
    """

    authorization_id: str
    book_id: BookId
    environment: str
    clock_offset: timedelta
    seller_id: PartyId
    seller_name: str
    giver_id: PartyId
    purpose: TokenPurpose
    token_type: TokenType
    token_id: TokenId
    instrument_id: InstrumentId | None
    money_token_id: TokenId | None
    payment_reason: str | None
    instruction: str | None
    terms: TokenTerms
    limits: tuple[UsageLimit, ...]
    source: Source | None
    holdings: Holdings | None
    used: bool
    spent_micros: int
    pending_micros: int
    valid_from: datetime
    expires_at: datetime | None
    cancelled_at: datetime | None
    money_expires_at: datetime | None
    money_cancelled_at: datetime | None
    created_at: datetime
    archived_before: datetime | None
    going_back_micros: int = 0

    @property
    def token_dates(self) -> TokenDates:
        """Those of the token that spends or receives."""
        return TokenDates(self.valid_from, self.expires_at, self.cancelled_at, self.used or None)

    @property
    def money_dates(self) -> TokenDates:
        """Those of the token that brings real money in; it begins with the other one."""
        return TokenDates(self.valid_from, self.money_expires_at, self.money_cancelled_at)


async def authorizations_of(
    database: Database, party_id: PartyId, maximum: int | None, before: Authorization | None = None
) -> list[Authorization]:
    """The authorizations of a party, newest first; `maximum` None: all. `before`: only those given before that one."""
    moment, last = (None, None) if before is None else (before.created_at, before.authorization_id)
    return await _authorizations(database, party_id, None, None, None, moment, last, maximum)


async def find(database: Database, party_id: PartyId, authorization_id: str) -> Authorization | None:
    """One authorization of a party; None where there is none or it is somebody else's."""
    try:
        _, book_id = token_kind_and_book(authorization_id)
    except MalformedIdError:
        return None
    found = await _authorizations(database, party_id, book_id, authorization_id, None, None, None, 1)
    return found[0] if found else None


async def paid_from(database: Database, party_id: PartyId, payment_method_id: int) -> list[Authorization]:
    """The authorizations of a party that a card or bank account pays for, ended ones too, newest first."""
    return await _authorizations(database, party_id, None, None, payment_method_id, None, None, None)


async def _authorizations(database: Database, *arguments: object) -> list[Authorization]:
    """Found over all books by one statement, then read book by book, each by a statement for one machine."""
    tokens = await database.fetch(STATEMENTS["authorizations"], *arguments)
    by_book: dict[int, list[str]] = {}
    for token in tokens:
        by_book.setdefault(token["book_id"], []).append(token["token_id"])
    states = {
        row["token_id"]: row
        for book_id, token_ids in by_book.items()
        for row in await database.fetch(STATEMENTS["states"], book_id, token_ids)
    }
    return [_read({**token, **states[token["token_id"]]}) for token in tokens]


def _read(row: Mapping[str, Any]) -> Authorization:
    source = None
    if row["method"] is not None:
        source = Source(
            Method(row["method"]),
            row["method_id"],
            row["label"],
            row["last_four"],
            row["expires_on"],
            row["method_removed"],
        )
    holdings = None
    if row["instrument_id"] is not None:
        holdings = Holdings(
            row["balance_micros"], row["limit_micros"], row["total_limit_micros"], row["charged_micros"]
        )
    return Authorization(
        authorization_id=row["authorization_id"],
        book_id=BookId(row["book_id"]),
        environment=row["environment"],
        clock_offset=timedelta(seconds=row["clock_offset_seconds"]),
        seller_id=PartyId(row["seller_party_id"]),
        seller_name=row["seller_name"],
        giver_id=PartyId(row["sender_party_id"]),
        purpose=TokenPurpose(row["purpose"]),
        token_type=TokenType(row["token_type"]),
        token_id=TokenId(row["token_id"]),
        instrument_id=row["instrument_id"],
        money_token_id=row["money_token_id"],
        payment_reason=row["payment_reason"],
        instruction=row["instruction"],
        terms=terms_from_json(row["terms"]),
        limits=limits_from_json(row["usage_limits"]),
        source=source,
        holdings=holdings,
        used=row["used_by"] is not None,
        spent_micros=row["spent_micros"],
        pending_micros=row["pending_micros"],
        valid_from=row["valid_from"],
        expires_at=row["expires_at"],
        cancelled_at=row["cancelled_at"],
        money_expires_at=row["money_expires_at"],
        money_cancelled_at=row["money_cancelled_at"],
        created_at=row["created_at"],
        archived_before=row["archived_before"],
        going_back_micros=row["going_back_micros"],
    )
