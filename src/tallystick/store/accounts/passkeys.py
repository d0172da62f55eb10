"""Passkeys: the public halves of key pairs that people's devices hold. Nothing here opens anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database


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
        await database.execute(
            "INSERT INTO passkey (credential_id, party_id, public_key, sign_count, transports, synced, name,"
            " created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            passkey.credential_id,
            passkey.party_id,
            passkey.public_key,
            passkey.sign_count,
            list(passkey.transports),
            passkey.synced,
            passkey.name,
            passkey.created_at,
        )
    except asyncpg.UniqueViolationError:
        raise PasskeyTakenError from None


async def of_party(database: Database, party_id: PartyId) -> list[Passkey]:
    """A party's passkeys, oldest first."""
    rows = await database.fetch(
        "SELECT * FROM passkey WHERE party_id = $1 ORDER BY created_at, credential_id", party_id
    )
    return [_passkey(row) for row in rows]


async def find(database: Database, credential_id: bytes) -> Passkey | None:
    """The passkey with this id."""
    row = await database.fetchrow("SELECT * FROM passkey WHERE credential_id = $1", credential_id)
    return None if row is None else _passkey(row)


async def mark_used(database: Database, passkey: Passkey, sign_count: int, now: datetime) -> bool:
    """Write down a use; False when another use of the same passkey came in between, or it was removed."""
    row = await database.fetchval(
        "UPDATE passkey SET sign_count = $3, last_used_at = $4 WHERE credential_id = $1 AND sign_count = $2"
        " RETURNING true",
        passkey.credential_id,
        passkey.sign_count,
        sign_count,
        now,
    )
    return bool(row)


async def remove(database: Database, party_id: PartyId, credential_id: bytes) -> str | None:
    """Remove a party's passkey; gives its name, None where there is none."""
    name = await database.fetchval(
        "DELETE FROM passkey WHERE party_id = $1 AND credential_id = $2 RETURNING name", party_id, credential_id
    )
    return None if name is None else str(name)


async def spend_challenge(database: Database, challenge_digest: bytes, expires_at: datetime) -> bool:
    """Write down that a challenge was answered; False when it was before. Of several at once, one gets True."""
    spent = await database.fetchval(
        "INSERT INTO spent_challenge (challenge_digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        " RETURNING true",
        challenge_digest,
        expires_at,
    )
    return bool(spent)


async def sweep(database: Database, now: datetime) -> None:
    """Forget spent challenges that are too old to be answered anyway."""
    await database.execute("DELETE FROM spent_challenge WHERE expires_at <= $1", now)


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
