"""Prove the chains whole: nothing changed, taken out, put in or cut off since it was chained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.store.chains.chain_record import FIRST, ChainRecord
from tallystick.store.chains.heads import Head, heads
from tallystick.store.chains.records import Kind, number_in, pages, waiting

if TYPE_CHECKING:
    from tallystick.db.connections import Pool

_SQL: Final = load_statements("check.sql", __package__)

MAX_PROBLEMS: Final = 100
"""Of each kind, in words; what is beyond is left out."""

LATE: Final = timedelta(hours=1)
"""A record that says that it is so much older than the one before it was written long before it came into its chain."""

Anchors = Mapping[str, Mapping[int, frozenset[str]]]
"""Ends of chains as the log file has them: digests in hexadecimal digits by chain and place."""


@dataclass
class ChainReport:
    """What was read and what is off, in words.

    `erased`: parts that closed accounts took with them. `waiting`: records without a place yet, the oldest of them
    written at `oldest_waiting`. `late`: records that say that they are older than the one before them. `anchors`: how
    many ends of the log file were looked for.
    """

    chains: int = 0
    records: int = 0
    erased: int = 0
    waiting: int = 0
    oldest_waiting: datetime | None = None
    anchors: int = 0
    late: list[str] = field(default_factory=list)
    by_kind: dict[Kind, list[str]] = field(default_factory=lambda: {kind: [] for kind in Kind})

    @property
    def problems(self) -> list[str]:
        """All that is off."""
        return [problem for found in self.by_kind.values() for problem in found]


async def check(pool: Pool, anchors: Anchors | None = None) -> ChainReport:
    """Read every chain, the audit log first. Needs no snapshot: of what is chained nothing changes, but for erasing."""
    report = ChainReport()
    for kind in Kind:
        told = {chain: places for chain, places in (anchors or {}).items() if number_in(chain)[0] is kind}
        await _Walk(pool, kind, told, report).go()
        number, since = await waiting(pool, kind)
        report.waiting += number
        report.oldest_waiting = min(filter(None, (report.oldest_waiting, since)), default=None)
    return report


class _Walk:
    """All chains of a kind, one after the other, in the order in which their records are read."""

    def __init__(self, pool: Pool, kind: Kind, anchors: Anchors, report: ChainReport) -> None:
        self._pool, self._kind, self._anchors, self._report = pool, kind, anchors, report
        self._heads: dict[str, Head] = {}
        self._chain: str | None = None
        self._place, self._digest = 0, FIRST
        self._at: datetime | None = None
        self._found = report.by_kind[kind]

    async def go(self) -> None:
        # Heads before rows: what comes in meanwhile is beyond the head that is known, never short of it.
        known = await heads(self._pool)
        self._heads = {chain: head for chain, head in known.items() if number_in(chain)[0] is self._kind}
        seen = set()
        async for records in pages(self._pool, self._kind):
            erased = []
            for record in records:
                if record.chain != self._chain:
                    await self._end()
                    self._begin(record.chain)
                    seen.add(record.chain)
                self._follow(record)
                erased += self._changed_parts(record)
            await self._check_closed(erased)
        await self._end()
        for chain in sorted({*self._heads, *self._anchors} - seen):
            self._begin(chain)
            await self._end()

    def _begin(self, chain: str) -> None:
        self._chain, self._place, self._digest, self._at = chain, 0, FIRST, None
        self._report.chains += 1

    def _follow(self, record: ChainRecord) -> None:
        place = f"{record.chain}, {record.sequence} ({record.name})"
        self._report.records += 1
        if record.sequence > self._place + 1:
            self._tell(f"{record.chain}: {_places(self._place + 1, record.sequence - 1)} missing")
        elif record.sequence <= self._place:
            self._tell(f"{place}: the place is taken twice")
        elif record.previous != self._digest:
            self._tell(f"{place}: does not follow from the one before it")
        if record.content_digest() != record.digest:
            self._tell(f"{place}: was changed")
        head = self._heads.get(record.chain)
        if head is not None and head.sequence == record.sequence and head.digest != record.digest:
            self._tell(f"{place}: is not the record with which the chain ended")
        for digest in self._anchors.get(record.chain, {}).get(record.sequence, ()):
            self._report.anchors += 1
            if digest != record.digest.hex():
                self._tell(f"{place}: is not the record that the log file has")
        if self._at is not None and record.at < self._at - LATE and len(self._report.late) < MAX_PROBLEMS:
            self._report.late.append(
                f"{place}: says {record.at:%Y-%m-%d %H:%M} UTC, and came after one of {self._at:%Y-%m-%d %H:%M}"
            )
        self._place, self._digest, self._at = record.sequence, record.digest, record.at

    def _changed_parts(self, record: ChainRecord) -> list[tuple[int, str]]:
        """Parts that look as erasing leaves them, each with the account whose closing would have done it."""
        erased = []
        for part in record.parts:
            if part.matches:
                continue
            place = f"{record.chain}, {record.sequence} ({record.name})"
            if part.erased and part.owner is not None:
                erased.append((part.owner, f"{place}: its {part.name} was erased, and the account is not closed"))
            else:
                self._tell(f"{place}: its {part.name} was changed")
        return erased

    async def _check_closed(self, erased: list[tuple[int, str]]) -> None:
        if not erased:
            return
        rows = await self._pool.fetch(_SQL["closed_accounts"], sorted({owner for owner, _ in erased}))
        closed = {row["party_id"] for row in rows}
        for owner, problem in erased:
            if owner in closed:
                self._report.erased += 1
            else:
                self._tell(problem)

    async def _end(self) -> None:
        """The chain is read to its end: is it as long as it is known to be?"""
        if self._chain is None:
            return
        known = self._heads.get(self._chain)
        if known is not None and known.sequence > self._place:
            self._tell(f"{self._chain}: {_places(self._place + 1, known.sequence)} missing at its end")
        elif known is None or known.sequence < self._place:  # new, or longer since it is read: its head says so by now
            head = (await heads(self._pool, [self._chain])).get(self._chain)
            end = 0 if head is None else head.sequence
            if end < self._place:
                self._tell(f"{self._chain}: {_places(end + 1, self._place)} beyond its known end")
        lost = [place for place in self._anchors.get(self._chain, {}) if place > self._place]
        self._report.anchors += len(lost)
        if lost:
            self._tell(f"{self._chain}: ends at {self._place}, the log file has it as far as {max(lost)}")

    def _tell(self, problem: str) -> None:
        if len(self._found) < MAX_PROBLEMS:
            self._found.append(problem)


def _places(first: int, last: int) -> str:
    return f"{first} is" if first >= last else f"{first} to {last} are"
