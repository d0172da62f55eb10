"""Fair queueing: who has much waiting does not stand before who has little.

What waits is divided into flows, one for each access key or so. Flows take turns, one item each; the items of a flow
keep their order. With a single flow it is a plain queue, and costs as much as one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(slots=True)
class FairQueue(Generic[Item]):
    """Items of several flows. Nobody waits for more than one item of each other flow for each of their own."""

    _items: dict[Hashable, deque[Item]] = field(default_factory=dict)
    _turns: deque[Hashable] = field(default_factory=deque)
    """The flows that wait, each once, in the order of their next turns."""
    _length: int = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Item]:
        """All that waits, in the order in which it would be taken."""
        left = deque((flow, iter(self._items[flow])) for flow in self._turns)
        while left:
            flow, items = left.popleft()
            for item in items:
                yield item
                left.append((flow, items))
                break

    def waiting_of(self, flow: Hashable) -> int:
        """How many items of a flow wait."""
        return len(self._items.get(flow, ()))

    def append(self, item: Item, flow: Hashable = None) -> None:
        """Let `item` wait after all others of its flow. A flow that did not wait has its turn after all that do."""
        items = self._items.get(flow)
        if items is None:
            items = self._items[flow] = deque()
            self._turns.append(flow)
        items.append(item)
        self._length += 1

    def extend(self, items: Sequence[Item], flow: Hashable = None) -> None:
        """The same for several items of one flow, in their order."""
        if not items:
            return
        own = self._items.get(flow)
        if own is None:
            own = self._items[flow] = deque()
            self._turns.append(flow)
        own.extend(items)
        self._length += len(items)

    def first(self) -> Item:
        """The item that would be taken next. Raises IndexError: nothing waits."""
        return self._items[self._turns[0]][0]

    def remove(self, item: Item, flow: Hashable = None) -> None:
        """Let `item` wait no longer; of equal ones the first. Raises ValueError, KeyError: it does not wait."""
        items = self._items[flow]
        items.remove(item)
        self._length -= 1
        if not items:
            del self._items[flow]
            self._turns.remove(flow)

    def take(self, maximum: int, is_blocked: Callable[[Item], bool] | None = None) -> list[Item]:
        """Take at most so many items, flow by flow. What `is_blocked` stays where it is; others may overtake it."""
        taken: list[Item] = []
        blocked: dict[Hashable, deque[Item]] = {}
        turns = self._turns
        while turns and len(taken) < maximum:
            flow = turns.popleft()
            items = self._items[flow]
            until = len(taken) + 1 if turns else maximum  # alone, it takes all that is wanted in one turn
            while items and len(taken) < until:
                item = items.popleft()
                if is_blocked is not None and is_blocked(item):
                    blocked.setdefault(flow, deque()).append(item)
                else:
                    taken.append(item)
            if items:
                turns.append(flow)
            elif flow not in blocked:
                del self._items[flow]
        for flow in reversed(blocked):
            items = self._items[flow]
            if not items:
                turns.appendleft(flow)
            items.extendleft(reversed(blocked[flow]))
        self._length -= len(taken)
        return taken
