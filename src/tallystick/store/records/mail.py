"""Mail to people: written down at once, sent by the worker, kept for a while so that operators can look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

_SQL: Final = load_statements("mail.sql", __package__)

KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Mail:
    """One letter. `body` is None once it was sent: it may have held a link that opens an account.

    `due_at`: when it is tried next; None once it was sent or given up. `last_error`: why the last try failed.
    """

    mail_id: int
    recipient: str
    subject: str
    body: str | None
    written_at: datetime
    due_at: datetime | None
    attempts: int
    sent_at: datetime | None
    last_error: str | None

    @property
    def state(self) -> str:
        """``sent``, ``given up``, ``trying again`` or ``waiting``."""
        if self.sent_at is not None:
            return "sent"
        if self.due_at is None:
            return "given up"
        return "trying again" if self.attempts else "waiting"


async def write(database: Database, recipient: str, subject: str, body: str, now: datetime) -> None:
    """Queue a letter."""
    await database.execute(_SQL["write"], recipient, subject, body, now)


async def latest(database: Database, maximum: int) -> list[Mail]:
    """The newest letters, newest first."""
    rows = await database.fetch(_SQL["latest"], maximum)
    return [_mail(row) for row in rows]


async def claim(
    database: Database, now: datetime, until: datetime, *, written_after: datetime, maximum: int
) -> list[Mail]:
    """Claim letters that are due and not too old, with a lease until `until`. Each counts as tried."""
    rows = await database.fetch(_SQL["claim"], now, until, written_after, maximum)
    return [_mail(row) for row in rows]


async def mark_sent(database: Database, mail_id: int, now: datetime) -> None:
    """It was sent: its body is deleted."""
    await database.execute(_SQL["mark_sent"], mail_id, now)


async def put_off(database: Database, mail_id: int, due_at: datetime | None, error: str) -> None:
    """Sending failed; try again at `due_at`, or with None never."""
    await database.execute(_SQL["put_off"], mail_id, due_at, error)


async def sweep(database: Database, now: datetime) -> None:
    """Forget old letters."""
    await database.execute(_SQL["sweep"], now - KEPT)


def _mail(row: asyncpg.Record) -> Mail:
    return Mail(
        mail_id=row["mail_id"],
        recipient=row["recipient"],
        subject=row["subject"],
        body=row["body"],
        written_at=row["written_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        sent_at=row["sent_at"],
        last_error=row["last_error"],
    )
