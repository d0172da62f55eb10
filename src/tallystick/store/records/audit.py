"""Who did what: rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One deed. `actor_id` is None for a command on the machine itself, `business_id` for the operator's own doing."""

    audit_id: int
    at: datetime
    actor_id: PartyId | None
    actor_name: str | None
    actor_email: str | None
    business_id: PartyId | None
    business_name: str | None
    environment: str | None
    action: str
    subject: str
    details: Mapping[str, Any]


async def add(
    database: Database,
    *,
    actor_id: PartyId | None,
    business_id: PartyId | None,
    environment: str | None,
    action: str,
    subject: str,
    details: Mapping[str, Any],
    at: datetime,
) -> None:
    """Write down a deed."""
    await database.execute(
        "INSERT INTO audit_entry (at, actor_id, business_id, environment, action, subject, details)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        at,
        actor_id,
        business_id,
        environment,
        action,
        subject,
        dict(details),
    )


async def latest(
    database: Database,
    count: int,
    *,
    business_id: PartyId | None = None,
    actor_id: PartyId | None = None,
    action: str | None = None,
    subject: str | None = None,
    before: int | None = None,
) -> list[Entry]:
    """The latest deeds, newest first: of everybody or one seller, of one person, of one kind, done to one thing.

    `before`: only those before this `audit_id`.
    """
    rows = await database.fetch(
        """
        SELECT audit_id, at, actor_id, actor.name AS actor_name, actor.email AS actor_email, business_id,
               business.name AS business_name, environment, action, subject, details
          FROM audit_entry
          LEFT JOIN party AS actor ON actor.party_id = actor_id
          LEFT JOIN party AS business ON business.party_id = business_id
         WHERE ($2::bigint IS NULL OR business_id = $2) AND ($3::bigint IS NULL OR actor_id = $3)
           AND ($4::text IS NULL OR action = $4) AND ($5::text IS NULL OR subject = $5)
           AND ($6::bigint IS NULL OR audit_id < $6)
         ORDER BY audit_id DESC
         LIMIT $1
        """,
        count,
        business_id,
        actor_id,
        action,
        subject,
        before,
    )
    return [Entry(**row) for row in rows]


async def actors_of(database: Database, business_id: PartyId) -> list[tuple[str, str]]:
    """Everybody who ever did something for a seller: number, as text, and e-mail address."""
    rows = await database.fetch(
        "SELECT actor_id::text, email FROM (SELECT DISTINCT actor_id FROM audit_entry WHERE business_id = $1) AS actor"
        " JOIN party ON party_id = actor_id ORDER BY email",
        business_id,
    )
    return [(row["actor_id"], row["email"]) for row in rows]
