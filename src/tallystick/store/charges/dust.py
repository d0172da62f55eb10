"""Less than a cent: what is owed or left so, and when a seller's rule looks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, InstrumentId, PartyId
from tallystick.domain.money import MICROS_PER_MINOR_UNIT
from tallystick.store.charges.charge_rules import DustRule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tallystick.db.connections import Database

_SQL: Final = load_statements("dust.sql", __package__)


@dataclass(frozen=True, slots=True)
class DueBook:
    """A book in which a rule looks for debts of less than a cent now."""

    book_id: BookId
    seller_id: PartyId
    environment: str
    rule: DustRule
    due_at: datetime


@dataclass(frozen=True, slots=True)
class DustSums:
    """How many tabs and balances have less than a cent on them, and how much in all, in micro-units."""

    tabs: int = 0
    owed_micros: int = 0
    balances: int = 0
    left_micros: int = 0


async def due(database: Database, now: datetime, maximum: int) -> list[DueBook]:
    """Those whose time has come, the longest due first."""
    rows = await database.fetch(_SQL["due"], now, maximum)
    return [
        DueBook(
            BookId(row["book_id"]),
            PartyId(row["party_id"]),
            row["environment"],
            DustRule(row["dust_rule"]),
            row["dust_due_at"],
        )
        for row in rows
    ]


async def advance(database: Database, book: DueBook, next_at: datetime) -> None:
    """Look again then. A rule that was changed meanwhile keeps its own time."""
    await database.execute(_SQL["advance"], book.book_id, book.due_at, next_at)


async def owed(
    database: Database, book_id: BookId, rule: DustRule, now: datetime, maximum: int, after: str = ""
) -> list[tuple[InstrumentId, int]]:
    """Tabs whose debt of less than a cent the rule writes off at `now`, the books' time, with what is owed."""
    rows = await database.fetch(
        _SQL["owed"], book_id, MICROS_PER_MINOR_UNIT, now, rule is DustRule.ROUND, after, maximum
    )
    return [(InstrumentId(row["instrument_id"]), row["balance_micros"]) for row in rows]


async def sums(database: Database, parts: Sequence[BookId]) -> DustSums:
    """Of all balances and tabs of a seller."""
    found = {row["kind"]: row for row in await database.fetch(_SQL["sums"], parts, MICROS_PER_MINOR_UNIT)}
    tabs, balances = found.get("receivable"), found.get("prepaid")
    return DustSums(
        *((tabs["holdings"], tabs["micros"]) if tabs else (0, 0)),
        *((balances["holdings"], balances["micros"]) if balances else (0, 0)),
    )
