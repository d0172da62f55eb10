"""Mail to people: written down at once, sent by the worker, kept for a while so that operators can look.

What a letter says is sealed until it was sent: links and codes in it open accounts, and whoever can read the database,
or a backup of it, must not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database
    from tallystick.store.keys.vault import Vault

_SQL: Final = load_statements("mail.sql", __package__)

KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Mail:
    """One letter. `body` is None once it was sent, and its `subject` without the code that stood in it.

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


async def write(
    database: Database,
    vault: Vault,
    recipient: str,
    subject: str,
    body: str,
    now: datetime,
    *,
    shown: str | None = None,
) -> None:
    """Queue a letter. `shown`: its subject as it may be kept, where that is not the subject itself."""
    sealed = vault.seal(msgspec.json.encode((subject, body)), seal_context(recipient))
    await database.execute(_SQL["write"], recipient, subject if shown is None else shown, sealed, now)


async def latest(database: Database, vault: Vault, maximum: int) -> list[Mail]:
    """The newest letters, newest first."""
    rows = await database.fetch(_SQL["latest"], maximum)
    return [_mail(row, vault) for row in rows]


async def claim(
    database: Database, vault: Vault, now: datetime, until: datetime, *, written_after: datetime, maximum: int
) -> list[Mail]:
    """Claim letters that are due and not too old, with a lease until `until`. Each counts as tried."""
    rows = await database.fetch(_SQL["claim"], now, until, written_after, maximum)
    return [_mail(row, vault) for row in rows]


async def mark_sent(database: Database, mail_id: int, now: datetime) -> None:
    """It was sent: its body is deleted."""
    await database.execute(_SQL["mark_sent"], mail_id, now)


async def put_off(database: Database, mail_id: int, due_at: datetime | None, error: str) -> None:
    """Sending failed; try again at `due_at`, or with None never."""
    await database.execute(_SQL["put_off"], mail_id, due_at, error)


async def sweep(database: Database, now: datetime) -> None:
    """Forget old letters."""
    await database.execute(_SQL["sweep"], now - KEPT)


def seal_context(recipient: str) -> str:
    """Where the text of a letter belongs."""
    return f"letter to {recipient}"


def _mail(row: asyncpg.Record, vault: Vault) -> Mail:
    subject, body = row["subject"], row["body"]
    if row["sealed"] is not None:
        subject, body = msgspec.json.decode(
            vault.open(row["sealed"], seal_context(row["recipient"])), type=tuple[str, str]
        )
    return Mail(
        mail_id=row["mail_id"],
        recipient=row["recipient"],
        subject=subject,
        body=body,
        written_at=row["written_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        sent_at=row["sent_at"],
        last_error=row["last_error"],
    )
