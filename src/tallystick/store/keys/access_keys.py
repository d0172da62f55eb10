"""Access keys: whose they are, their secrets, rotation and revocation.

A secret leaves this module only for checking a signature, and once for its owner when the key is made.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tallystick.db.shared_reads import SharedReads
from tallystick.db.statements import load_statements
from tallystick.domain import environments
from tallystick.domain.ids import BookId, PartyId
from tallystick.domain.scopes import EVERYTHING
from tallystick.store.keys import key_texts
from tallystick.store.keys.callers import Caller

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Connection, Database, Pool
    from tallystick.store.keys.vault import Vault

_SQL: Final = load_statements("access_keys.sql", __package__)

SANDBOX: Final = environments.SANDBOX
LIVE: Final = environments.LIVE
ENVIRONMENTS: Final = environments.ENVIRONMENTS

_ID: Final = re.compile(r"[0-9A-Za-z]{1,128}", re.ASCII)  # nothing else that strangers send reaches the database


class UnknownKeyError(LookupError):
    """There is no such access key, or it is no longer usable."""


class MadeBeforeError(Exception):
    """The same form was sent before and has already made the key `access_key_id`."""

    def __init__(self, access_key_id: str) -> None:
        super().__init__(access_key_id)
        self.access_key_id = access_key_id


class StaleCachedKeyError(LookupError):
    """The books have another version of a cached key, or did not compare it. Nothing was done: read the key again."""


Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
CurrentKeys: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Keys by their ids as one statement read them, with the columns of the type carried_key_terms."""


