"""Who is who: business accounts (sellers, callers) and personal accounts (buyers), and how they sign in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

import asyncpg

from tallystick.db.duplicates import DuplicateKeyError, duplicate_keys
from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId
from tallystick.domain.money import USUAL_SMALLEST_CHARGE_MICROS
from tallystick.store.ledger.create_book import create_seller_book

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

_SQL: Final = load_statements("parties.sql", __package__)

Kind = Literal["business", "personal"]
Status = Literal["active", "suspended", "closed"]


class EmailTakenError(Exception):
    """Another account has this e-mail address."""


@dataclass(frozen=True, slots=True)
class Party:
    """One account holder. `email` is in lower case.

    `password_hash` is None for sellers that cannot sign in, and for buyers who do so by mailed codes. `marketplace`: as
    a caller, it may let others be paid in its stead. `session_round`: browsers that signed in in an earlier round are
    signed out. `language`: the code of the one that they read, None before anybody knows.
    """

    party_id: PartyId
    kind: Kind
    email: str
    name: str
    status: Status
    created_at: datetime
    password_hash: str | None = field(default=None, repr=False)
    marketplace: bool = True
    email_verified: bool = False
    session_round: int = 0
    language: str | None = None

    @property
    def active(self) -> bool:
        """Whether this party may take part in payments."""
        return self.status == "active"


async def create_business(
    connection: Connection,
    email: str,
    name: str,
    now: datetime,
    password_hash: str | None = None,
    smallest_charge_micros: int = USUAL_SMALLEST_CHARGE_MICROS,
) -> Party:
    """A seller with its sandbox book. Without a password nobody can sign in for it on the hosted pages.

    The operator makes sellers, and knows how to reach them: their e-mail addresses count as verified. `password_hash`
    is argon2id in its text form. Raises EmailTakenError.
    """
    async with connection.transaction():
        party = await _create(connection, "business", email, name, password_hash, now)
        await connection.execute(_SQL["verify_email"], party.party_id, now)
        await create_seller_book(connection, party.party_id, "sandbox", now, smallest_charge_micros)
    return party


async def create_personal(
    connection: Connection, email: str, name: str, password_hash: str | None, now: datetime
) -> Party:
    """A buyer. `password_hash` is argon2id in its text form; None: mailed codes sign in. Raises EmailTakenError."""
    async with connection.transaction():
        return await _create(connection, "personal", email, name, password_hash, now)


async def _create(
    connection: Connection, kind: Kind, email: str, name: str, password_hash: str | None, now: datetime
) -> Party:
    try:
        with duplicate_keys():
            row = await connection.fetchrow(_SQL["create"], kind, normal_email(email), name, password_hash, now)
    except DuplicateKeyError:
        raise EmailTakenError(email) from None
    return _party(row)


def normal_email(email: str) -> str:
    """The form in which addresses are stored and compared: without blanks around it, in lower case."""
    return email.strip().lower()


async def set_fee_schedule(database: Database, party_id: PartyId, name: str | None) -> None:
    """What is kept of the seller's charges from the next one on; None: the standard schedule."""
    await database.execute(_SQL["set_fee_schedule"], party_id, name)


async def chosen_fee_schedules(database: Database) -> list[str]:
    """The schedules that some seller has instead of the standard one, by name."""
    rows = await database.fetch(_SQL["chosen_fee_schedules"])
    return [row["fee_schedule"] for row in rows]


async def set_standing(  # noqa: PLR0913 - one keyword for each thing that can be said
    connection: Connection,
    party_id: PartyId,
    now: datetime,
    *,
    status: Status | None = None,
    email_verified: bool | None = None,
    account_verified: bool | None = None,
    receives_cards: bool | None = None,
    marketplace: bool | None = None,
    denied: bool | None = None,
) -> Party:
    """Say how far an account is known and what it may do; None leaves a thing as it is.

    A verified account's present bank accounts are verified with it. Raises LookupError: no such account.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            _SQL["set_standing"],
            party_id,
            now,
            status,
            email_verified,
            account_verified,
            receives_cards,
            marketplace,
            denied,
        )
        if account_verified is not None:
            await connection.execute(_SQL["verify_bank_accounts"], party_id, now, account_verified)
    return _party(row)


async def find(database: Database, party_id: PartyId) -> Party | None:
    """The party with this number."""
    row = await database.fetchrow(_SQL["find"], party_id)
    return None if row is None else _party(row)


async def find_by_email(database: Database, email: str) -> Party | None:
    """The party with this e-mail address, however it is capitalised."""
    row = await database.fetchrow(_SQL["find_by_email"], normal_email(email))
    return None if row is None else _party(row)


async def list_(database: Database, kind: Kind | None = None) -> list[Party]:
    """All parties, or all of one kind, oldest first."""
    rows = await database.fetch(_SQL["list"], kind)
    return [_party(row) for row in rows]


async def rename(database: Database, party_id: PartyId, name: str) -> None:
    """Call a person so."""
    await database.execute(_SQL["rename"], party_id, name)


async def renew_password_hash(database: Database, party_id: PartyId, old_hash: str, new_hash: str) -> None:
    """Store the same password hashed with newer parameters, unless it was replaced meanwhile."""
    await database.execute(_SQL["renew_password_hash"], party_id, old_hash, new_hash)


async def replace_password(database: Database, party_id: PartyId, password_hash: str) -> Party:
    """Store another password, and sign out everywhere. Raises LookupError: no such account."""
    row = await database.fetchrow(_SQL["replace_password"], party_id, password_hash)
    return _party(row)


async def sign_out_everywhere(database: Database, party_id: PartyId) -> None:
    """End the sessions of all browsers on which this party is signed in."""
    await database.execute(_SQL["sign_out_everywhere"], party_id)


async def choose_language(database: Database, party_id: PartyId, language: str) -> None:
    """Remember the language that somebody reads, by its code: for their pages and for mail to them."""
    await database.execute(_SQL["choose_language"], party_id, language)


def _party(row: asyncpg.Record | None) -> Party:
    if row is None:
        raise LookupError("a statement that always gives a row gave none")
    return Party(
        party_id=PartyId(row["party_id"]),
        kind=row["kind"],
        email=row["email"],
        name=row["name"],
        status=row["status"],
        created_at=row["created_at"],
        password_hash=row["password_hash"],
        marketplace=row["marketplace"],
        email_verified=row["email_verified"],
        session_round=row["session_round"],
        language=row["language"],
    )
