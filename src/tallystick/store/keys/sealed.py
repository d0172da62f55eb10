"""One sealed secret of the database, to check which master keys open it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from tallystick.db.statements import load_statements
from tallystick.store.keys import access_keys, master_keys, signing_keys
from tallystick.store.keys.vault import SealBrokenError, Vault

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("sealed.sql", __package__)


class Sealed(NamedTuple):
    """A sealed secret, and the place where it belongs: what `Vault.open` takes."""

    content: bytes
    context: str


async def any_secret(database: Database) -> Sealed | None:
    """One of the secrets in the database; None where there is none yet."""
    row = await database.fetchrow(_SQL["any_signing_key"])
    if row is not None:
        return Sealed(row["private_key_sealed"], signing_keys.seal_context(row["name"]))
    row = await database.fetchrow(_SQL["any_access_key"])
    if row is not None:
        return Sealed(row["secret_sealed"], access_keys.seal_context(row["access_key_id"]))
    return None


async def vault_of(database: Database, keys: Sequence[bytes]) -> Vault | None:
    """The vault with these keys that opens what is in the database; None: they are others.

    As long as no key was exchanged, nothing says which of several seals: it is the one that opens.
    """
    generations, secret = await master_keys.read(database), await any_secret(database)
    for key in keys:
        with suppress(SealBrokenError):
            vault = Vault(key, *keys)
            master_keys.take(vault, generations)
            if secret is not None:
                vault.open(*secret)
            return vault
    return None
