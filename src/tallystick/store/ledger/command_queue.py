"""Where commands wait for the commit that they will share: those of one book, or payments of all books."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

from tallystick.db.fair_queue import FairQueue
from tallystick.domain.commands import Command, Pay
from tallystick.domain.ids import BookId, TokenId
from tallystick.domain.outcomes import Outcome
from tallystick.store.keys.access_keys import AccessKey

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

MAX_PER_GROUP: Final = 500
"""Commands that share one commit at most, so that nobody waits long for strangers."""

MAX_IN_FLIGHT: Final = 2
"""Groups of one queue that may be in flight at the same time: while one is in the database, another is decided."""

MIN_WAITING_FOR_SECOND_GROUP: Final = 64
"""Commands that must be waiting before another group starts beside the one under way: small groups cost more each."""

_MAX_DOUBLINGS: Final = 6

Kind = TypeVar("Kind", bound=Command)


@dataclass(slots=True)
class QueuedCommand(Generic[Kind]):
    """A command of a book, and its caller's answer to be. `key`: the cached one that signed it, to be revalidated.

    `until`: when its time is up, by the clock of the event loop. `flow`: whose turn it waits for. `traced`: the call
    that it belongs to.
    """

    book_id: BookId
    command: Kind
    answer: asyncio.Future[Outcome]
    until: float
    key: AccessKey | None = None
    flow: Hashable = None
    traced: SpanContext | None = None


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
