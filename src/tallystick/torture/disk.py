"""A small disk of one's own, which can be filled: a tmpfs. To mount one takes root."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEGABYTES: Final = 512
_PIECE: Final = bytes(1 << 16)


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A directory on a disk that is soon full."""

    directory: Path

    @property
    def _ballast(self) -> Path:
        return self.directory / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        piece = _PIECE
        try:
            while piece:
                try:
                    os.write(descriptor, piece)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    piece = piece[: len(piece) // 2]
        finally:
            os.close(descriptor)

    def empty(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(directory: Path) -> Iterator[SmallDisk | None]:
    """A small disk at `directory`, which exists, while this is open; None where this machine does not let us."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        yield None
        return
    command = (mount, "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0700", "tmpfs", str(directory))
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:  # noqa: S603 - arguments of our own
        yield None
        return
    try:
        yield SmallDisk(directory)
    finally:
        subprocess.run((umount, "--lazy", str(directory)), check=False, capture_output=True)  # noqa: S603 - as above
