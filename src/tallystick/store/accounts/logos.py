"""The logos of sellers, as the hosted pages show them. services/seller/logos.py has checked them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture and what it is: ``image/png`` or ``image/jpeg``."""

    media_type: str
    picture: bytes


async def save(database: Database, party_id: PartyId, logo: Logo, now: datetime) -> str:
    """Keep a party's logo instead of the one before; gives its digest."""
    digest = sha256(logo.picture).hexdigest()
    await database.execute(
        "INSERT INTO logo (party_id, digest, media_type, picture, saved_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (party_id) DO UPDATE SET digest = excluded.digest, media_type = excluded.media_type,"
        " picture = excluded.picture, saved_at = excluded.saved_at",
        party_id,
        digest,
        logo.media_type,
        logo.picture,
        now,
    )
    return digest


async def remove(database: Database, party_id: PartyId) -> None:
    """Have no logo any more."""
    await database.execute("DELETE FROM logo WHERE party_id = $1", party_id)


async def digest_of(database: Database, party_id: PartyId) -> str | None:
    """What a party's logo is found by; None when it has none."""
    digest = await database.fetchval("SELECT digest FROM logo WHERE party_id = $1", party_id)
    return None if digest is None else str(digest)


async def find(database: Database, digest: str) -> Logo | None:
    """The logo with this digest, whoever has it."""
    row = await database.fetchrow("SELECT media_type, picture FROM logo WHERE digest = $1 LIMIT 1", digest)
    return None if row is None else Logo(row["media_type"], row["picture"])
