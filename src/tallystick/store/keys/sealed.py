"""One sealed secret of the database, to check whether a master key opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tallystick.db.statements import load_statements
from tallystick.store.keys import access_keys, signing_keys

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
