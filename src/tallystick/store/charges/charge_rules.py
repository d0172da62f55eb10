"""What a seller decides about its charges: the least that one payment may be, and what becomes of less than a cent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.db.connections import Connection, Database
    from tallystick.domain.ids import BookId

_SQL: Final = load_statements("charge_rules.sql", __package__)


@unique
class DustRule(Enum):
    """What becomes of a debt of less than a cent, which no rail can bring in.

    KEEP: it stays owed. WRITE_OFF: it is written off once nothing more can be charged on its tab. ROUND: also once a
    settlement has brought in all whole cents, so that settled tabs are at zero.
    """

    KEEP = "keep"
    WRITE_OFF = "write_off"
    ROUND = "round"


@dataclass(frozen=True, slots=True)
class ChargeRules:
    """A seller's rules in one environment. Amounts are micro-units."""

    smallest_charge_micros: int
    dust_rule: DustRule


async def find(database: Database, book_id: BookId) -> ChargeRules:
    """Those of a book; all books of a seller in an environment have the same."""
    row = await database.fetchrow(_SQL["find"], book_id)
    if row is None:
        raise LookupError(book_id)
    return ChargeRules(row["smallest_charge_micros"], DustRule(row["dust_rule"]))


async def lock(connection: Connection, parts: Sequence[BookId]) -> None:
    """Let nobody else decide about these books, or add to them, until the transaction ends. Payments go on."""
    await connection.fetch(_SQL["lock"], parts)


async def set_smallest_charge(connection: Connection, parts: Sequence[BookId], micros: int) -> None:
    """The least that one payment in these books may be from now on, above zero."""
    await connection.execute(_SQL["set_smallest_charge"], parts, micros)


async def set_dust_rule(connection: Connection, parts: Sequence[BookId], rule: DustRule, now: datetime) -> None:
    """What becomes of debts of less than a cent in these books; where a rule writes them off, from `now` on."""
    due_at = None if rule is DustRule.KEEP else now
    await connection.execute(_SQL["set_dust_rule"], parts, rule.value, due_at)
