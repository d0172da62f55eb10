"""Which master keys a database has had, and which of them seals; and giving all that is sealed to another one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.store.accounts import second_factors
from tallystick.store.events import endpoints
from tallystick.store.keys import access_keys, signing_keys
from tallystick.store.keys.vault import DigestKeys, SealBrokenError, named_head
from tallystick.store.payouts import destinations, files
from tallystick.store.records import mail

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database, Pool
    from tallystick.store.keys.vault import Vault

_SQL: Final = load_statements("master_keys.sql", __package__)

LOCK: Final = 0x7A11_0027
"""Whoever exchanges a key holds it: nobody else does at the same time."""
BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Generation:
    """One key that the database has had, or is about to have. `begun_at`: since when it seals."""

    generation: int
    key_name: bytes
    digests_sealed: bytes
    announced_at: datetime
    begun_at: datetime | None
    resealed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Generations:
    """All of them, the oldest first; none where a key was never exchanged."""

    all: tuple[Generation, ...]

    @property
    def sealing(self) -> Generation | None:
        """The newest that has begun."""
        begun = [each for each in self.all if each.begun_at is not None]
        return begun[-1] if begun else None

    @property
    def unfinished(self) -> Generation | None:
        """The newest, as long as something may be sealed with an older one."""
        return self.all[-1] if self.all and self.all[-1].resealed_at is None else None


@dataclass(frozen=True, slots=True)
class SealedKind:
    """A column with sealed values: what it is, how to read it in batches, in which place its values belong."""

    name: str
    column: str
    batch: str
    reseal: str
    first: Any
    place: Callable[[str], str]


def digests_place(generation: str | int) -> str:
    """Where the keys of digests belong."""
    return f"master_key:{generation}"


KINDS: Final = (
    SealedKind(
        "access keys", "access_key.secret_sealed", "access_key_batch", "access_key_reseal", "", access_keys.seal_context
    ),
    SealedKind(
        "signing keys",
        "signing_key.private_key_sealed",
        "signing_key_batch",
        "signing_key_reseal",
        "",
        signing_keys.seal_context,
    ),
    SealedKind(
        "authenticator apps",
        "second_factor.secret_sealed",
        "second_factor_batch",
        "second_factor_reseal",
        0,
        second_factors.seal_context,
    ),
    SealedKind("letters", "mail.sealed", "letter_batch", "letter_reseal", 0, mail.seal_context),
    SealedKind(
        "bank accounts of sellers",
        "payout_destination.account_sealed",
        "destination_batch",
        "destination_reseal",
        0,
        destinations.seal_context,
    ),
    SealedKind(
        "files of payouts",
        "payout_file.content_sealed",
        "payout_file_batch",
        "payout_file_reseal",
        "",
        files.seal_context,
    ),
    SealedKind(
        "secrets of endpoints",
        "webhook_endpoint.secrets_sealed",
        "endpoint_batch",
        "endpoint_reseal",
        "",
        endpoints.seal_context,
    ),
    SealedKind("keys of digests", "master_key.digests_sealed", "digests_batch", "digests_reseal", -1, digests_place),
)
"""Everything that is sealed. A column that is not here fails a test."""


async def read(database: Database) -> Generations:
    """The keys that the database has had."""
    return Generations(tuple(Generation(**row) for row in await database.fetch(_SQL["read"])))


def take(vault: Vault, found: Generations) -> None:
    """Let a vault seal with the key that the database names. Raises SealBrokenError: it is not known here."""
    sealing = found.sealing
    if sealing is None:
        return
    first = found.all[0].key_name
    vault.use(sealing.key_name, first)
    content = vault.open(sealing.digests_sealed, digests_place(sealing.generation))
    vault.use(sealing.key_name, first, DigestKeys.from_bytes(content))


async def announce(
    connection: Connection, vault: Vault, key_name: bytes, of_digests: DigestKeys, now: datetime
) -> None:
    """Write down that another key is to seal, and the one that does, where it is the first. Only in a transaction."""
    generations = (await read(connection)).all
    if not generations:
        sealed = vault.seal(vault.of_digests.to_bytes(), digests_place(0))
        await connection.execute(_SQL["add"], 0, vault.sealing, sealed, now, now, now)
    number = max(1, len(generations))
    sealed = vault.seal(of_digests.to_bytes(), digests_place(number))
    await connection.execute(_SQL["add"], number, key_name, sealed, now, None, None)


async def begin(database: Database, now: datetime) -> None:
    """Let the announced key seal."""
    await database.execute(_SQL["begin"], now)


async def finish(database: Database, now: datetime) -> bool:
    """Write down that nothing is sealed with an older key; whether that is so."""
    return str(await database.execute(_SQL["finish"], now)) != "UPDATE 0"


async def reseal(pool: Pool, vault: Vault, after_batch: Callable[[int], None]) -> list[str]:
    """Seal everything anew that another key has sealed, in small commits; the places of what could not be opened.

    Whatever changes meanwhile is left to who changes it. `after_batch` is told how many values were sealed anew so far.
    """
    done, broken = 0, []
    for kind in KINDS:
        after = kind.first
        while rows := await pool.fetch(_SQL[kind.batch], after, BATCH, named_head(vault.sealing)):
            after = rows[-1]["id"]
            changes = []
            for row in rows:
                place = kind.place(row["place"])
                try:
                    changes.append((row["id"], row["sealed"], vault.seal(vault.open(row["sealed"], place), place)))
                except SealBrokenError:
                    broken.append(place)
            async with pool.acquire() as connection:
                await connection.executemany(_SQL[kind.reseal], changes)
            done += len(changes)
            after_batch(done)
    return broken


async def counts(database: Database) -> dict[bytes | None, int]:
    """How many values are sealed with which key, by its name; None: those of the first form, without one."""
    return {row["key_name"]: row["sealed"] for row in await database.fetch(_SQL["counts"])}


@asynccontextmanager
async def alone(pool: Pool) -> AsyncIterator[bool]:
    """Whether nobody else exchanges a key; nobody does while this is open."""
    async with pool.acquire() as connection:
        locked = bool(await connection.fetchval(_SQL["lock"], LOCK))
        try:
            yield locked
        finally:
            if locked:
                await connection.fetchval(_SQL["unlock"], LOCK)
