"""The server's log in a directory of backups: fetched all the time, checked for gaps, deleted when it is too old.

A segment's name is its timeline and its place in the log, in hexadecimal: 00000001 0000000A 000000FF.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.db.backup.source import SLOT, BackupError, BackupSource, end

if TYPE_CHECKING:
    from pathlib import Path

    from tallystick.db.backup.place import BackupPlace, Base

_SEGMENT: Final = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?")
BYTES_OF_A_LOG: Final = 1 << 32
_PAUSE_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A piece of the log. `number` counts from the beginning of the server; `partial`: it is not full yet."""

    number: int
    timeline: int
    name: str
    partial: bool


def segment_of(name: str, segment_bytes: int) -> Segment | None:
    """A segment by its file's name; None: it is none, such as a timeline's history."""
    found = _SEGMENT.fullmatch(name)
    if found is None:
        return None
    timeline, high, low = (int(part, 16) for part in found.groups()[:3])
    number = high * (BYTES_OF_A_LOG // segment_bytes) + low
    return Segment(number, timeline, name.removesuffix(".partial"), found[4] is not None)


def segments(directory: Path, segment_bytes: int) -> list[Segment]:
    """All segments in a directory, in the order of the log. Raises OSError."""
    return sorted(found for path in directory.iterdir() if (found := segment_of(path.name, segment_bytes)) is not None)


def gaps(found: Iterable[Segment], base: Base, segment_bytes: int) -> list[str]:
    """What is missing of the log from a base backup on, in words."""
    first = segment_of(base.first_segment, segment_bytes)
    if first is None:
        return [f"the backup {base.name} names no beginning of its log"]
    numbers = sorted({segment.number for segment in found if segment.number >= first.number})
    if not numbers:
        return []  # the base backup has what it needs itself
    missing = [
        f"the log lacks {after - before - 1} segments after number {before}"
        for before, after in zip([first.number - 1, *numbers], numbers, strict=False)
        if after > before + 1
    ]
    return [f"{each}, since the backup {base.name}" for each in missing]


def forget_before(place: BackupPlace, base: Base, segment_bytes: int) -> int:
    """Delete segments that only base backups older than `base` needed; how many. Raises OSError."""
    first = segment_of(base.first_segment, segment_bytes)
    old = [each for each in segments(place.log, segment_bytes) if first is not None and each.number < first.number]
    for segment in old:
        (place.log / f"{segment.name}{'.partial' if segment.partial else ''}").unlink()
    return len(old)


@asynccontextmanager
async def receiving(source: BackupSource, place: BackupPlace) -> AsyncIterator[asyncio.Task[None]]:
    """Fetch the log while this is open, each commit as soon as it is on the server's own disk.

    The server keeps what we have not fetched, also while nobody does (a replication slot). Where it breaks off, it is
    begun again. Raises BackupError: the slot cannot be made.
    """
    await source.run("pg_receivewal", f"--slot={SLOT}", "--create-slot", "--if-not-exists")
    task = asyncio.create_task(_receive(source, place))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _receive(source: BackupSource, place: BackupPlace) -> None:
    while True:
        process = await source.start(
            "pg_receivewal", f"--directory={place.log}", f"--slot={SLOT}", "--synchronous", "--no-loop"
        )
        try:
            said, _ = await process.communicate()
        finally:
            await end(process)
        text = said.decode("utf-8", "replace").strip()
        logger.warning("the log is not being backed up; this is tried again: %s", text)
        await asyncio.sleep(_PAUSE_SECONDS)
        try:  # another server may be the primary now, which has no slot yet
            await source.run("pg_receivewal", f"--slot={SLOT}", "--create-slot", "--if-not-exists")
        except BackupError as error:
            logger.warning("the server cannot be asked for its log: %s", error)
