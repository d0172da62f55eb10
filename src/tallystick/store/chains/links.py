"""The pass that gives rows their places: each step is a commit of its own, and one process at a time is at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.store.chains.chain_record import FIRST, ChainRecord
from tallystick.store.chains.heads import Head, heads, move
from tallystick.store.chains.records import PAGE, unchained_agreements, unchained_entries

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.db.connections import Connection, Pool
    from tallystick.domain.ids import BookId

_SQL: Final = load_statements("links.sql", __package__)

LOCK: Final = 0x7A11_571C_0004
"""A number of our own among the advisory locks of the database: one pass at a time."""


async def chain_some(pool: Pool, now: datetime, maximum: int = PAGE) -> int:
    """Chain what was written first, `maximum` of each kind, entries of the audit log and agreements; how many records.

    None while another process is at it. Rows are held from the moment they are read, so that nothing is erased in
    between and its salt left behind. Places and heads are one commit: a process that dies leaves nothing half done.
    """
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(_SQL["lock"], LOCK):
            return 0
        entries = await unchained_entries(connection, maximum)
        agreements = await unchained_agreements(connection, maximum)
        waiting = [*entries, *(record for records in agreements.values() for record in records)]
        if not waiting:
            return 0
        ends = await heads(connection, sorted({record.chain for record in waiting}))
        if entries:
            await _keep_entries(connection, _linked(entries, ends, now), now)
        for book_id, records in agreements.items():
            await _keep_agreements(connection, book_id, _linked(records, ends, now), now)
        await move(connection, ends.values(), now)
        return len(waiting)


def _linked(records: Sequence[ChainRecord], ends: dict[str, Head], now: datetime) -> list[ChainRecord]:
    """The records in their places, in the order given; `ends` moves with them."""
    linked = []
    for record in records:
        end = ends.get(record.chain, Head(record.chain, 0, FIRST))
        placed = replace(
            record,
            sequence=end.sequence + 1,
            chained_at=now,
            previous=end.digest,
            parts=tuple(part.sealed() for part in record.parts),
        )
        placed = replace(placed, digest=placed.content_digest())
        ends[record.chain] = Head(record.chain, placed.sequence, placed.digest)
        linked.append(placed)
    return linked


async def _keep_entries(connection: Connection, records: Sequence[ChainRecord], now: datetime) -> None:
    await connection.execute(
        _SQL["chain_entries"],
        [record.facts["audit_id"] for record in records],
        now,
        *_columns(records),
    )


async def _keep_agreements(
    connection: Connection, book_id: BookId, records: Sequence[ChainRecord], now: datetime
) -> None:
    await connection.execute(
        _SQL["chain_agreements"],
        book_id,
        [record.facts["authorization_id"] for record in records],
        now,
        *_columns(records),
    )


def _columns(records: Sequence[ChainRecord]) -> list[list[object]]:
    """Places, digests of the records before and of their own, then salt and digest of each part."""
    columns: list[list[object]] = [
        [record.sequence for record in records],
        [record.previous for record in records],
        [record.digest for record in records],
    ]
    for parts in zip(*(record.parts for record in records), strict=True):
        columns += [[part.salt for part in parts], [part.digest for part in parts]]
    return columns
