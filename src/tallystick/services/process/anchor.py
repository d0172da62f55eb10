"""The anchor: of each book the newest transaction that a caller was told of, in a file outside the database.

A database that was set back (a copy of yesterday, a disk that lost what it had said to be written) agrees with itself.
It is noticed by what it lacks. docs/decisions/123-an-anchor-lies-outside.md.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec
import structlog

from tallystick.db.database import until_it_answers
from tallystick.domain.ids import BookId, TransactionId
from tallystick.store.ledger import acknowledged

if TYPE_CHECKING:
    from tallystick.db.connections import Pool
    from tallystick.settings import Settings
    from tallystick.store.ledger.committer import Committer

FILE_NAME: Final = "acknowledged.json"
WRITE_EVERY_SECONDS: Final = 1.0

_Anchors = dict[str, dict[str, str]]
"""By the database's identity, then by book."""

_log = structlog.get_logger(__name__)


def anchor_file(settings: Settings) -> Path:
    """Where the anchor lies: in the data directory, also where the database is a server of its own."""
    return settings.data_directory / FILE_NAME


def read_anchor(path: Path, identity: str) -> dict[BookId, TransactionId]:
    """The newest acknowledged transactions of the database with this identity; none where nobody has written any.

    Raises OSError, msgspec.DecodeError: the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    anchors = msgspec.json.decode(content, type=_Anchors)
    return {BookId(int(book)): TransactionId(name) for book, name in anchors.get(identity, {}).items()}


def write_anchor(path: Path, identity: str, newest: Mapping[BookId, TransactionId]) -> None:
    """Bring the file up to date, whatever other processes write meanwhile. An id is later when it sorts later.

    Raises OSError, msgspec.DecodeError.
    """
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        anchors = msgspec.json.decode(path.read_bytes(), type=_Anchors) if path.exists() else {}
        own = anchors.setdefault(identity, {})
        for book, name in newest.items():
            own[str(book)] = max(name, own.get(str(book), ""))
        beside = path.with_suffix(".new")
        with beside.open("wb") as file:
            file.write(msgspec.json.encode(anchors))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)


@dataclass(frozen=True, slots=True)
class AnchorKeeper:
    """Writes down what one process has acknowledged."""

    path: Path
    identity: str
    committer: Committer

    async def write(self) -> None:
        """Write down what is new. What cannot be written is tried again with the next."""
        taken = dict(self.committer.acknowledged)
        if not taken:
            return
        try:
            await asyncio.to_thread(write_anchor, self.path, self.identity, taken)
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("anchor_not_written", path=str(self.path), error=repr(error))
            return
        for book, name in taken.items():
            if self.committer.acknowledged.get(book) == name:
                del self.committer.acknowledged[book]

    async def run(self) -> None:
        """Write every second, until this is cancelled."""
        while True:
            await asyncio.sleep(WRITE_EVERY_SECONDS)
            await self.write()


@asynccontextmanager
async def anchored(settings: Settings, pool: Pool, committer: Committer) -> AsyncIterator[None]:
    """Keep the anchor while this is open. Once more at the end, when every command has its answer.

    Where there is no data directory, nothing is kept.
    """
    path = anchor_file(settings)
    if not path.parent.is_dir():
        yield
        return
    try:
        keeper = AnchorKeeper(path, await until_it_answers(lambda: acknowledged.identity(pool)), committer)
    except asyncpg.InsufficientPrivilegeError as error:  # of a role that may not ask which cluster this is
        _log.warning("no_anchor", error=str(error))
        yield
        return
    task = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await committer.close()
        await keeper.write()
