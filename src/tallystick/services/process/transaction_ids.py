"""Fresh transaction ids, in the order in which this process made them, also within a millisecond.

Lists of a book's transactions are in the order of their ids: with nothing but chance after the millisecond, a purchase
could stand before the money that it spent, and what was left after it would be shown below zero. So an id of the same
book and millisecond as the one before it begins with the same random digits and goes on from there, by a random step.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from tallystick.domain.ids import TRANSACTION_ENTROPY_BYTES, BookId, TransactionId, make_transaction_id
from tallystick.services.process.random_pool import RANDOM_POOL, RandomPool

_END: Final = 1 << 8 * TRANSACTION_ENTROPY_BYTES
_STEP_BYTES: Final = 3
_MOST_BOOKS: Final = 1024  # remembered; nothing makes ids for more of them in one millisecond


_Last: TypeAlias = tuple[int, int, int]
"""The newest id of a book: the millisecond that was asked for, the one that it has, its random number."""

_NONE: Final[_Last] = (1, 0, 0)  # no moment is at or after the first and at or before the second


@dataclass(slots=True)
class TransactionIds:
    """Makes the ids of one process; for one event loop.

    The first id of a book in a millisecond has 40 random bits, each further one 24 of its own, so that two processes
    are as unlikely to meet as two ids of one are. Where no number is left, which is one time in a hundred thousand, the
    next millisecond is begun early. Ids of other processes, and those after a clock that was put back, are ordered by
    their milliseconds only.
    """

    entropy: RandomPool = field(default_factory=lambda: RANDOM_POOL)
    _last: dict[BookId, _Last] = field(default_factory=dict)  # the one that was used longest ago comes first

    def fresh(self, book_id: BookId, book_now: datetime) -> TransactionId:
        """An id that no transaction has yet. `book_now`: the present moment by the clock of the book."""
        asked = milliseconds = int(book_now.timestamp() * 1000)
        asked_before, reached, last = self._last.pop(book_id, _NONE)
        if not asked_before <= asked <= reached:
            number = int.from_bytes(self.entropy.take(TRANSACTION_ENTROPY_BYTES), "big")
        else:
            milliseconds = reached
            number = last + 1 + int.from_bytes(self.entropy.take(_STEP_BYTES), "big")
            if number >= _END:
                milliseconds, number = milliseconds + 1, number - _END
        self._last[book_id] = asked, milliseconds, number
        if len(self._last) > _MOST_BOOKS:
            del self._last[next(iter(self._last))]
        return make_transaction_id(book_id, milliseconds, number.to_bytes(TRANSACTION_ENTROPY_BYTES, "big"))

    def several(self, book_id: BookId, book_now: datetime, count: int) -> list[TransactionId]:
        """So many such ids, one at least and a thousand at most, in their order."""
        made = [self.fresh(book_id, book_now)]
        asked, milliseconds, number = self._last[book_id]
        steps = self.entropy.take(_STEP_BYTES * (count - 1))
        for start in range(0, len(steps), _STEP_BYTES):
            number += 1 + int.from_bytes(steps[start : start + _STEP_BYTES], "big")
            if number >= _END:
                milliseconds, number = milliseconds + 1, number - _END
            entropy = number.to_bytes(TRANSACTION_ENTROPY_BYTES, "big")
            made.append(make_transaction_id(book_id, milliseconds, entropy))
        self._last[book_id] = asked, milliseconds, number
        return made

    def forget(self) -> None:
        """Begin anew: another process goes on from the same ids."""
        self._last.clear()


IDS: Final = TransactionIds()
os.register_at_fork(after_in_child=IDS.forget)


def fresh_transaction_id(book_id: BookId, book_now: datetime) -> TransactionId:
    """An id that no transaction has yet, after all that this process made in the book by the same clock."""
    return IDS.fresh(book_id, book_now)


def fresh_transaction_ids(book_id: BookId, book_now: datetime, count: int) -> list[TransactionId]:
    """So many of them, one at least and a thousand at most, each after the one before it."""
    return IDS.several(book_id, book_now, count)
