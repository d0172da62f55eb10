"""What is sealed in the database: whether a master key is the one that it was sealed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tallystick.store.keys import access_keys, signing_keys

if TYPE_CHECKING:
    from tallystick.db.connections import Database


class Sealed(NamedTuple):
    """A sealed secret, and the place where it belongs: what `Vault.open` takes."""

    content: bytes
    context: str


async def any_secret(database: Database) -> Sealed | None:
    """One of the secrets in the database; None where there is none yet."""
    row = await database.fetchrow("SELECT name, private_key_sealed FROM signing_key LIMIT 1")
    if row is not None:
        return Sealed(row["private_key_sealed"], signing_keys.seal_context(row["name"]))
    row = await database.fetchrow("SELECT access_key_id, secret_sealed FROM access_key LIMIT 1")
    if row is not None:
        return Sealed(row["secret_sealed"], access_keys.seal_context(row["access_key_id"]))
    return None
