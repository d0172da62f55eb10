"""Who is signed in on which browser. The cookie's value never reaches the database: only its digest does."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallystick.ledger.connections import Database


def _session_key(cookie_value: str) -> str:
    return sha256(cookie_value.encode()).hexdigest()


async def load(database: Database, cookie_value: str, now: datetime) -> bytes | None:
    """The data of a session that has not ended."""
    data = await database.fetchval(
        "SELECT data FROM web_session WHERE session_key = $1 AND expires_at > $2", _session_key(cookie_value), now
    )
    return None if data is None else bytes(data)


async def save(database: Database, cookie_value: str, data: bytes, expires_at: datetime) -> None:
    """Write a session, new or known."""
    await database.execute(
        "INSERT INTO web_session (session_key, data, expires_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (session_key) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at",
        _session_key(cookie_value),
        data,
        expires_at,
    )


async def end(database: Database, cookie_value: str) -> None:
    """Sign this browser out."""
    await database.execute("DELETE FROM web_session WHERE session_key = $1", _session_key(cookie_value))


async def end_all(database: Database) -> None:
    """Sign everybody out."""
    await database.execute("DELETE FROM web_session")


async def ends_at(database: Database, cookie_value: str) -> datetime | None:
    """When the session ends or ended; None when there is none."""
    moment = await database.fetchval(
        "SELECT expires_at FROM web_session WHERE session_key = $1", _session_key(cookie_value)
    )
    return moment if isinstance(moment, datetime) else None


async def sweep(database: Database, now: datetime) -> None:
    """Delete sessions that have ended."""
    await database.execute("DELETE FROM web_session WHERE expires_at <= $1", now)
