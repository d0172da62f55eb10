"""Passkeys: the public halves of key pairs that people's devices hold. Nothing here opens anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import asyncpg

from tallystick.db.duplicates import DuplicateKeyError, duplicate_keys
from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("passkeys.sql", __package__)


class PasskeyTakenError(Exception):
    """This passkey is registered already."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey. `public_key` is in COSE form; `synced`: its owner's other devices may have it too."""

    credential_id: bytes
    party_id: PartyId
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    synced: bool
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


async def add(database: Database, passkey: Passkey) -> None:
    """Register a passkey. Raises PasskeyTakenError."""
    try:
        with duplicate_keys():
            await database.execute(
                _SQL["add"],
                passkey.credential_id,
                passkey.party_id,
                passkey.public_key,
                passkey.sign_count,
                list(passkey.transports),
                passkey.synced,
                passkey.name,
                passkey.created_at,
            )
    except DuplicateKeyError:
        raise PasskeyTakenError from None


async def of_party(database: Database, party_id: PartyId) -> list[Passkey]:
    """A party's passkeys, oldest first."""
    rows = await database.fetch(_SQL["of_party"], party_id)
    return [_passkey(row) for row in rows]


async def find(database: Database, credential_id: bytes) -> Passkey | None:
    """The passkey with this id."""
    row = await database.fetchrow(_SQL["find"], credential_id)
    return None if row is None else _passkey(row)


async def mark_used(database: Database, passkey: Passkey, sign_count: int, now: datetime) -> bool:
    """Write down a use; False when another use of the same passkey came in between, or it was removed."""
    row = await database.fetchval(_SQL["mark_used"], passkey.credential_id, passkey.sign_count, sign_count, now)
    return bool(row)


async def remove(database: Database, party_id: PartyId, credential_id: bytes) -> str | None:
    """Remove a party's passkey; gives its name, None where there is none."""
    name = await database.fetchval(_SQL["remove"], party_id, credential_id)
    return None if name is None else str(name)


async def remove_all(database: Database, party_id: PartyId) -> None:
    """Remove all passkeys of a party."""
    await database.execute(_SQL["remove_all"], party_id)


async def spend_challenge(database: Database, challenge_digest: bytes, expires_at: datetime) -> bool:
    """Write down that a challenge was answered; False when it was before. Of several at once, one gets True."""
    spent = await database.fetchval(_SQL["spend_challenge"], challenge_digest, expires_at)
    return bool(spent)


async def sweep(database: Database, now: datetime) -> None:
    """Forget spent challenges that are too old to be answered anyway."""
    await database.execute(_SQL["sweep"], now)


def _passkey(row: asyncpg.Record) -> Passkey:
    return Passkey(
        credential_id=row["credential_id"],
        party_id=PartyId(row["party_id"]),
        public_key=row["public_key"],
        sign_count=row["sign_count"],
        transports=tuple(row["transports"]),
        synced=row["synced"],
        name=row["name"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
    )
