"""Payments of several books in one statement (store/ledger/memory/sql/together.sql), as the model carries it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tests.simulation.connections import Handler
from tests.simulation.memory_writes import SALES, as_remembered, charge_tab, move_from_memory
from tests.simulation.money_writes import (
    all_or_nothing,
    insert_payments,
    more_of,
    queue_events,
)
from tests.simulation.postgres import Record, Transaction

Rows = Sequence[Any]


async def apply_together(  # noqa: PLR0913, PLR0917 - the statement's arguments
    tx: Transaction,
    paid_books: Sequence[int],
    paid: Rows,
    kind: Rows,
    paid_at: Sequence[datetime] | datetime,
    changed_books: Sequence[int],
    changes: Rows,
    token_books: Sequence[int],
    tokens: Rows,
    books: Sequence[int],
    versions: Sequence[int],
    owner_versions: Sequence[int],
    keys: Sequence[str],
    _key_versions: Sequence[int],
    server_started_at: datetime,
    _patience: str,
    totals_micros: Sequence[int],
    event_books: Sequence[int] = (),
    events: Rows = (),
    events_at: Sequence[datetime] = (),
    real_now: datetime | None = None,
    queue_books: Sequence[int] = (),
    queued: Rows = (),
    queued_at: Sequence[datetime] = (),
    tab_books: Sequence[int] = (),
    tabs: Rows = (),
    *,
    compared: bool = True,
) -> list[Record]:
    """`compared`: whether versions, terms and bounds are looked at, as they have to be."""
    assert not keys, "the simulation signs nothing"
    same = server_started_at == tx.server.started_at or not compared
    for book_id, *own in zip(books, versions, owner_versions, strict=True):
        known = [token for of_book, token in zip(token_books, tokens, strict=True) if of_book == book_id]
        same = same and (not compared or as_remembered(tx, book_id, known, own))
    moved = 0
    for book_id, (number, delta, terms) in zip(changed_books, changes, strict=True):
        moved += await move_from_memory(tx, (book_id, number), delta, terms if compared else None)
    for book_id, total_micros in zip(books, totals_micros, strict=True) if moved == len(changes) else ():
        moved += await move_from_memory(tx, (book_id, SALES), -total_micros, None)
    charged = 0
    for book_id, tab in zip(tab_books, tabs, strict=True):
        charged += await charge_tab(tx, book_id, *tab, compared=compared)
    times = [paid_at] * len(paid) if isinstance(paid_at, datetime) else paid_at
    for book_id, payment, now in zip(paid_books, paid, times, strict=True):
        await insert_payments(tx, book_id, [payment], kind, (), now)
    for book_id, event, now in zip(event_books, events, events_at, strict=True):
        assert real_now is not None
        await more_of(tx, book_id, now, (), (), [event], real_now)
    for book_id, event, now in zip(queue_books, queued, queued_at, strict=True):
        assert real_now is not None
        await queue_events(tx, book_id, now, real_now, [event])
    return all_or_nothing(same and moved == len(changes) + len(books) and charged == len(tabs))


async def believe(tx: Transaction, *values: Any) -> list[Record]:
    """Whatever was changed meanwhile. Not of the model: a fault that the simulation has to find."""
    return await apply_together(tx, *values, compared=False)


MODEL: Final[Mapping[str, Handler]] = {"apply_plain_together": apply_together, "apply_together": apply_together}
"""By name; a test compares the names with those of together.sql."""
