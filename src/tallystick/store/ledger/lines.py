"""Where commands for one book wait for the commit that they will share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from tallystick.domain.commands import Command, Pay
from tallystick.domain.ids import TokenId
from tallystick.domain.outcomes import Outcome
from tallystick.store.keys.access_keys import AccessKey

MOST_PER_GROUP: Final = 500
"""Commands that share one commit at most, so that nobody waits long for strangers."""

LANES: Final = 2
"""Groups of one line that may be under way at the same time: while one is in the database, another is decided."""

WORTH_A_LANE: Final = 64
"""Commands that must be waiting before another group starts beside the one under way: small groups cost more each."""

_MOST_DOUBLINGS: Final = 6

Kind = TypeVar("Kind", bound=Command)


@dataclass(slots=True)
class Waiting(Generic[Kind]):
    """A command, and its caller's answer to be. `key`: the one that signed it, where it has to be looked at, too."""

    command: Kind
    answer: asyncio.Future[Outcome]
    key: AccessKey | None = None


@dataclass(slots=True)
class Line(Generic[Kind]):
    """What waits for one book, and how many groups of it are under way."""

    waiting: deque[Waiting[Kind]] = field(default_factory=deque)
    lanes: int = 0
    stuck: bool = False
    """Everybody who waits does so for a group under way."""

    @property
    def wants_a_lane(self) -> bool:
        """Whether a group should start now."""
        if self.stuck:
            return False
        return self.lanes == 0 or (self.lanes < LANES and len(self.waiting) >= WORTH_A_LANE)

    def next_group(self) -> list[Waiting[Kind]]:
        """Those whose turn it is; none where nobody waits."""
        waiting = self.waiting
        return [waiting.popleft() for _ in range(min(len(waiting), MOST_PER_GROUP))]

    def done(self, group: Sequence[Waiting[Kind]]) -> None:
        """A group has its answers."""


@dataclass(slots=True)
class LineOfPayments(Line[Pay]):
    """Payments from instruments: two groups that are under way at the same time never charge by the same token.

    They would not do harm to each other, but one of them would have to be done again.
    """

    charged: set[TokenId] = field(default_factory=set)

    def next_group(self) -> list[Waiting[Pay]]:
        """Those whose turn it is; none where nobody waits, or where all wait for tokens of another group."""
        waiting, charged = self.waiting, self.charged
        group: list[Waiting[Pay]] = []
        later: list[Waiting[Pay]] = []
        while waiting and len(group) < MOST_PER_GROUP:
            first = waiting.popleft()
            (later if first.command.token_id in charged else group).append(first)
        waiting.extendleft(reversed(later))
        self.stuck = bool(waiting) and not group
        charged.update([item.command.token_id for item in group])
        return group

    def done(self, group: Sequence[Waiting[Pay]]) -> None:
        """A group has its answers."""
        self.charged.difference_update([item.command.token_id for item in group])
        self.stuck = False


@dataclass(slots=True)
class Trust:
    """Whether it is worth looking at a book's accounts without locking them.

    Where somebody else keeps changing the same accounts, the next groups lock at once: one after the first time that
    they were overtaken, then three, seven and so on.
    """

    doublings: int = 0
    locking: int = 0

    def looks(self) -> bool:
        """Whether the next group may look first."""
        if self.locking:
            self.locking -= 1
            return False
        return True

    def was_overtaken(self) -> None:
        """A group had to be done again."""
        self.doublings = min(self.doublings + 1, _MOST_DOUBLINGS)
        self.locking = 2**self.doublings - 1

    def was_not(self) -> None:
        """A group was as quick as it should be."""
        self.doublings = 0
