"""Which directory a server's data belong to, so that a copy that was made while the server ran is recognised.

The files of such a copy were read one after the other: they are of different moments, and what PostgreSQL makes of
them can lack payments without a word. `tallystick.identity` in the data says where they were when the server last
started, and whether it was stopped since.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

NAME: Final = "tallystick.identity"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_CONTROL: Final = struct.Struct("=QIIi")
"""The beginning of `global/pg_control`: the system identifier, two versions, the state of the cluster."""

_SHUT_DOWN: Final = 1


class CopiedDataError(Exception):
    """The data were copied while their server ran; the message tells what to do."""


class Identity(msgspec.Struct, frozen=True):
    """Where the data of a server are, as its starter sees them.

    `boot_id`: of the running system, empty where it has none: a device may have another number after a restart.
    `running`: whether the server was started and not stopped.
    """

    path: str
    device: int
    inode: int
    system_identifier: int
    boot_id: str
    running: bool

    def is_here(self, now: Identity) -> bool:
        """Whether it is the same directory, perhaps under another name: a copy has an inode of its own."""
        same_device = self.device == now.device or self.boot_id != now.boot_id
        return (self.inode, self.system_identifier) == (now.inode, now.system_identifier) and same_device


def check_not_copied(data: Path) -> None:
    """Refuse data that were copied from a running server, before they are started. Raises CopiedDataError, OSError.

    A base backup is such a copy, too; it has what PostgreSQL needs to put it right (`backup_label`).
    """
    kept = _read(data)
    if kept is None or (data / "backup_label").exists() or kept.is_here(_identity(data, running=False)):
        return
    if not kept.running and not (data / "postmaster.pid").exists() and _state(data) == _SHUT_DOWN:
        return
    raise CopiedDataError(
        f"{data} is a copy of {kept.path} that was made while its database ran (or after it was killed): its files are "
        "of different moments. Use tallystick backup and tallystick restore. If the database was certainly not running "
        f"while its files were copied, such as from the disk of a broken machine, remove {data / NAME} and start again"
    )


def note_identity(data: Path, *, running: bool) -> None:
    """Write down where the data are, and whether their server runs from now on. Raises OSError."""
    draft = data / f"{NAME}.new"
    draft.unlink(missing_ok=True)  # O_EXCL: whoever owns the directory must not lead root elsewhere by a link
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        owner = data.stat()
        if os.geteuid() == 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)  # the server reads it, for base backups
        os.write(descriptor, msgspec.json.encode(_identity(data, running=running)) + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.rename(data / NAME)


def forget_identity(data: Path) -> None:
    """Forget where the data were, when a base backup becomes data of their own. Raises OSError."""
    (data / NAME).unlink(missing_ok=True)


def system_identifier(data: Path) -> int:
    """The number that PostgreSQL gave to the cluster when it was made; all copies have it. Raises OSError."""
    return int(_control(data)[0])


def _identity(data: Path, *, running: bool) -> Identity:
    status = data.stat()
    boot_id = ""
    with suppress(OSError):
        boot_id = _BOOT_ID.read_text("ascii").strip()
    return Identity(str(data), status.st_dev, status.st_ino, system_identifier(data), boot_id, running)


def _read(data: Path) -> Identity | None:
    """What was written down; None where nothing was, or nothing that can be read."""
    try:
        return msgspec.json.decode((data / NAME).read_bytes(), type=Identity)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _state(data: Path) -> int:
    return int(_control(data)[3])


def _control(data: Path) -> tuple[int, ...]:
    with (data / "global" / "pg_control").open("rb") as file:
        return _CONTROL.unpack(file.read(_CONTROL.size))