def current_keys(rows: Iterable[Mapping[str, Any]]) -> CurrentKeys:
    """The keys that a statement read; those that are revoked are not among them."""
    return {row["access_key_id"]: row for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """What a key is made for.

    `networks`: where its calls come from, as CIDR text; none: anywhere. `lifetime`: when it ends by itself, and as long
    as its successor lives; None: never. `calls_per_second`: of one process, instead of the setting; None: as that says.
    """

    name: str = ""
    scopes: int = EVERYTHING.value
    networks: tuple[str, ...] = ()
    lifetime: timedelta | None = None
    calls_per_second: int | None = None


ANY_USE: Final = KeyTerms()
"""A key for everything, from anywhere, without an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey(Caller):
    """A key that is not revoked, with what every call needs to know about its owner. The rest is as in KeyTerms."""

    access_key_id: str
    secret: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None
    scopes: int
    networks: tuple[str, ...]
    calls_per_second: int | None
    bearer_digest: bytes | None = field(default=None, repr=False)
    """SHA-256 of the secret that calls in JSON carry; None: the key has none."""
    json_version: str | None = None
    """The version of the JSON interface that it is pinned to; None: it has not called it yet."""
    cached: bool = False
    """As it was when it was read last. Whoever acts on it has to revalidate it."""

    @property
    def flow(self) -> str:
        """The key itself."""
        return self.access_key_id

    def usable(self, now: datetime) -> bool:
        """Whether its time has not run out at `now`."""
        return self.expires_at is None or now < self.expires_at

    def may(self, scopes: int) -> bool:
        """Whether it has all of these scopes."""
        return not scopes & ~self.scopes

    def may_come_from(self, address: Address | None) -> bool:
        """Whether calls from there are accepted; who comes from an address that is not known is in no network."""
        if not self.networks:
            return True
        return address is not None and any(address in network for network in map(_network, self.networks))

    def still_is(self, keys: CurrentKeys) -> bool:
        """Whether it is among `keys`, and nothing that calls depend on has changed."""
        row = keys.get(self.access_key_id)
        return row is not None and (
            self.party_status == row["status"]
            and self.expires_at == row["expires_at"]
            and self.book_id == row["book_id"]
            and self.clock_offset == timedelta(seconds=row["clock_offset_seconds"])
            and [*self.parts] == row["parts"]
            and self.party_id == row["party_id"]
            and self.environment == row["environment"]
            and self.scopes == row["scopes"]
            and [*self.networks] == row["networks"]
            and self.calls_per_second == row["calls_per_second"]
            and self.bearer_digest == row["bearer_digest"]
        )


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as lists show it: no secret.

    `maker_id`: who made it; None: a command, or somebody before this was noted. `planned_end`: when it ends by itself,
    where no rotation ends it before. `has_bearer`: whether calls in JSON can carry a secret of it.
    """

    access_key_id: str
    party_id: PartyId
    environment: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    name: str
    scopes: int
    networks: tuple[str, ...]
    calls_per_second: int | None
    planned_end: datetime | None
    maker_id: PartyId | None
    maker_name: str | None
    has_bearer: bool

    def usable(self, now: datetime) -> bool:
        """Whether a call signed with this key is accepted at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


async def key_versions(database: Database, access_key_ids: Sequence[str]) -> dict[str, tuple[Mapping[str, Any], int]]:
    """Of keys that are not revoked what `AccessKey.still_is` compares, each with the version of its row."""
    rows = await database.fetch(_SQL["versions"], access_key_ids)
    return {row["terms"]["access_key_id"]: (row["terms"], row["version"]) for row in rows}


MAX_CACHED_KEYS: Final = 4096
"""Keys that a process caches: those in use. With more in turn each call finds its own gone, and reads it again."""


async def find(database: Database, vault: Vault, access_key_id: str, now: datetime) -> AccessKey | None:
    """The key with its secret; None when it is unknown, revoked or expired, or when the text cannot be an id."""
    if _ID.fullmatch(access_key_id) is None:
        return None
    key = (await _find_all(database, vault, [access_key_id])).get(access_key_id)
    return key if key is not None and key.usable(now) else None


class KeyRing:
    """Finds the keys of calls. Those that wait at the same time share a statement."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._find_all = partial(_find_all, pool, vault)
        self._reads = SharedReads(self._read)
        self._cached: dict[str, AccessKey] = {}

    async def find(self, access_key_id: str) -> AccessKey | None:
        """As `find` of this module, but with those that have expired: who holds one is told so."""
        if _ID.fullmatch(access_key_id) is None:
            return None
        return await self._reads.find(access_key_id)

    def recall(self, access_key_id: str, now: datetime) -> AccessKey | None:
        """The key as it was when it was found last, for callers that revalidate it."""
        key = self._cached.get(access_key_id)
        return key if key is not None and key.usable(now) else None

    async def _read(self, access_key_ids: Sequence[str]) -> dict[str, AccessKey]:
        """Read keys, and cache them."""
        found = await self._find_all(access_key_ids)
        for access_key_id in access_key_ids:
            self._cached.pop(access_key_id, None)
        self._cached |= {name: replace(key, cached=True) for name, key in found.items()}
        while len(self._cached) > MAX_CACHED_KEYS:
            del self._cached[next(iter(self._cached))]
        return found


async def _find_all(database: Database, vault: Vault, access_key_ids: Sequence[str]) -> dict[str, AccessKey]:
    """The keys that are not revoked, by id."""
    rows = await database.fetch(_SQL["find"], access_key_ids)
    return {row["access_key_id"]: _key(row, vault) for row in rows}


def _key(row: asyncpg.Record, vault: Vault) -> AccessKey:
    access_key_id = row["access_key_id"]
    return AccessKey(
        access_key_id=access_key_id,
        party_id=PartyId(row["party_id"]),
        environment=row["environment"],
        secret=vault.open(row["secret_sealed"], seal_context(access_key_id)).decode("ascii"),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        party_status=row["status"],
        book_id=None if row["book_id"] is None else BookId(row["book_id"]),
        parts=tuple(row["parts"]),
        clock_offset=timedelta(seconds=row["clock_offset_seconds"]),
        scopes=row["scopes"],
        networks=tuple(row["networks"]),
        calls_per_second=row["calls_per_second"],
        bearer_digest=row["bearer_digest"],
        json_version=row["json_version"],
    )


async def create(
    database: Database,
    vault: Vault,
    party_id: PartyId,
    environment: str,
    now: datetime,
    form: str = "",
    *,
    terms: KeyTerms = ANY_USE,
    maker_id: PartyId | None = None,
) -> AccessKey:
    """Make a key. This is the only time that its owner sees the secret.

    `form`: what tells the form that asks for it from all others; it makes one key, however often it is sent.
    `maker_id`: None for a command. Raises MadeBeforeError.
    """
    access_key_id = key_texts.new_id(party_id, environment, form or secrets.token_hex())
    secret = key_texts.new_secret()
    made = await database.fetchrow(
        _SQL["create"],
        access_key_id,
        party_id,
        environment,
        vault.seal(secret.encode("ascii"), seal_context(access_key_id)),
        now,
        terms.name,
        int(terms.scopes),
        terms.networks,
        terms.calls_per_second,
        None if terms.lifetime is None else now + terms.lifetime,
        maker_id,
    )
    if made is None:
        raise MadeBeforeError(access_key_id)
    key = await find(database, vault, access_key_id, now)
    if key is None:
        raise UnknownKeyError(access_key_id)
    return key


@lru_cache(maxsize=1024)
def _network(text: str) -> Network:
    return ip_network(text)


async def list_(database: Database, party_id: PartyId) -> list[KeyEntry]:
    """All keys that the party ever had, oldest first."""
    rows = await database.fetch(_SQL["list"], party_id)
    return [_entry(row) for row in rows]


async def usable_made_by(database: Database, party_id: PartyId, maker_id: PartyId, now: datetime) -> list[KeyEntry]:
    """The usable keys of the party that this person made, in both environments, oldest first."""
    rows = await database.fetch(_SQL["made_by"], party_id, maker_id, now)
    return [_entry(row) for row in rows]


async def secrets_of(database: Database, vault: Vault, party_id: PartyId, environment: str, now: datetime) -> list[str]:
    """The secrets of all usable keys of the party: for checking messages that were signed with one of them."""
    rows = await database.fetch(_SQL["secrets_of"], party_id, environment, now)
    return [vault.open(row["secret_sealed"], seal_context(row["access_key_id"])).decode("ascii") for row in rows]


async def rotate(
    connection: Connection,
    vault: Vault,
    access_key_id: str,
    overlap: timedelta,
    now: datetime,
    form: str = "",
    *,
    maker_id: PartyId | None = None,
) -> AccessKey:
    """Make the successor of a key, for the same as the old one, which stays usable for `overlap`, but not for longer.

    `form`, `maker_id`: as for `create`. Raises MadeBeforeError, UnknownKeyError.
    """
    async with connection.transaction():
        old = await connection.fetchrow(_SQL["terms"], access_key_id)
        if old is None:
            raise UnknownKeyError(access_key_id)
        terms = KeyTerms(
            name=old["name"],
            scopes=old["scopes"],
            networks=tuple(old["networks"]),
            lifetime=None if old["planned_end"] is None else old["planned_end"] - old["created_at"],
            calls_per_second=old["calls_per_second"],
        )
        seller_id, environment = PartyId(old["party_id"]), old["environment"]
        new = await create(connection, vault, seller_id, environment, now, form, terms=terms, maker_id=maker_id)
        row = await connection.fetchrow(_SQL["end_at"], access_key_id, now + overlap, now)
        if row is None:
            raise UnknownKeyError(access_key_id)
        return new


async def change(database: Database, access_key_id: str, terms: KeyTerms, now: datetime) -> None:
    """Let a key be for something else, from the next call on; its end stays. Raises UnknownKeyError."""
    changed = await database.fetchrow(
        _SQL["change"], access_key_id, terms.name, int(terms.scopes), terms.networks, terms.calls_per_second, now
    )
    if changed is None:
        raise UnknownKeyError(access_key_id)


async def make_bearer(database: Database, access_key_id: str, now: datetime) -> str:
    """A new bearer secret for a usable key; only its digest is kept. The one before ends. Raises UnknownKeyError."""
    environment = await database.fetchval(_SQL["environment"], access_key_id)
    if environment is None:
        raise UnknownKeyError(access_key_id)
    secret = key_texts.new_bearer(environment, access_key_id)
    changed = await database.fetchval(_SQL["set_bearer"], access_key_id, key_texts.digest(secret), now)
    if changed is None:
        raise UnknownKeyError(access_key_id)
    return secret


async def end_bearer(database: Database, access_key_id: str) -> bool:
    """Let the bearer secret of a key be good for nothing; False: it has none."""
    return await database.fetchval(_SQL["end_bearer"], access_key_id) is not None


def is_bearer_of(key: AccessKey, bearer: str) -> bool:
    """Whether a bearer secret is the key's. Takes as long for a wrong one as for the right one."""
    return key.bearer_digest is not None and hmac.compare_digest(key.bearer_digest, key_texts.digest(bearer))


async def pin_version(database: Database, access_key_id: str, version: str) -> None:
    """Pin a key to the version of the JSON interface with which it called first."""
    await database.execute(_SQL["pin_version"], access_key_id, version)


async def revoke(database: Database, access_key_id: str, now: datetime) -> bool:
    """Make a key unusable at once and for ever; False: it was revoked before. Raises UnknownKeyError."""
    if await database.fetchval(_SQL["revoke"], access_key_id, now) is not None:
        return True
    if await database.fetchval(_SQL["environment"], access_key_id) is None:
        raise UnknownKeyError(access_key_id)
    return False


def seal_context(access_key_id: str) -> str:
    """Where the secret of a key belongs."""
    return f"access_key:{access_key_id}"


def _entry(row: asyncpg.Record) -> KeyEntry:
    return KeyEntry(
        access_key_id=row["access_key_id"],
        party_id=PartyId(row["party_id"]),
        environment=row["environment"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        name=row["name"],
        scopes=row["scopes"],
        networks=tuple(row["networks"]),
        calls_per_second=row["calls_per_second"],
        planned_end=row["planned_end"],
        maker_id=None if row["made_by"] is None else PartyId(row["made_by"]),
        maker_name=row["maker_name"],
        has_bearer=row["has_bearer"],
    )
