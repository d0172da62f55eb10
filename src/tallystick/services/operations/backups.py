"""What belongs to a backup of the books beside the database, and whether a restored one is whole."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING, Final

from tallystick.services.operations.verification import verify
from tallystick.settings import has_master_key, load_master_keys
from tallystick.store.archive import check as archived
from tallystick.store.archive.files import directory_of
from tallystick.store.keys import master_keys
from tallystick.store.keys.sealed import any_secret, vault_of

if TYPE_CHECKING:
    from pathlib import Path

    from tallystick.db.connections import Pool
    from tallystick.services.operations.verification import VerificationReport
    from tallystick.settings import Settings

__all__ = ["ARCHIVE", "copy_archive", "master_key_opens", "restore_archive", "verify_restored"]

ARCHIVE: Final = "archive"
"""The name of the archive in a data directory, and of its copy among the files of a backup."""


def copy_archive(archive: Path, files: Path) -> int:
    """Copy what a backup lacks of the archive; how many files. What was written there once never changes.

    Raises OSError.
    """
    copied = 0
    for path in sorted(archive.rglob("*")) if archive.is_dir() else ():
        target = files / ARCHIVE / path.relative_to(archive)
        if path.is_file() and (not target.exists() or target.stat().st_mtime_ns != path.stat().st_mtime_ns):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = target.with_name(f"{target.name}.new")
            shutil.copy2(path, draft)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.rename(target)
            copied += 1
    return copied


async def restore_archive(pool: Pool, files: Path, archive: Path) -> list[str]:
    """Copy the batches that the restored books know of; what is wrong with them, in words. Raises OSError."""
    known = await archived.known_batches(pool)
    for batch in known:
        kept = directory_of(files / ARCHIVE, *batch)
        if kept.is_dir():
            shutil.copytree(kept, directory_of(archive, *batch))
    if not known:
        return []
    report = await archived.check(pool, archive)
    return report.problems


async def master_key_opens(pool: Pool, settings: Settings) -> bool:
    """Whether the master key of these settings opens what is sealed in the database; there may be nothing.

    Raises SettingsError: the key's file is damaged, or others may read it.
    """
    if await any_secret(pool) is None and not (await master_keys.read(pool)).all:
        return True
    if not has_master_key(settings):
        return False
    return await vault_of(pool, await asyncio.to_thread(load_master_keys, settings)) is not None


async def verify_restored(pool: Pool) -> VerificationReport:
    """Prove the restored books. Raises DamagedError."""
    return await verify(pool)
