"""What somebody agreed to, in the very words that they saw, and how they proved to be themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

_SQL: Final = load_statements("evidence.sql", __package__)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One agreement. `wording` is what the page showed, `digest` what its form carried of it.

    `agreed_at` is real time, `book_time` the time by the seller's test clock. `proved_by`: password, passkey, code of
    an app, or mailed code (`mailed`).
    `client_digest`: stands for the address that it came from; None where that was not known.
    """

    book_id: BookId
    authorization_id: str
    party_id: PartyId
    visit_id: str
    wording: Mapping[str, Any]
    digest: bytes
    agreed_at: datetime
    book_time: datetime
    proved_at: datetime
    proved_by: str
    client_digest: bytes | None
    user_agent: str


async def keep(database: Database, agreed: Sequence[Evidence]) -> None:
    """Store it for good; a second call for the same authorization changes nothing."""
    for one in agreed:
        await database.execute(
            _SQL["keep"],
            one.book_id,
            one.authorization_id,
            one.party_id,
            one.visit_id,
            dict(one.wording),
            one.digest,
            one.agreed_at,
            one.book_time,
            one.proved_at,
            one.proved_by,
            one.client_digest,
            one.user_agent,
        )


async def find(database: Database, book_id: BookId, authorization_id: str) -> Evidence | None:
    """What was agreed to for an authorization, named by its instrument's id or its token's."""
    row = await database.fetchrow(_SQL["find"], book_id, authorization_id)
    return None if row is None else _evidence(row)


def _evidence(row: asyncpg.Record) -> Evidence:
    return Evidence(
        book_id=BookId(row["book_id"]),
        authorization_id=row["authorization_id"],
        party_id=PartyId(row["party_id"]),
        visit_id=row["visit_id"],
        wording=row["wording"],
        digest=row["digest"],
        agreed_at=row["agreed_at"],
        book_time=row["book_time"],
        proved_at=row["proved_at"],
        proved_by=row["proved_by"],
        client_digest=row["client_digest"],
        user_agent=row["user_agent"],
    )
