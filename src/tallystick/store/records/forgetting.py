"""Delete what nobody asks for any more: old answers, announced events, visits, requests.

Pieces are commits of their own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from tallystick.db.connections import Pool
from tallystick.domain.decide import REFERENCE_LIFETIME

UNFINISHED_VISITS_KEPT: Final = timedelta(days=7)
"""Visits that nobody confirmed or left; they could not be gone on with after a day."""

VISITS_KEPT: Final = timedelta(days=365)
"""Finished visits: a request that is sent once more within this time is answered with the same ids."""

MAX_AT_ONCE: Final = 20_000
_MAX_PIECES: Final = 500  # of a pass; the next one goes on

_ANSWERS: Final = """
DELETE FROM answered_reference
 WHERE (book_id, caller_party_id, caller_reference) IN (
       SELECT book_id, caller_party_id, caller_reference FROM answered_reference WHERE answered_at <= $1 LIMIT $2)
   AND answered_at <= $1
"""
_EVENTS: Final = """
DELETE FROM outbox
 WHERE (book_id, event_id) IN (
       SELECT book_id, event_id FROM outbox
        WHERE announced_at <= $1 AND state IN ('delivered', 'unwanted') LIMIT $2)
   AND state IN ('delivered', 'unwanted')
"""
_VISITS: Final = """
DELETE FROM cobranded_visit
 WHERE visit_id IN (
       SELECT visit_id FROM cobranded_visit
        WHERE created_at <= $1 AND (answer IS NULL OR created_at <= $3) LIMIT $2)
"""
_REQUESTS: Final = """
DELETE FROM kept_request
 WHERE (book_id, transaction_id, request_id) IN (
       SELECT book_id, transaction_id, request_id FROM kept_request WHERE received_at <= $1 LIMIT $2)
   AND received_at <= $1
"""


async def answers(pool: Pool, now: datetime) -> int:
    """Answers to references that are free again; how many. Test clocks are ahead of `now`, so none goes too early."""
    return await _piece_by_piece(pool, _ANSWERS, now - REFERENCE_LIFETIME)


async def events(pool: Pool, before: datetime) -> int:
    """Events that were announced before a moment and have arrived, or were wanted by nobody; how many."""
    return await _piece_by_piece(pool, _EVENTS, before)


async def visits(pool: Pool, now: datetime) -> int:
    """Visits of long ago; how many."""
    return await _piece_by_piece(pool, _VISITS, now - UNFINISHED_VISITS_KEPT, now - VISITS_KEPT)


async def requests(pool: Pool, before: datetime) -> int:
    """Requests as they came, received before a moment; how many."""
    return await _piece_by_piece(pool, _REQUESTS, before)


async def _piece_by_piece(pool: Pool, statement: str, before: datetime, *more: datetime) -> int:
    gone = 0
    for _ in range(_MAX_PIECES):
        tag = await pool.execute(statement, before, MAX_AT_ONCE, *more)
        piece = int(tag.rpartition(" ")[2])
        gone += piece
        if piece < MAX_AT_ONCE:
            break
    return gone
