"""Delete expired history: old refusals, announced events, visits, requests.

In batches, each a commit of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
_MAX_BATCHES: Final = 500  # of a pass; the next one goes on


async def answers(pool: Pool, now: datetime) -> int:
    """Refusals whose references are free again; how many. Test clocks are ahead of `now`, so none goes too early."""
    return await _delete(pool, _SQL["answers"], now - REFERENCE_LIFETIME)


async def addresses(pool: Pool, now: datetime) -> int:
    """Names and delivery addresses in old agreements of closed accounts; of how many."""

    async def batch() -> int:
        due = await pool.fetch(_SQL["addresses_due"], now - EVIDENCE_NAMES_PEOPLE, MAX_AT_ONCE)
        if due:  # two statements: Citus changes no rows of books by what a reference table says
            columns = [row["book_id"] for row in due], [row["authorization_id"] for row in due]
            await pool.execute(_SQL["addresses"], *columns)
        return len(due)

    return await _in_batches(batch)


async def events(pool: Pool, before: datetime) -> int:
    """Events that were announced before a moment and have arrived, or were wanted by nobody; how many."""
    return await _delete(pool, _SQL["events"], before)


async def happenings(pool: Pool, before: datetime) -> int:
    """Events that programs could read until now, numbered before a moment; how many."""
    return await _delete(pool, _SQL["happenings"], before)


async def webhook_deliveries(pool: Pool, before: datetime) -> int:
    """Deliveries to endpoints that are over, announced before a moment; how many."""
    return await _delete(pool, _SQL["webhook_deliveries"], before)


async def visits(pool: Pool, now: datetime) -> int:
    """Visits of long ago; how many."""
    return await _delete(pool, _SQL["visits"], now - UNFINISHED_VISITS_KEPT, now - VISITS_KEPT)


async def requests(pool: Pool, before: datetime) -> int:
    """Requests as they came, received before a moment; how many."""
    return await _delete(pool, _SQL["requests"], before)


async def trace_links(pool: Pool, before: datetime) -> int:
    """In whose traces transactions were made, noted before a moment; how many."""
    return await _delete(pool, _SQL["trace_links"], before)


async def _delete(pool: Pool, statement: str, before: datetime, *more: datetime) -> int:
    async def batch() -> int:
        tag = await pool.execute(statement, before, MAX_AT_ONCE, *more)
        return int(tag.rpartition(" ")[2])

    return await _in_batches(batch)


async def _in_batches(batch: Callable[[], Awaitable[int]]) -> int:
    """Run `batch`, which says how many rows it changed, until one is not full; how many it changed in all."""
    gone = 0
    for _ in range(_MAX_BATCHES):
        count = await batch()
        gone += count
        if count < MAX_AT_ONCE:
            break
    return gone
