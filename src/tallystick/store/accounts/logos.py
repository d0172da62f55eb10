"""The logos of sellers, as the hosted pages show them. services/seller/logos.py has checked them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("logos.sql", __package__)


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture and what it is: ``image/png`` or ``image/jpeg``."""

    media_type: str
    picture: bytes


async def save(database: Database, party_id: PartyId, logo: Logo, now: datetime) -> str:
    """Keep a party's logo instead of the one before; gives its digest."""
    digest = sha256(logo.picture).hexdigest()
    await database.execute(_SQL["save"], party_id, digest, logo.media_type, logo.picture, now)
    return digest


async def remove(database: Database, party_id: PartyId) -> None:
    """Have no logo any more."""
    await database.execute(_SQL["remove"], party_id)


async def digest_of(database: Database, party_id: PartyId) -> str | None:
    """What a party's logo is found by; None when it has none."""
    digest = await database.fetchval(_SQL["digest_of"], party_id)
    return None if digest is None else str(digest)


async def find(database: Database, digest: str) -> Logo | None:
    """The logo with this digest, whoever has it."""
    row = await database.fetchrow(_SQL["find"], digest)
    return None if row is None else Logo(row["media_type"], row["picture"])
