"""How a new cluster of the embedded server is made."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tallystick.db.embedded.binaries import Binaries

INITDB_WITH_SETTINGS: Final = 16
BUILTIN_LOCALES: Final = 17
"""The first major versions of PostgreSQL that have these."""
LOG_SEGMENT_MEGABYTES: Final = 4


def initdb_command(binaries: Binaries, directory: Path, role: str, settings: Mapping[str, str]) -> Sequence[str | Path]:
    """Make a cluster in a directory, whose superuser is `role`."""
    # Who reaches the socket is the server's own user or root: the directory keeps everyone else out.
    access = (f"--username={role}", "--auth-local=trust", "--auth-host=reject")
    # A new piece of the log is filled with zeros while every commit waits: pieces of the default 16 MB, every few
    # seconds under load, kept one payment in a hundred waiting for as long.
    log = (f"--wal-segsize={LOG_SEGMENT_MEGABYTES}",)
    checksums = "--data-checksums"  # the default from 18 on
    given = [f"--set={name}={value}" for name, value in settings.items()] if _takes_settings(binaries) else []
    return (
        binaries.program("initdb"), f"--pgdata={directory}", *_locale(binaries.major), *access, *log, checksums, *given,
    )  # fmt: skip


def add_settings(binaries: Binaries, directory: Path, settings: Mapping[str, str]) -> None:
    """Add the settings to those of a new cluster, where initdb does not take them. Raises OSError."""
    if not _takes_settings(binaries):
        with (directory / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def _takes_settings(binaries: Binaries) -> bool:
    return binaries.major >= INITDB_WITH_SETTINGS


def _locale(major: int) -> tuple[str, ...]:
    """Texts sort by their code points, on every system and in every version: no index breaks with an update.

    Before 17 only the system can tell letters from other characters, and macOS calls the means for it otherwise.
    """
    if major >= BUILTIN_LOCALES:
        return ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    return ("--encoding=UTF8", "--locale=C", f"--lc-ctype={'UTF-8' if sys.platform == 'darwin' else 'C.UTF-8'}")
