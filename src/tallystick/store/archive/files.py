"""Batches of archived rows on disk: a directory each, one Parquet file for each table, and a manifest.

The manifest names the batch before by its digest and every file by its own; its own digest is the batch's. Whoever
knows the last digest of a book can tell whether anything of its archive was changed, left out or added.

    <directory>/book-<number>/000001/manifest.json
                                     transaction.parquet, transfer.parquet, …
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.domain.ids import BookId

if TYPE_CHECKING:
    import asyncpg
    import pyarrow as pa

_MANIFEST: Final = "manifest.json"


class ArchiveError(Exception):
    """The archive cannot be written or is not what it should be; the message tells why."""


class FileEntry(msgspec.Struct, frozen=True):
    """One file of a batch: how many rows it has, and its SHA-256 in hexadecimal."""

    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a batch is. `previous`: the digest of the batch before, in hexadecimal, null for the first of a book."""

    book: str
    number: int
    previous: str | None
    completed_before: str
    files: dict[str, FileEntry]


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """A written batch with its digest."""

    directory: Path
    digest: bytes


def directory_of(root: Path, book_id: BookId, number: int) -> Path:
    """Where a batch of a book is kept."""
    return root / f"book-{book_id}" / f"{number:06}"


def write_batch(
    root: Path,
    book_id: BookId,
    number: int,
    previous: bytes | None,
    completed_before: str,
    tables: Mapping[str, Sequence[Mapping[str, Any] | asyncpg.Record]],
    columns: Mapping[str, Mapping[str, str]],
) -> WrittenBatch:
    """Write the rows of each table that has any, and the manifest; all of it is on disk when this returns.

    `columns`: the PostgreSQL type of each column of each table. The caller is the only one who writes, and no commit
    knows of this number: a directory that has it is left over from a run that was broken off, and goes before. One that
    is there at the end is somebody else's, since our session is lost, and stays. Raises ArchiveError, OSError.
    """
    parquet = _pyarrow().parquet
    directory = directory_of(root, book_id, number)
    draft = directory.with_name(f".{directory.name}.{secrets.token_hex(4)}")
    for left_over in (directory, *directory.parent.glob(f".{directory.name}*")):
        shutil.rmtree(left_over, ignore_errors=True)
    above = {directory.parent, root} | {one.parent for one in draft.parents if not one.exists()}
    draft.mkdir(parents=True)
    files = {}
    for name, rows in tables.items():
        if rows:
            path = draft / f"{name}.parquet"
            parquet.write_table(_table(rows, columns[name]), path, compression="zstd")
            files[path.name] = FileEntry(len(rows), _digest_of(path))
            _to_disk(path)
    manifest = Manifest(str(book_id), number, None if previous is None else previous.hex(), completed_before, files)
    content = msgspec.json.format(msgspec.json.encode(manifest))
    (draft / _MANIFEST).write_bytes(content)
    _to_disk(draft / _MANIFEST)
    _to_disk(draft)
    draft.rename(directory)  # refused where there is one
    for each in above:  # a directory is on disk when the one that names it is
        _to_disk(each)
    return WrittenBatch(directory, hashlib.sha256(content).digest())


def read_manifest(directory: Path) -> tuple[Manifest, bytes]:
    """The manifest of a batch and its digest. Raises ArchiveError."""
    try:
        content = (directory / _MANIFEST).read_bytes()
        return msgspec.json.decode(content, type=Manifest), hashlib.sha256(content).digest()
    except OSError as error:
        raise ArchiveError(f"{directory}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ArchiveError(f"{directory}: the manifest is damaged") from None


def damaged(directory: Path, manifest: Manifest) -> Iterator[str]:
    """What is wrong with the files of a batch, in words."""
    for name, entry in manifest.files.items():
        path = directory / name
        if not path.is_file():
            yield f"{path} is missing"
        elif _digest_of(path) != entry.sha256:
            yield f"{path} was changed"
    for path in sorted(directory.iterdir()):
        if path.name not in {_MANIFEST, *manifest.files}:
            yield f"{path} was added"


def rows(directory: Path, manifest: Manifest, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Columns of one table of a batch, row by row; nothing where the batch has no such table."""
    name = f"{table}.parquet"
    if name not in manifest.files:
        return
    read = _pyarrow().parquet.read_table(directory / name, columns=list(columns))
    yield from zip(*(read.column(column).to_pylist() for column in columns), strict=True)


def _table(rows: Sequence[Mapping[str, Any] | asyncpg.Record], types: Mapping[str, str]) -> pa.Table:
    pa = _pyarrow()
    kinds = {
        "int2": pa.int16(),
        "int4": pa.int32(),
        "int8": pa.int64(),
        "text": pa.string(),
        "bool": pa.bool_(),
        "bytea": pa.binary(),
        "timestamptz": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in types.items()])
    return pa.table({name: [row[name] for row in rows] for name in types}, schema=schema)


def _pyarrow() -> Any:  # noqa: ANN401 - a module without types
    try:
        import pyarrow.parquet  # noqa: PLC0415 - an extra: most never archive
    except ImportError:
        raise ArchiveError("Parquet files need a library more; install: tallystick[archive]") from None
    return pyarrow


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
