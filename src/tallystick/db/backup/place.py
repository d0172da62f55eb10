"""A directory of backups: base backups by the moment when they were done, and the log since the oldest.

    <directory>/backups.json      whose backups these are
                base/20261129T103000Z/    the server's files, as pg_basebackup writes them
                base/20261129T103000Z.json
                log/              the server's log, segment by segment
                files/            what belongs to the books and is not in the database: the archive

A base backup is there when its `.json` is.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from tallystick.db.backup.source import BackupError, BackupSource

FORMAT: Final = 1
_LABEL: Final = "backups.json"
_LOCK: Final = "backups.lock"


class Label(msgspec.Struct, frozen=True):
    """Whose backups these are. `superuser` and `database`: as whom, and to what, a restored server is asked."""

    format: int
    system_identifier: str
    major: int
    segment_bytes: int
    superuser: str
    database: str


class Base(msgspec.Struct, frozen=True):
    """A base backup. Any moment from `finished_at` on can be restored from it, as far as the log goes.

    `first_segment`: of the log that it needs.
    """

    name: str
    started_at: datetime
    finished_at: datetime
    first_segment: str
    bytes: int


@dataclass(frozen=True, slots=True)
class BackupPlace:
    """The directory of the backups of one server."""

    directory: Path

    @property
    def bases(self) -> Path:
        """Where base backups are."""
        return self.directory / "base"

    @property
    def log(self) -> Path:
        """Where the log is."""
        return self.directory / "log"

    @property
    def files(self) -> Path:
        """Where copies of files are that belong to the books."""
        return self.directory / "files"

    def prepare(self, source: BackupSource) -> None:
        """Make the directory, closed to all others, or see that it is this server's. Raises BackupError, OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = Label(
            FORMAT,
            source.system_identifier,
            source.major,
            source.segment_bytes,
            source.superuser,
            source.database,
        )
        path = self.directory / _LABEL
        if not path.exists():
            if any(entry.name != _LOCK for entry in self.directory.iterdir()):
                raise BackupError(f"{self.directory} holds something else; give backups a directory of their own")
            write_whole(path, msgspec.json.encode(ours))
        elif (label := self.label()).system_identifier != ours.system_identifier or label.major != ours.major:
            raise BackupError(f"{self.directory} has the backups of another server; use another directory")
        for directory in (self.bases, self.log, self.files):
            directory.mkdir(mode=0o700, exist_ok=True)

    def label(self) -> Label:
        """Whose backups these are. Raises BackupError: there are none."""
        try:
            label = msgspec.json.decode((self.directory / _LABEL).read_bytes(), type=Label)
        except FileNotFoundError:
            raise BackupError(f"there are no backups in {self.directory}") from None
        except (msgspec.DecodeError, OSError) as error:
            raise BackupError(f"{self.directory / _LABEL} cannot be read: {error}") from None
        if label.format != FORMAT:
            raise BackupError(f"{self.directory} was written by another version of Tallystick")
        return label

    def list_bases(self) -> list[Base]:
        """All base backups that are done, the oldest first. Raises BackupError."""
        self.label()
        try:
            found = [msgspec.json.decode(path.read_bytes(), type=Base) for path in self.bases.glob("*.json")]
        except (msgspec.DecodeError, OSError) as error:
            raise BackupError(f"the list of backups in {self.bases} cannot be read: {error}") from None
        return sorted(found, key=lambda base: base.finished_at)

    def path_of(self, base: Base) -> Path:
        """Where its files are."""
        return self.bases / base.name

    def enter(self, base: Base) -> None:
        """Have a base backup count, all of whose files are on disk. Raises OSError."""
        write_whole(self.bases / f"{base.name}.json", msgspec.json.encode(base))

    def remove(self, base: Base) -> None:
        """Delete a base backup: first it counts no more. Raises OSError."""
        (self.bases / f"{base.name}.json").unlink()
        shutil.rmtree(self.path_of(base))

    @contextmanager
    def only_us(self) -> Iterator[None]:
        """Hold the directory against other processes that would make backups in it. Raises BackupError, OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise BackupError(f"another process makes backups in {self.directory}") from None
        finally:
            os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole, or not at all. Raises OSError."""
    draft = path.with_name(f"{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
