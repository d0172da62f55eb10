"""The figures of a seller's business: what its first page draws."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.store.queries import figures
from tallystick.store.queries.debts import Ageing
from tallystick.store.queries.figures import NONE, Figures, FiguresState, OutstandingDebt, Sum, start_of

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext

__all__ = [
    "NONE",
    "Ageing",
    "Figures",
    "FiguresState",
    "OutstandingDebt",
    "Sum",
    "catch_up",
    "holdings",
    "owed",
    "since",
    "start_of",
]


async def catch_up(books: BookContext) -> FiguresState:
    """Add up what is over and was not added up yet; tells how far the figures go."""
    return await figures.catch_up(books.service.pool, books.parts, books.now)


async def since(books: BookContext, begin: datetime, step: str, state: FiguresState) -> Figures:
    """The figures from `begin` on, for each ``hour``, ``day`` or ``week``."""
    return await figures.since(books.service.pool, begin, step, state)


async def holdings(books: BookContext) -> Mapping[str, Sum]:
    """What is owed to buyers (``prepaid``), on how many accounts; and the ``cash``."""
    return await figures.holdings(books.service.pool, books.parts)


async def owed(books: BookContext) -> OutstandingDebt:
    """What is owed on tabs, and how old it is. The figures were caught up with before."""
    return await figures.owed(books.service.pool, books.parts, books.now)
