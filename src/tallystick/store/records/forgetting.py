"""Delete expired history: old refusals, announced events, visits, requests.

In batches, each a commit of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from tallystick.db.connections import Pool
from tallystick.db.statements import load_statements
from tallystick.domain.decide import REFERENCE_LIFETIME

_SQL: Final = load_statements("forgetting.sql", __package__)

UNFINISHED_VISITS_KEPT: Final = timedelta(days=7)
"""Visits that nobody confirmed or left; they could not be gone on with after a day."""

VISITS_KEPT: Final = timedelta(days=365)
"""Finished visits: a request that is sent once more within this time is answered with the same ids."""

EVIDENCE_NAMES_PEOPLE: Final = timedelta(days=3653)
"""How long name and delivery address stay in what was agreed to after an account is closed, counted from when it was
agreed: ten years, the longest for which business records have to be kept, and claims can be made, in most countries."""

MAX_AT_ONCE: Final = 20_000
_MAX_PIECES: Final = 500  # of a pass; the next one goes on


async def answers(pool: Pool, now: datetime) -> int:
    """Refusals whose references are free again; how many. Test clocks are ahead of `now`, so none goes too early."""
    return await _piece_by_piece(pool, _SQL["answers"], now - REFERENCE_LIFETIME)


async def addresses(pool: Pool, now: datetime) -> int:
    """Names and delivery addresses in old agreements of closed accounts; of how many."""
    gone = 0
    for _ in range(_MAX_PIECES):
        due = await pool.fetch(_SQL["addresses_due"], now - EVIDENCE_NAMES_PEOPLE, MAX_AT_ONCE)
        if due:  # two statements: Citus changes no rows of books by what a reference table says
            columns = [row["book_id"] for row in due], [row["authorization_id"] for row in due]
            await pool.execute(_SQL["addresses"], *columns)
        gone += len(due)
        if len(due) < MAX_AT_ONCE:
            break
    return gone


async def events(pool: Pool, before: datetime) -> int:
    """Events that were announced before a moment and have arrived, or were wanted by nobody; how many."""
    return await _piece_by_piece(pool, _SQL["events"], before)


async def visits(pool: Pool, now: datetime) -> int:
    """Visits of long ago; how many."""
    return await _piece_by_piece(pool, _SQL["visits"], now - UNFINISHED_VISITS_KEPT, now - VISITS_KEPT)


async def requests(pool: Pool, before: datetime) -> int:
    """Requests as they came, received before a moment; how many."""
    return await _piece_by_piece(pool, _SQL["requests"], before)


async def _piece_by_piece(pool: Pool, statement: str, before: datetime, *more: datetime) -> int:
    gone = 0
    for _ in range(_MAX_PIECES):
        tag = await pool.execute(statement, before, MAX_AT_ONCE, *more)
        piece = int(tag.rpartition(" ")[2])
        gone += piece
        if piece < MAX_AT_ONCE:
            break
    return gone
