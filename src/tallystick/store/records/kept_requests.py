"""Requests that caused a transaction, as they came: noted in memory, written now and then, forgotten after a while.

They help a developer who asks what a program really sent. The books do not need them: so they stay out of the money's
commit, and where more come than can be kept, the rest is left out. A busy seller's are left out before others' are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, TransactionId, book_digits, book_of_transaction

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("kept_requests.sql", __package__)

MAX_WAITING: Final = 1_000
"""As many one process keeps between two writes, which are some seconds apart."""

MAX_OF_A_BOOK: Final = 100
"""As many of these of one book."""

_PER_STATEMENT: Final = 100
"""So many are written at a time: to make a thousand ready would hold up all calls of the process for 10 ms."""

MAX_CHARACTERS: Final = 16_384
"""What is longer is cut."""

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """A request. `content` is the query string of a GET, else the body; `received_at` is real time."""

    request_id: str
    received_at: datetime
    verb: str
    host: str
    path: str
    content: str


class _Noted(Struct, frozen=True, gc=False):
    """A request that is still to be written, as cheap as it is to note: one that is not too long stays as it came."""

    transaction_id: TransactionId
    request_id: str
    received_at: datetime
    verb: str
    host: str
    path: str
    content: bytes | str


def as_text(content: bytes) -> str:
    """Content that can be kept: cut where it is too long, and without what no text column holds."""
    text = content.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}\N{HORIZONTAL ELLIPSIS}"


@dataclass(slots=True)
class KeptRequests:
    """What one process still has to write. A process that dies forgets some seconds of it."""

    _waiting: list[_Noted] = field(default_factory=list)
    _of_books: Counter[str] = field(default_factory=Counter)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def has_room(self, transaction_id: TransactionId) -> bool:
        """Whether a request that came to this transaction can be kept before the next write."""
        return len(self._waiting) < MAX_WAITING and self._of_books[book_digits(transaction_id)] < MAX_OF_A_BOOK

    def note(
        self,
        transaction_id: TransactionId,
        request_id: str,
        received_at: datetime,
        *,
        verb: str,
        host: str,
        path: str,
        content: bytes,
    ) -> None:
        """A request came to this transaction. In memory only, since every payment may do it."""
        if self.has_room(transaction_id):
            self._of_books[book_digits(transaction_id)] += 1
            kept = content if len(content) <= MAX_CHARACTERS else as_text(content)
            self._waiting.append(_Noted(transaction_id, request_id, received_at, verb, host, path, kept))

    async def write(self, database: Database) -> None:
        """Write down whatever was noted before. What cannot be written is lost, and the error is the caller's."""
        async with self._writing:  # a write that is under way has to end first: then all can be read
            waiting, self._waiting = self._waiting, []
            self._of_books.clear()
            for start in range(0, len(waiting), _PER_STATEMENT):
                await database.execute(_SQL["write"], *_columns(waiting[start : start + _PER_STATEMENT]))


def _columns(waiting: Sequence[_Noted]) -> list[list[object]]:
    rows = [
        (
            book_of_transaction(one.transaction_id),
            one.transaction_id,
            one.request_id,
            one.received_at,
            one.verb,
            as_text(one.host.encode()),
            as_text(one.path.encode()),
            one.content if isinstance(one.content, str) else as_text(one.content),
        )
        for one in waiting
    ]
    return [list(column) for column in zip(*rows, strict=True)]


async def of_transaction(
    database: Database, book_id: BookId, transaction_id: TransactionId, maximum: int = SHOWN
) -> Sequence[KeptRequest]:
    """The first requests that came to a transaction, the one that caused it before those that repeated it."""
    return [
        KeptRequest(**dict(row))
        for row in await database.fetch(_SQL["of_transaction"], book_id, transaction_id, maximum)
    ]
