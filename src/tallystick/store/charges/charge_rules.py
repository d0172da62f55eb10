"""What a seller decides about its charges: the least that one payment may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.db.connections import Connection, Database
    from tallystick.domain.ids import BookId

_SQL: Final = load_statements("charge_rules.sql", __package__)


@dataclass(frozen=True, slots=True)
class ChargeRules:
    """A seller's rules in one environment. Amounts are micro-units."""

    smallest_charge_micros: int


async def find(database: Database, book_id: BookId) -> ChargeRules:
    """Those of a book; all books of a seller in an environment have the same."""
    row = await database.fetchrow(_SQL["find"], book_id)
    if row is None:
        raise LookupError(book_id)
    return ChargeRules(**dict(row))


async def lock(connection: Connection, parts: Sequence[BookId]) -> None:
    """Let nobody else decide about these books, or add to them, until the transaction ends. Payments go on."""
    await connection.fetch(_SQL["lock"], parts)


async def set_smallest_charge(connection: Connection, parts: Sequence[BookId], micros: int) -> None:
    """The least that one payment in these books may be from now on, above zero."""
    await connection.execute(_SQL["set_smallest_charge"], parts, micros)
