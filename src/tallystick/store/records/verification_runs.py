"""Verification runs of the books (proofs): asked for, done by a worker one at a time, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database
    from tallystick.domain.ids import PartyId

_SQL: Final = load_statements("verification_runs.sql", __package__)


@dataclass(frozen=True, slots=True)
class VerificationRun:
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
    def state(self) -> str:
        """``waiting``, ``running``, ``failed``, ``problems`` or ``clean``."""
        if self.finished_at is None:
            return "waiting" if self.started_at is None else "running"
        if self.failure is not None:
            return "failed"
        return "problems" if self.problems else "clean"


async def ask(database: Database, asked_by: PartyId | None, now: datetime) -> bool:
    """Ask for a proof; False when one waits or runs already: its result will do."""
    asked = await database.fetchval(_SQL["ask"], now, asked_by)
    return bool(asked)


async def last_asked_at(database: Database) -> datetime | None:
    """When the latest proof was asked for."""
    asked: datetime | None = await database.fetchval(_SQL["last_asked_at"])
    return asked


async def claim(database: Database, now: datetime, until: datetime) -> int | None:
    """Claim the proof that is due, with a lease until `until`; its number, or None."""
    number: int | None = await database.fetchval(_SQL["claim"], now, until)
    return number


async def hold(database: Database, run_id: int, until: datetime) -> None:
    """Renew the lease of a run, until `until`."""
    await database.execute(_SQL["hold"], run_id, until)


async def finish(
    database: Database, run_id: int, now: datetime, *, problems: int, unexplained_micros: int, report: Mapping[str, Any]
) -> None:
    """Keep the result of a proof."""
    await database.execute(_SQL["finish"], run_id, now, problems, unexplained_micros, report)


async def give_up(database: Database, run_id: int, now: datetime, failure: str) -> None:
    """Record why a proof came to no result."""
    await database.execute(_SQL["give_up"], run_id, now, failure)


async def latest(database: Database, count: int, before: int | None = None) -> list[VerificationRun]:
    """The latest proofs, newest first: before a number, or from the newest on."""
    rows = await database.fetch(_SQL["latest"], count, before)
    return [VerificationRun(**row) for row in rows]


async def latest_result(database: Database) -> VerificationRun | None:
    """The latest proof that came to a result."""
    row = await database.fetchrow(_SQL["latest_result"])
    return None if row is None else VerificationRun(**row)


async def find(database: Database, run_id: int) -> VerificationRun | None:
    """The proof with this number."""
    row = await database.fetchrow(_SQL["find"], run_id)
    return None if row is None else VerificationRun(**row)
