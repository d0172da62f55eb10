"""The audit log: who did what. Append-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("audit.sql", __package__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One audited action. `actor_id` is None for a command on the machine, `business_id` for an operator's actions."""

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
    """Append an action."""
    await database.execute(_SQL["add"], at, actor_id, business_id, environment, action, subject, dict(details))


async def latest(
    database: Database,
    count: int,
    *,
    business_id: PartyId | None = None,
    actor_id: PartyId | None = None,
    action: str | None = None,
    subject: str | None = None,
    before: int | None = None,
) -> list[AuditEntry]:
    """The latest actions, newest first: of everybody or one seller, of one person, of one kind, done to one thing.

    `before`: only those before this `audit_id`.
    """
    rows = await database.fetch(_SQL["latest"], count, business_id, actor_id, action, subject, before)
    return [AuditEntry(**row) for row in rows]


async def actors_of(database: Database, business_id: PartyId) -> list[tuple[str, str]]:
    """Everybody who ever did something for a seller: number, as text, and e-mail address."""
    rows = await database.fetch(_SQL["actors_of"], business_id)
    return [(row["actor_id"], row["email"]) for row in rows]
