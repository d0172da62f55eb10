"""The directory of one installation: master key, embedded database. Nobody else may look into it."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Final

_OURS: Final = ("postgres", "postgres.lock", "master.key")
"""What shows that a directory is used by Tallystick alone."""

logger = logging.getLogger(__name__)


class OpenDirectoryError(Exception):
    """Others may look into the data directory, and it is not ours to close; the message says what to do."""


def make_closed(directory: Path) -> None:
    """Make the directory, or see to it that an existing one is closed to everybody else, before anything is written.

    As root its group may pass through it, without looking: the server, which is another user, has to
    (`server_user.py`). Raises OpenDirectoryError, OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.stat()
    mode = stat.S_IMODE(status.st_mode)
    others = mode & (stat.S_IRWXG | stat.S_IRWXO)
    if not others or (others == stat.S_IXGRP and os.geteuid() == 0):
        return
    names = {entry.name for entry in directory.iterdir()}
    if mode & stat.S_ISVTX or (names and names.isdisjoint(_OURS)):
        raise OpenDirectoryError(
            f"{directory} may be read by other users and holds something else; run: chmod 700 {directory}, or set "
            "TALLYSTICK_DATA_DIRECTORY to a directory of its own"
        )
    logger.warning("other users could look into %s, which had the mode %o; it is closed now", directory, mode)
    directory.chmod(stat.S_IRWXU)
