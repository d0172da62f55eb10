"""Where commands wait for the commit that they will share: those of one book, or payments of all books.

And what becomes of a group that fails: who tries again, who hears what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

import asyncpg
from msgspec import Struct

from tallystick.db.clock_watch import WrongClockError
from tallystick.db.duplicates import DuplicateKeyError
from tallystick.db.fair_queue import FairQueue
from tallystick.domain.commands import Command, Pay, is_repeatable
from tallystick.domain.ids import BookId, TokenId
from tallystick.domain.outcomes import Outcome
from tallystick.domain.refusals import Refusal, Refused, wrong_clock
from tallystick.domain.state import Decision
from tallystick.store.keys.access_keys import AccessKey
from tallystick.store.ledger.apply import VersionConflictError

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

MAX_PER_GROUP: Final = 500
"""Commands that share one commit at most, so that nobody waits long for strangers."""

MAX_IN_FLIGHT: Final = 2
"""Groups of one queue that may be in flight at the same time: while one is in the database, another is decided."""

MIN_WAITING_FOR_SECOND_GROUP: Final = 64
"""Commands that must be waiting before another group starts beside the one under way: small groups cost more each."""

_MAX_DOUBLINGS: Final = 6

TRIES: Final = 5
TRIES_TOGETHER: Final = 2

WORTH_ANOTHER_TRY: Final = (
    VersionConflictError,  # another process was first: its answer is there now
    DuplicateKeyError,  # same, found by the database
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)

_RIVALS: Final = (
    VersionConflictError,
    DuplicateKeyError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,  # somebody held a lock for longer than open_pool's patience
)
"""Others changed the same rows at the same time. Where trying again did not help, the caller may do so later."""

Kind = TypeVar("Kind", bound=Command)


class LostAnswerError(Exception):
    """The connection broke during a commit (why is its cause): only the books know whether that happened."""


class QueuedCommand(Struct, Generic[Kind]):
    """A command of a book, and its caller's answer to be. `key`: the cached one that signed it, to be revalidated.

    `until`: when its time is up, by the clock of the event loop. `flow`: whose turn it waits for. `traced`: the call
    that it belongs to. `decided`: hears the decision, before the caller has its outcome.
    """

    book_id: BookId
    command: Kind
    answer: asyncio.Future[Outcome]
    until: float
    key: AccessKey | None = None
    flow: Hashable = None
    traced: SpanContext | None = None
    decided: Callable[[Decision], None] | None = None


QueuedPayment: TypeAlias = QueuedCommand[Pay]


@dataclass(slots=True)
class CommandQueue(Generic[Kind]):
    """What waits for a commit, and how many groups of it are in flight.

    Each group is taken from all keys that wait, in turn: hundreds of commands of one do not stand before another's.
    """

    waiting: FairQueue[QueuedCommand[Kind]] = field(default_factory=FairQueue)
    in_flight: int = 0
    stuck: bool = False
    """All that waits charges by tokens that a group in flight charges by."""

    @property
    def can_start_group(self) -> bool:
        """Whether a group should start now."""
        if self.stuck:
            return False
        return self.in_flight == 0 or (
            self.in_flight < MAX_IN_FLIGHT and len(self.waiting) >= MIN_WAITING_FOR_SECOND_GROUP
        )

    def next_group(self) -> list[QueuedCommand[Kind]]:
        """The next commands; none where nobody waits."""
        return self.waiting.take(MAX_PER_GROUP)

    def done(self, group: Sequence[QueuedCommand[Kind]]) -> None:
        """A group has its answers."""


@dataclass(slots=True)
class PaymentQueue(CommandQueue[Pay]):
    """Payments from instruments: two groups in flight never charge by the same token.

    Both would be decided right, but one of them would meet a version conflict and be done again.
    """

    charged: set[TokenId] = field(default_factory=set)

    def next_group(self) -> list[QueuedCommand[Pay]]:
        """The next payments; none where nobody waits, or where all wait for tokens of another group."""
        waiting, charged = self.waiting, self.charged
        group = waiting.take(MAX_PER_GROUP, (lambda item: item.command.token_id in charged) if charged else None)
        self.stuck = bool(waiting) and not group
        charged.update([item.command.token_id for item in group])
        return group

    def done(self, group: Sequence[QueuedCommand[Pay]]) -> None:
        """A group has its answers."""
        self.charged.difference_update([item.command.token_id for item in group])
        self.stuck = False


@dataclass(slots=True)
class LockingBackoff:
    """Whether it is worth reading a book's accounts optimistically, without locking them.

    Where another process keeps changing the same accounts, the next groups lock at once: one after the first version
    conflict, three after the second in a row, then seven and so on.
    """

    doublings: int = 0
    locking: int = 0

    def try_optimistically(self) -> bool:
        """Whether the next group reads without locks; counts down to the next one that does."""
        if self.locking:
            self.locking -= 1
            return False
        return True

    def conflicted(self) -> None:
        """A group met a version conflict and was done again with locks."""
        self.doublings = min(self.doublings + 1, _MAX_DOUBLINGS)
        self.locking = 2**self.doublings - 1

    def succeeded(self) -> None:
        """A group was committed without locks."""
        self.doublings = 0


def until_of(group: Sequence[QueuedCommand[Any]]) -> float:
    """When the time of the last of a group is up. Whoever came before may have heard meanwhile that theirs was.

    Keys take turns, so that the last to come is not always the last of its group.
    """
    return max([waiting.until for waiting in group])


def is_over(group: Sequence[QueuedCommand[Any]]) -> bool:
    """Whether nobody of a group waits any more."""
    return bool(group) and asyncio.get_running_loop().time() >= until_of(group)


def in_time(group: Sequence[QueuedCommand[Any]]) -> Sequence[QueuedCommand[Any]]:
    """Those whose callers still wait. Nothing is done for the others: they have heard, or hear now, that it is late."""
    now = asyncio.get_running_loop().time()
    for waiting in group:
        if waiting.until <= now and not waiting.answer.done():
            waiting.answer.set_exception(TimeoutError())
    return [waiting for waiting in group if not waiting.answer.done()]


def max_tries(error: Exception) -> int:
    """How often a group is tried: seldom where each try means to wait for a server that does not answer."""
    cause = error.__cause__ if isinstance(error, LostAnswerError) else error
    return TRIES_TOGETHER if isinstance(cause, TimeoutError) else TRIES


def those_who_may_repeat(group: Sequence[QueuedCommand[Any]], error: Exception) -> Sequence[QueuedCommand[Any]]:
    """Commands that may be tried again. After a lost answer the others are not: they may be committed already."""
    if not isinstance(error, LostAnswerError):
        return group
    fail([waiting for waiting in group if not is_repeatable(waiting.command)], error)
    return [waiting for waiting in group if is_repeatable(waiting.command)]


def fail(group: Sequence[QueuedCommand[Any]], error: Exception) -> None:
    """Tell callers that their commands have failed; they may have gone."""
    for waiting in group:
        if waiting.answer.done():
            continue
        if isinstance(error, _RIVALS):
            message = "Others are changing the same data; nothing was done. Try again later."
            waiting.answer.set_result(Refused(Refusal.ConcurrentModification, message))
        elif isinstance(error, WrongClockError):
            waiting.answer.set_result(wrong_clock())
        elif isinstance(error, LostAnswerError):
            waiting.answer.set_exception(error.__cause__ or error)
        else:
            waiting.answer.set_exception(error)
