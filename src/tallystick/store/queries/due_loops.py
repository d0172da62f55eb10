"""Which of the worker's loops have something to do: one question for all of them, since most of the time none has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.db.connections import Database

_SQL: Final = load_statements("due_loops.sql", __package__)


async def due_loops(
    database: Database, now: datetime, *, redemptions_before: datetime, letters_after: datetime
) -> frozenset[str]:
    """Names of loops that would find something at `now`, which is real time.

    Of redemptions only what was asked for, and last claimed, before `redemptions_before` is left over by somebody; of
    letters only what was written after `letters_after` is still sent.
    """
    rows = await database.fetch(_SQL["due"], now, redemptions_before, letters_after)
    return frozenset(row["loop"] for row in rows)
