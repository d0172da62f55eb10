"""Authenticator apps and recovery codes of accounts: secrets are sealed, codes are digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database
    from tallystick.domain.ids import PartyId

_SQL: Final = load_statements("second_factors.sql", __package__)


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """An account's authenticator app. `last_step`: the half minute since 1970 whose code was used last."""

    secret_sealed: bytes = field(repr=False)
    enrolled_at: datetime
    last_step: int
    codes_left: int


def seal_context(party_id: int | str) -> str:
    """Where an app's secret belongs: it opens for this account alone."""
    return f"second_factor:{party_id}"


async def find(database: Database, party_id: PartyId) -> SecondFactor | None:
    """The app of this account; None where there is none."""
    row = await database.fetchrow(_SQL["find"], party_id)
    return None if row is None else SecondFactor(**row)


async def add(
    connection: Connection,
    party_id: PartyId,
    secret_sealed: bytes,
    step: int,
    code_digests: Sequence[bytes],
    now: datetime,
) -> bool:
    """Keep an app and its recovery codes; False, and nothing is kept, where there is one. `step`: used with it."""
    async with connection.transaction():
        added = bool(await connection.fetchval(_SQL["add"], party_id, secret_sealed, now, step))
        if added:
            await connection.execute(_SQL["add_codes"], party_id, list(code_digests))
    return added


async def remove(database: Database, party_id: PartyId) -> bool:
    """Remove the app and its recovery codes; False where there was none."""
    return bool(await database.fetchval(_SQL["remove"], party_id))


async def use_step(database: Database, party_id: PartyId, step: int) -> bool:
    """Write down that the code of this half minute was used; False when it, or a later one, was before."""
    return bool(await database.fetchval(_SQL["use_step"], party_id, step))


async def replace_codes(connection: Connection, party_id: PartyId, code_digests: Sequence[bytes]) -> None:
    """Other recovery codes; the earlier ones count no more."""
    async with connection.transaction():
        await connection.execute(_SQL["forget_codes"], party_id)
        await connection.execute(_SQL["add_codes"], party_id, list(code_digests))


async def use_code(database: Database, party_id: PartyId, digest: bytes, now: datetime) -> bool:
    """Use a recovery code up; False when there is none with this digest, or no more."""
    return bool(await database.fetchval(_SQL["use_code"], party_id, digest, now))
