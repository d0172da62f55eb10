"""How much room is left on the disk of the data directory: the embedded database and the archive are there.

The disk of a database server of its own is not in sight.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from tallystick.settings import Settings

FULL_BYTES: Final = 16 << 20
"""With less than this, the next piece of the database's log, or of a table, may not fit: it is as good as full."""

SCARCE_BYTES: Final = 2 << 30
SCARCE_SHARE: Final = 0.1
"""Room is scarce with less than this share of the disk, if that is less than SCARCE_BYTES."""


@dataclass(frozen=True, slots=True)
class Room:
    """The room on the disk that a directory is on, in bytes; `free`: what is left for us."""

    path: Path
    total: int
    free: int

    @property
    def full(self) -> bool:
        """Whether nothing can be written any more, or at any moment."""
        return self.free < FULL_BYTES

    @property
    def scarce(self) -> bool:
        """Whether an operator should make room now."""
        return self.free < min(SCARCE_BYTES, int(SCARCE_SHARE * self.total))

    @property
    def told(self) -> str:
        """What is to be told to people."""
        return (
            f"the disk of {self.path} has {self.free >> 20} MB left of {self.total >> 20} MB: make room, or move the "
            "data to a larger one"
        )


def room_for_data(settings: Settings) -> Room | None:
    """The room for the data directory; None where there is none yet."""
    try:
        usage = shutil.disk_usage(settings.data_directory)
    except OSError:
        return None
    return Room(settings.data_directory, usage.total, usage.free)
