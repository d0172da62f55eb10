"""Signed-in browsers: their sessions as they are kept, and the list that their owner sees and ends them from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.store.accounts import web_sessions
from tallystick.store.accounts.web_sessions import IDLE, LONGEST, Owner, SessionEntry, session_key

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party

__all__ = [
    "IDLE",
    "LONGEST",
    "Owner",
    "SessionEntry",
    "end",
    "end_all",
    "end_one",
    "ends_at",
    "keep",
    "load",
    "of_party",
    "save",
    "session_key",
]


async def load(service: Service, cookie_value: str) -> bytes | None:
    """The data of a session that has not ended; it lasts longer by having been used."""
    return await web_sessions.load(service.pool, cookie_value, service.clock())


async def save(service: Service, cookie_value: str, data: bytes, expires_at: datetime) -> None:
    """Write the data of a session that is nobody's in particular."""
    await web_sessions.save(service.pool, cookie_value, data, expires_at, None, service.clock())


async def keep(service: Service, cookie_value: str, data: bytes, owner: Owner | None) -> None:
    """Write a session that ends IDLE from now; where somebody is signed in, at the latest LONGEST after it began."""
    now = service.clock()
    ends = now + IDLE if owner is None else min(now + IDLE, owner.began_at + LONGEST)
    await web_sessions.save(service.pool, cookie_value, data, ends, owner, now)


async def ends_at(service: Service, cookie_value: str) -> datetime | None:
    """When the session ends or ended; None when there is none."""
    return await web_sessions.ends_at(service.pool, cookie_value)


async def end(service: Service, cookie_value: str) -> None:
    """Sign this browser out."""
    await web_sessions.end(service.pool, cookie_value)


async def end_all(service: Service) -> None:
    """Sign everybody out."""
    await web_sessions.end_all(service.pool)


async def of_party(service: Service, party: Party) -> Sequence[SessionEntry]:
    """The browsers on which this party is signed in, the one used last first."""
    return await web_sessions.of_party(service.pool, party.party_id, service.clock())


async def end_one(service: Service, party: Party, key: str) -> None:
    """Sign one browser of this party out, by its key in the list; nothing happens when there is none."""
    await web_sessions.end_of_party(service.pool, party.party_id, key)
