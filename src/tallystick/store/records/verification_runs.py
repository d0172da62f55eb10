"""Proofs of the books: asked for, done by a worker, one at a time, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallystick.db.connections import Database
    from tallystick.domain.ids import PartyId


@dataclass(frozen=True, slots=True)
class Run:
    """One proof. `problems`, `unexplained_micros` and `report` are None without a result; `failure` says why none came.

    `asked_by_email` is None when nobody asked: it was time for one.
    """

    run_id: int
    asked_at: datetime
    asked_by_email: str | None
    started_at: datetime | None
    finished_at: datetime | None
    failure: str | None
    problems: int | None
    unexplained_micros: int | None
    report: Mapping[str, Any] | None

    @property
    def standing(self) -> str:
        """``waiting``, ``running``, ``failed``, ``problems`` or ``clean``."""
        if self.finished_at is None:
            return "waiting" if self.started_at is None else "running"
        if self.failure is not None:
            return "failed"
        return "problems" if self.problems else "clean"


_RUNS = """
SELECT run_id, asked_at, party.email AS asked_by_email, started_at, finished_at, failure, problems, unexplained_micros,
       report
  FROM verification_run LEFT JOIN party ON party.party_id = asked_by
"""


async def ask(database: Database, asked_by: PartyId | None, now: datetime) -> bool:
    """Ask for a proof; False when one waits or runs already: its result will do."""
    asked = await database.fetchval(
        "INSERT INTO verification_run (asked_at, asked_by, due_at) VALUES ($1, $2, $1)"
        " ON CONFLICT DO NOTHING RETURNING true",
        now,
        asked_by,
    )
    return bool(asked)


async def last_asked_at(database: Database) -> datetime | None:
    """When the latest proof was asked for."""
    asked: datetime | None = await database.fetchval(
        "SELECT asked_at FROM verification_run ORDER BY run_id DESC LIMIT 1"
    )
    return asked


async def claim(database: Database, now: datetime, until: datetime) -> int | None:
    """Take the proof that is due, until `until`; its number, or None."""
    number: int | None = await database.fetchval(
        "UPDATE verification_run SET due_at = $2, started_at = $1 WHERE finished_at IS NULL AND due_at <= $1"
        " RETURNING run_id",
        now,
        until,
    )
    return number


async def hold(database: Database, run_id: int, until: datetime) -> None:
    """Say that somebody is still at it, until `until`."""
    await database.execute(
        "UPDATE verification_run SET due_at = $2 WHERE run_id = $1 AND finished_at IS NULL", run_id, until
    )


async def finish(
    database: Database, run_id: int, now: datetime, *, problems: int, unexplained_micros: int, report: Mapping[str, Any]
) -> None:
    """Keep the result of a proof."""
    await database.execute(
        "UPDATE verification_run SET due_at = NULL, finished_at = $2, problems = $3, unexplained_micros = $4,"
        " report = $5 WHERE run_id = $1 AND finished_at IS NULL",
        run_id,
        now,
        problems,
        unexplained_micros,
        report,
    )


async def give_up(database: Database, run_id: int, now: datetime, failure: str) -> None:
    """Say why a proof came to no result."""
    await database.execute(
        "UPDATE verification_run SET due_at = NULL, finished_at = $2, failure = $3"
        " WHERE run_id = $1 AND finished_at IS NULL",
        run_id,
        now,
        failure,
    )


async def latest(database: Database, count: int, before: int | None = None) -> list[Run]:
    """The latest proofs, newest first: before a number, or from the newest on."""
    rows = await database.fetch(
        _RUNS + " WHERE $2::bigint IS NULL OR run_id < $2 ORDER BY run_id DESC LIMIT $1", count, before
    )
    return [Run(**row) for row in rows]


async def latest_result(database: Database) -> Run | None:
    """The latest proof that came to a result."""
    row = await database.fetchrow(_RUNS + " WHERE problems IS NOT NULL ORDER BY run_id DESC LIMIT 1")
    return None if row is None else Run(**row)


async def find(database: Database, run_id: int) -> Run | None:
    """The proof with this number."""
    row = await database.fetchrow(_RUNS + " WHERE run_id = $1", run_id)
    return None if row is None else Run(**row)
