"""Old history out of the books, into files that can be proven. How it moves is in store/archive."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.services.events.numbering import number_waiting
from tallystick.services.operations import audit
from tallystick.store.archive import archive as stored
from tallystick.store.archive.archive import AlreadyRunningError, ArchivedBatch, TooRecentError
from tallystick.store.archive.check import ArchiveReport
from tallystick.store.archive.check import check as check_files
from tallystick.store.archive.check import restore_references as restored
from tallystick.store.archive.files import ArchiveError
from tallystick.store.queries.debts import LONGEST_AGE

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tallystick.domain.ids import BookId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "DEBTS_TOLD_APART",
    "AlreadyRunningError",
    "ArchiveError",
    "ArchiveReport",
    "ArchivedBatch",
    "TooRecentError",
]

DEBTS_TOLD_APART: Final[timedelta] = LONGEST_AGE
"""Debts are told apart by the age of their purchases, up to this; what is archived counts as older."""

_DIRECTORY: Final = "archive"


async def archive(
    service: Service, actor: Actor, before: datetime, directory: Path | None = None
) -> list[ArchivedBatch]:
    """Move out of every book what was completed before a moment of its clock; the batches that left.

    Each batch is a commit of its own, so the row in the audit log comes at the end, also of a run that was interrupted:
    it counts what has left by then. Raises TooRecentError, AlreadyRunningError, ArchiveError, OSError.
    """
    root, batches = place(service, directory), list[ArchivedBatch]()
    await number_waiting(service)  # what they hold is read from what leaves now
    try:
        async for batch in stored.archive(service.pool, root, before, service.clock()):
            batches.append(batch)
    finally:
        if batches:
            await audit.record(
                service.pool,
                actor,
                "books.archive",
                str(root),
                details={
                    "before": before.isoformat(),
                    "batches": len(batches),
                    "transactions": sum(batch.transactions for batch in batches),
                },
                at=service.clock(),
            )
    return batches


async def held_back(service: Service, before: datetime) -> list[tuple[BookId, datetime]]:
    """Books in which settled history from before a moment is left, for whatever reason, and from when on."""
    return await stored.held_back(service.pool, before)


async def restore_references(service: Service, directory: Path | None = None) -> int:
    """Have the references of all that is archived be spent, where an older release freed them; of how many.

    Raises ArchiveError, OSError.
    """
    return await restored(service.pool, place(service, directory))


async def check(service: Service, directory: Path | None = None) -> ArchiveReport:
    """Read the whole archive and prove it. Raises ArchiveError, OSError."""
    return await check_files(service.pool, place(service, directory))


def place(service: Service, directory: Path | None = None) -> Path:
    """Where the archive is: as told, else in the data directory."""
    return directory or service.settings.data_directory / _DIRECTORY
