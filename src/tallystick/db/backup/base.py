"""Base backups: made while the server runs, checked, and deleted when they are too old."""

from __future__ import annotations

import asyncio
import re
import shutil
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from tallystick.db.backup.log import forget_before, gaps, segments
from tallystick.db.backup.manifest import LogRange, ManifestError, differences, read_manifest
from tallystick.db.backup.place import Base
from tallystick.db.backup.source import BackupError, program_of
from tallystick.db.embedded.binaries import Binaries, NoBinariesError, find_binaries
from tallystick.db.embedded.environment import bare_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tallystick.db.backup.place import BackupPlace
    from tallystick.db.backup.source import BackupSource

MOST_DIFFERENCES: Final = 20
_START: Final = re.compile(r"^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)$", re.MULTILINE)


async def take(source: BackupSource, place: BackupPlace, clock: Callable[[], datetime]) -> Base:
    """Make a base backup and check it; payments go on meanwhile. Raises BackupError, OSError."""
    started_at = clock()
    name = f"{started_at:%Y%m%dT%H%M%SZ}"
    draft = place.bases / f"{name}.new"
    if draft.exists() or (place.bases / name).exists():
        raise BackupError(f"there is a backup {name} already; try again in a second")
    for left in place.bases.glob("*.new"):
        shutil.rmtree(left)
    await source.run(
        "pg_basebackup",
        f"--pgdata={draft}",
        "--format=plain",
        "--wal-method=stream",  # it can be restored by itself, to its own end
        "--checkpoint=fast",
        "--manifest-checksums=SHA256",
        f"--label=tallystick {name}",
    )
    await verify(source.binaries, draft)
    found = _START.search((draft / "backup_label").read_text("utf-8"))
    if found is None:
        raise BackupError(f"{draft} says nothing of where its log begins")
    files = [path for path in draft.rglob("*") if path.is_file()]
    base = Base(name, started_at, clock(), found[1], sum(path.stat().st_size for path in files))
    draft.rename(place.path_of(base))
    place.enter(base)
    return base


async def check(place: BackupPlace) -> list[str]:
    """Read all base backups, compare every file with what was written, and look for gaps in the log.

    What is wrong, in words. Raises BackupError, OSError.
    """
    label, bases = place.label(), place.list_bases()
    try:
        binaries = find_binaries(label.major)
    except NoBinariesError as error:
        raise BackupError(str(error)) from None
    problems = [] if bases else [f"there is no backup in {place.directory} yet"]
    for base in bases:
        try:
            await verify(binaries, place.path_of(base))
        except BackupError as error:
            problems.append(f"the backup {base.name}: {error}")
    log = segments(place.log, label.segment_bytes)
    for segment in log:
        path = place.log / f"{segment.name}{'.partial' if segment.partial else ''}"
        if path.exists() and path.stat().st_size != label.segment_bytes:
            problems.append(f"the log's segment {path.name} has {path.stat().st_size} bytes")
    if bases:
        problems += gaps(log, bases[0], label.segment_bytes)
    return problems


def forget_old(place: BackupPlace, keep: timedelta, now: datetime) -> list[Base]:
    """Delete base backups that no moment within `keep` needs, with their log; which they were.

    The newest stays, whatever its age, and so does the one that the oldest such moment is restored from. Raises
    BackupError, OSError.
    """
    bases = place.list_bases()
    needed = [base for base in bases if base.finished_at > now - keep]
    older = [base for base in bases if base.finished_at <= now - keep]
    kept = [*older[-1:], *needed]
    gone = [base for base in bases if base not in kept]
    for base in gone:
        place.remove(base)
    if kept:
        forget_before(place, kept[0], place.label().segment_bytes)
    return gone


async def verify(binaries: Binaries, directory: Path) -> None:
    """Compare every file of a base backup with its manifest, and read the log in it. Raises BackupError, OSError."""
    try:
        manifest = await asyncio.to_thread(read_manifest, directory)
    except ManifestError as error:
        raise BackupError(str(error)) from None
    found = await asyncio.to_thread(lambda: list(islice(differences(directory, manifest), MOST_DIFFERENCES)))
    if found:
        raise BackupError("; ".join(found))
    for part in manifest.log:
        await _read_log(binaries, directory / "pg_wal", part)


async def _read_log(binaries: Binaries, log: Path, part: LogRange) -> None:
    """Read a part of the log: each record has a checksum of its own. Raises BackupError."""
    process = await asyncio.create_subprocess_exec(
        program_of(binaries, "pg_waldump"),
        "--quiet",
        f"--path={log}",
        f"--timeline={part.timeline}",
        f"--start={part.start}",
        f"--end={part.end}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=bare_environment(),
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise BackupError(f"its log cannot be read: {said.decode('utf-8', 'replace').strip()}")
