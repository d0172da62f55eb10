"""Links and codes that were sent to an address. Using one proves access to the mailbox; each works once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

_SQL: Final = load_statements("mailed_proofs.sql", __package__)

Purpose = Literal["verify", "reset", "open", "enter"]
"""`open`: an account with a password opens; `enter`: somebody without one signs in, or has an account opened."""

MAX_WRONG_CODES: Final = 5


@dataclass(frozen=True, slots=True)
class MailedProof:
    """What was sent to `email`. Secrets are here as digests; None where there is no link, or no code.

    `party_id` is None for an account that the proof opens: `name` and `password_hash` are the new account's.
    """

    ticket: str
    purpose: Purpose
    party_id: PartyId | None
    email: str
    created_at: datetime
    expires_at: datetime
    link_digest: bytes | None = field(default=None, repr=False)
    code_digest: bytes | None = field(default=None, repr=False)
    name: str | None = None
    password_hash: str | None = field(default=None, repr=False)


async def create(database: Database, proof: MailedProof) -> None:
    """Keep a proof that is being sent. Earlier ones of the same party for the same purpose end."""
    await database.execute(
        _SQL["create"],
        proof.ticket,
        proof.purpose,
        proof.party_id,
        proof.email,
        proof.link_digest,
        proof.code_digest,
        proof.name,
        proof.created_at,
        proof.expires_at,
        proof.password_hash,
    )


async def find_link(database: Database, purpose: Purpose, link_digest: bytes, now: datetime) -> MailedProof | None:
    """The proof of a link that still works; looking does not use it."""
    row = await database.fetchrow(_SQL["find_link"], link_digest, purpose, now)
    return None if row is None else _proof(row)


async def use_link(database: Database, purpose: Purpose, link_digest: bytes, now: datetime) -> MailedProof | None:
    """Use a link up; None where there is nothing to use. Of several at once, one gets it."""
    row = await database.fetchrow(_SQL["use_link"], link_digest, purpose, now)
    return None if row is None else _proof(row)


async def open_ticket(database: Database, purpose: Purpose, party_id: PartyId, now: datetime) -> str | None:
    """The ticket of what was last sent to a party, if it still works."""
    ticket = await database.fetchval(_SQL["open_ticket"], party_id, purpose, now, MAX_WRONG_CODES)
    return None if ticket is None else str(ticket)


async def email_of(database: Database, purpose: Purpose, ticket: str, now: datetime) -> str | None:
    """Where the letter of a ticket was sent to, if it still works."""
    email = await database.fetchval(_SQL["email_of"], ticket, purpose, now, MAX_WRONG_CODES)
    return None if email is None else str(email)


async def use_code(
    database: Database, purpose: Purpose, ticket: str, code_digest: bytes, now: datetime
) -> MailedProof | None:
    """Use a ticket up with its code. A wrong one counts, in the same statement, and after five nothing helps."""
    row = await database.fetchrow(_SQL["use_code"], ticket, purpose, code_digest, now, MAX_WRONG_CODES)
    return None if row is None or row["used_at"] is None else _proof(row)


async def sweep(database: Database, now: datetime) -> None:
    """Forget what no longer works."""
    await database.execute(_SQL["sweep"], now)


def _proof(row: asyncpg.Record) -> MailedProof:
    return MailedProof(
        ticket=row["ticket"],
        purpose=row["purpose"],
        party_id=None if row["party_id"] is None else PartyId(row["party_id"]),
        email=row["email"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        link_digest=row["link_digest"],
        code_digest=row["code_digest"],
        name=row["name"],
        password_hash=row["password_hash"],
    )
