"""Debts of a seller's buyers: by age, and the runs in which they are settled or written off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tallystick.store.queries import debts
from tallystick.store.queries.debts import LONGEST_AGE, Age, Ageing, DebtRun, Debts, RunLine, Tab

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext

__all__ = ["LONGEST_AGE", "Age", "Ageing", "DebtRun", "Debts", "RunLine", "Tab", "list_", "run", "run_lines", "tabs"]


async def list_(
    books: BookContext,
    maximum: int,
    *,
    age: Age = Age.ANY,
    text: str | None = None,
    after: str | None = None,
    below_micros: int | None = None,
) -> Debts:
    """What is owed, those debts with the oldest parts first, after a place in the list."""
    return await debts.list_(
        books.service.pool,
        books.parts,
        books.now,
        maximum,
        age=age,
        text=text,
        after=after,
        below_micros=below_micros,
    )


async def tabs(books: BookContext, instrument_ids: Sequence[str]) -> list[Tab]:
    """The tabs of these books among the ids."""
    return await debts.tabs(books.service.pool, books.parts, instrument_ids)


async def run(books: BookContext, run_id: str) -> DebtRun | None:
    """A run of this seller; None when there is none of this id."""
    return await debts.run(books.service.pool, books.parts, run_id)


async def run_lines(books: BookContext, run_id: str) -> list[RunLine]:
    """What a run did with each debt, as far as it is known."""
    return await debts.run_lines(books.service.pool, books.parts, run_id)
