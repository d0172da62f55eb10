"""The manifest of a base backup, by which every file is compared with what was written.

PostgreSQL has a program for that (pg_verifybackup), which not every package brings in a state that runs.
Source: PostgreSQL's documentation, "Backup Manifest Format".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

NAME: Final = "backup_manifest"
_LAST_LINE: Final = b'"Manifest-Checksum"'
_PIECE_BYTES: Final = 1 << 20
_NOT_LISTED: Final = frozenset({NAME, "postgresql.auto.conf", "recovery.signal", "standby.signal"})
_LOG: Final = "pg_wal/"
"""What is in it is checked by reading the log."""


class File(msgspec.Struct, frozen=True):
    """One file. A path that is not UTF-8 is hexadecimal, under another name."""

    size: int = msgspec.field(name="Size")
    path: str | None = msgspec.field(default=None, name="Path")
    encoded_path: str | None = msgspec.field(default=None, name="Encoded-Path")
    algorithm: str | None = msgspec.field(default=None, name="Checksum-Algorithm")
    checksum: str | None = msgspec.field(default=None, name="Checksum")


class LogRange(msgspec.Struct, frozen=True):
    """What of the log makes the backup consistent."""

    timeline: int = msgspec.field(name="Timeline")
    start: str = msgspec.field(name="Start-LSN")
    end: str = msgspec.field(name="End-LSN")


class BackupManifest(msgspec.Struct, frozen=True):
    """All files of a base backup, and what it needs of the log."""

    files: list[File] = msgspec.field(name="Files")
    log: list[LogRange] = msgspec.field(name="WAL-Ranges")
    checksum: str = msgspec.field(name="Manifest-Checksum")


class ManifestError(Exception):
    """The manifest is missing or damaged; the message says which."""


def read_manifest(directory: Path) -> BackupManifest:
    """The manifest of a base backup, which must be as it was written. Raises ManifestError."""
    try:
        content = (directory / NAME).read_bytes()
        manifest = msgspec.json.decode(content, type=BackupManifest)
    except (OSError, msgspec.DecodeError) as error:
        raise ManifestError(f"the manifest cannot be read: {error}") from None
    if hashlib.sha256(content[: content.rindex(_LAST_LINE)]).hexdigest() != manifest.checksum:
        raise ManifestError("the manifest is not the one that was written")
    return manifest


def differences(directory: Path, manifest: BackupManifest) -> Iterator[str]:
    """Files that are missing, changed or too many, in words. Raises OSError."""
    listed = {_path(file): file for file in manifest.files}
    for name, file in listed.items():
        path = directory / name
        if not path.is_file():
            yield f"the file {name} is missing"
        elif path.stat().st_size != file.size:
            yield f"the file {name} has {path.stat().st_size} bytes instead of {file.size}"
        elif file.algorithm != "SHA256":
            yield f"the file {name} has no checksum that could be compared"
        elif _digest(path) != file.checksum:
            yield f"the file {name} was changed"
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_file() and name not in listed and name not in _NOT_LISTED and not name.startswith(_LOG):
            yield f"the file {name} was added"


def _path(file: File) -> str:
    if file.path is not None:
        return file.path
    return bytes.fromhex(file.encoded_path or "").decode("utf-8", "surrogateescape")


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
