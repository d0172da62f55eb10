"""All accounts as the operator looks at them: found by number, address or name, and how each of them stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.ids import BookId, PartyId
from tallystick.store.accounts.parties import Kind, Status, normal_email

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Account:
    """One account with its whole standing.

    `fee_schedule`: the one of its own; None: the standard one. `signs_in`: it has a password. `operator`: it may use
    the operator's pages.
    """

    party_id: PartyId
    kind: Kind
    email: str
    name: str
    status: Status
    created_at: datetime
    email_verified_at: datetime | None
    verified_at: datetime | None
    receives_cards: bool
    marketplace: bool
    denied: bool
    fee_schedule: str | None
    signs_in: bool
    locked_until: datetime | None
    operator: bool


@dataclass(frozen=True, slots=True)
class SellersBook:
    """What one book of a seller comes to. Amounts in micro-units."""

    book_id: BookId
    environment: str
    currency: str
    cash_micros: int
    liability_micros: int
    debt_micros: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """What there is of an account, counted. Keys, staff and certificates are a seller's."""

    access_keys: int
    staff: int
    works_for: int
    authorizations: int
    payment_methods: int


_ACCOUNT: Final = """
SELECT party.party_id, kind, email, name, status, created_at, email_verified_at, verified_at, receives_cards,
       marketplace, denied, fee_schedule, password_hash IS NOT NULL AS signs_in, locked_until,
       operator.party_id IS NOT NULL AS operator
  FROM party LEFT JOIN operator USING (party_id)
"""


async def search(
    database: Database,
    count: int,
    *,
    text: str = "",
    kind: str | None = None,
    status: str | None = None,
    before: int | None = None,
) -> list[Account]:
    """The newest accounts first, below the number `before`. `text`: a number, an address, a part of one or of a name.

    A number or a whole address is found by its index; only what is neither is looked for in every account.
    """
    text = text.strip()
    if text and (exact := await find_named(database, text)) is not None:
        return [exact]
    rows = await database.fetch(
        _ACCOUNT + " WHERE ($2 = '' OR strpos(lower(name), $2) > 0 OR strpos(email, $2) > 0)"
        "   AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR status = $4)"
        "   AND ($5::bigint IS NULL OR party.party_id < $5)"
        " ORDER BY party.party_id DESC LIMIT $1",
        count,
        text.lower(),
        kind,
        status,
        before,
    )
    return [Account(**row) for row in rows]


async def find_named(database: Database, text: str) -> Account | None:
    """The account with this number or e-mail address."""
    if text.isascii() and text.isdecimal():
        return await find(database, int(text))
    row = await database.fetchrow(_ACCOUNT + " WHERE email = $1", normal_email(text))
    return None if row is None else Account(**row)


async def find(database: Database, party_id: int) -> Account | None:
    """The account with this number."""
    row = None if party_id > _LARGEST else await database.fetchrow(_ACCOUNT + " WHERE party.party_id = $1", party_id)
    return None if row is None else Account(**row)


async def books_of(database: Database, party_id: PartyId) -> list[SellersBook]:
    """A seller's books, with what is in them."""
    rows = await database.fetch(
        """
        SELECT book_id, environment, currency,
               coalesce(sum(balance_micros) FILTER (WHERE kind = 'cash'), 0)::bigint AS cash_micros,
               coalesce(-sum(balance_micros) FILTER (WHERE kind = 'prepaid'), 0)::bigint AS liability_micros,
               coalesce(sum(balance_micros) FILTER (WHERE kind = 'receivable'), 0)::bigint AS debt_micros
          FROM book JOIN account USING (book_id)
         WHERE party_id = $1
         GROUP BY book_id, environment, currency
         ORDER BY environment DESC, book_id
        """,
        party_id,
    )
    return [SellersBook(**row) for row in rows]


async def holdings(database: Database, party_id: PartyId) -> Holdings:
    """What there is of an account."""
    row: Any = await database.fetchrow(
        """
        SELECT (SELECT count(*) FROM access_key WHERE party_id = $1 AND revoked_at IS NULL) AS access_keys,
               (SELECT count(*) FROM staff WHERE business_id = $1) AS staff,
               (SELECT count(*) FROM staff WHERE person_id = $1) AS works_for,
               (SELECT count(*) FROM token WHERE sender_party_id = $1 AND cancelled_at IS NULL
                   AND purpose NOT IN ('funding', 'settlement', 'installed')) AS authorizations,
               (SELECT count(*) FROM payment_method WHERE party_id = $1 AND removed_at IS NULL) AS payment_methods
        """,
        party_id,
    )
    return Holdings(**row)
