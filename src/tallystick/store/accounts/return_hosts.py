"""The hosts to which a seller's buyers return: claimed, so that nobody else's links lead there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

import asyncpg

from tallystick.db.duplicates import DuplicateKeyError, duplicate_keys
from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("return_hosts.sql", __package__)

Proof = Literal["file", "operator"]


class HostTakenError(Exception):
    """Another seller has claimed this host."""


@dataclass(frozen=True, slots=True)
class ReturnHost:
    """A host that a seller claimed or, where `claimed_at` is None, asked for.

    `token`: what the host has to show to prove it. `guests`: other sellers whose links may lead there, too.
    """

    party_id: PartyId
    host: str
    token: str
    begun_at: datetime
    claimed_at: datetime | None
    proved_by: Proof | None
    guests: tuple[PartyId, ...]

    @property
    def claimed(self) -> bool:
        """Whether it was proved: only then are others kept away."""
        return self.claimed_at is not None


async def of_seller(database: Database, party_id: PartyId) -> list[ReturnHost]:
    """All hosts that a seller claimed or asked for, by name."""
    return [_host(row) for row in await database.fetch(_SQL["of_seller"], party_id)]


async def find(database: Database, party_id: PartyId, host: str) -> ReturnHost | None:
    """One of a seller's hosts."""
    row = await database.fetchrow(_SQL["find"], party_id, host)
    return None if row is None else _host(row)


async def ask(database: Database, party_id: PartyId, host: str, token: str, now: datetime) -> bool:
    """A seller asks for a host; whether it had not yet."""
    return _one(await database.execute(_SQL["ask"], party_id, host, token, now))


async def claim(database: Database, party_id: PartyId, host: str, by: Proof, now: datetime) -> bool:
    """A host that was asked for is proved; whether it had not been. Raises HostTakenError."""
    try:
        with duplicate_keys():
            return _one(await database.execute(_SQL["claim"], party_id, host, now, by))
    except DuplicateKeyError:
        raise HostTakenError(host) from None


async def release(database: Database, party_id: PartyId, host: str) -> bool:
    """A seller gives a host back, or stops asking for it; whether there was any."""
    return _one(await database.execute(_SQL["release"], party_id, host))


async def allow(database: Database, party_id: PartyId, host: str, guest_id: PartyId, now: datetime) -> bool:
    """Let the links of another seller lead to a host, too; whether they could not before."""
    return _one(await database.execute(_SQL["allow"], party_id, host, guest_id, now))


async def disallow(database: Database, party_id: PartyId, host: str, guest_id: PartyId) -> bool:
    """Let them lead there no more; whether they could."""
    return _one(await database.execute(_SQL["disallow"], party_id, host, guest_id))


async def closed_to(database: Database, party_id: PartyId, hosts: Collection[str]) -> frozenset[str]:
    """Those of the hosts to which this seller's links must not lead, since another one has claimed them."""
    if not hosts:
        return frozenset()
    return frozenset(row["host"] for row in await database.fetch(_SQL["closed_to"], party_id, sorted(set(hosts))))


def _one(tag: str) -> bool:
    return not tag.endswith(" 0")


def _host(row: asyncpg.Record) -> ReturnHost:
    return ReturnHost(**{**row, "guests": tuple(PartyId(guest) for guest in row["guests"])})
