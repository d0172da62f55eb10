"""Who is signed in on which browser. The cookie's value never reaches the database: only its digest does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("web_sessions.sql", __package__)

IDLE: Final = timedelta(hours=2)
LONGEST: Final = timedelta(hours=12)
"""Idle and absolute life of a session: after its last use, and after it began."""

_SEEN_EVERY: Final = timedelta(minutes=1)  # a page view writes at most so often


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose session it is, since when and on what: what they see in the list of their sessions."""

    party_id: PartyId
    began_at: datetime
    user_agent: str


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One session in its owner's list. `key` names it; it opens nothing."""

    key: str
    began_at: datetime
    seen_at: datetime
    user_agent: str


def session_key(cookie_value: str) -> str:
    """The name of the session that a cookie opens."""
    return sha256(cookie_value.encode()).hexdigest()


async def load(database: Database, cookie_value: str, now: datetime) -> bytes | None:
    """The data of a session that has not ended; it lasts longer by having been used."""
    key = session_key(cookie_value)
    row = await database.fetchrow(_SQL["load"], key, now)
    if row is None:
        return None
    if row["seen_at"] is not None and now - row["seen_at"] >= _SEEN_EVERY:
        until = min(now + IDLE, row["began_at"] + LONGEST)
        await database.execute(_SQL["mark_seen"], key, now, until)
    return bytes(row["data"])


async def save(
    database: Database, cookie_value: str, data: bytes, expires_at: datetime, owner: Owner | None, now: datetime
) -> None:
    """Write a session, new or known; `owner` is None for what is kept of nobody in particular."""
    await database.execute(
        _SQL["save"],
        session_key(cookie_value),
        data,
        expires_at,
        None if owner is None else owner.party_id,
        None if owner is None else owner.began_at,
        None if owner is None else owner.user_agent,
        now,
    )


async def end(database: Database, cookie_value: str) -> None:
    """Sign this browser out."""
    await database.execute(_SQL["end"], session_key(cookie_value))


async def of_party(database: Database, party_id: PartyId, now: datetime) -> list[SessionEntry]:
    """A party's sessions, the one used last first."""
    rows = await database.fetch(_SQL["of_party"], party_id, now)
    return [SessionEntry(row["session_key"], row["began_at"], row["seen_at"], row["user_agent"] or "") for row in rows]


async def end_of_party(database: Database, party_id: PartyId, key: str | None = None) -> None:
    """End one session of a party, or all of them."""
    await database.execute(_SQL["end_of_party"], party_id, key)


async def end_all(database: Database) -> None:
    """Sign everybody out."""
    await database.execute(_SQL["end_all"])


async def ends_at(database: Database, cookie_value: str) -> datetime | None:
    """When the session ends or ended; None when there is none."""
    moment = await database.fetchval(_SQL["ends_at"], session_key(cookie_value))
    return moment if isinstance(moment, datetime) else None


async def sweep(database: Database, now: datetime) -> None:
    """Delete sessions that have ended."""
    await database.execute(_SQL["sweep"], now)
