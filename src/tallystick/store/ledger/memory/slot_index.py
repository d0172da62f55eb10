"""Which slot of a table something is in, by the hash of its name: a dict without the names."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

NOWHERE: Final = -1


def _numbers(kind: str, first: Sequence[int] = ()) -> array[int]:
    return array(kind, first)


@dataclass(slots=True, repr=False)
class SlotIndex:
    """Slots 0, 1, 2, … of a table, each found by a hash, in about 17 bytes. Laid out for `size` of them.

    A dict of names would take 180 bytes each, most of them for the names, which the table has as well. Two things with
    the same hash are not told apart: whoever looks for a name has to compare it with the one in the table.
    """

    size: int
    _mask: int = field(init=False)
    _heads: array[int] = field(init=False)
    """The first slot of each chain."""
    _nexts: array[int] = field(default_factory=lambda: _numbers("i"))
    """After each slot, the next one of its chain."""
    _hashes: array[int] = field(default_factory=lambda: _numbers("q"))

    def __post_init__(self) -> None:
        chains = 1 << max(self.size - 1, 0).bit_length()
        self._mask = chains - 1
        self._heads = _numbers("i", [NOWHERE]) * chains

    def find(self, hashed: int) -> int:
        """The slot with this hash; NOWHERE: there is none."""
        slot, hashes = self._heads[hashed & self._mask], self._hashes
        while slot >= 0 and hashes[slot] != hashed:
            slot = self._nexts[slot]
        return slot

    def append(self, hashed: int) -> None:
        """One slot more, after all others."""
        self._hashes.append(hashed)
        self._nexts.append(NOWHERE)
        self._link(len(self._hashes) - 1)

    def replace(self, slot: int, hashed: int) -> None:
        """Something else is in this slot now."""
        if self._hashes[slot] != hashed:
            self._unlink(slot)
            self._hashes[slot] = hashed
            self._link(slot)

    def remove(self, slot: int) -> None:
        """Nothing is in this slot any more: what is in the last one moves there."""
        last = self._hashes[-1]
        self._unlink(len(self._hashes) - 1)
        if slot != len(self._hashes) - 1:
            self._unlink(slot)
            self._hashes[slot] = last
            self._link(slot)
        self._hashes.pop()
        self._nexts.pop()

    def clear(self) -> None:
        """Nothing is in any slot."""
        self._heads = _numbers("i", [NOWHERE]) * len(self._heads)
        del self._nexts[:], self._hashes[:]

    def _link(self, slot: int) -> None:
        chain = self._hashes[slot] & self._mask
        self._nexts[slot] = self._heads[chain]
        self._heads[chain] = slot

    def _unlink(self, slot: int) -> None:
        chain = self._hashes[slot] & self._mask
        before = self._heads[chain]
        if before == slot:
            self._heads[chain] = self._nexts[slot]
            return
        while self._nexts[before] != slot:
            before = self._nexts[before]
        self._nexts[before] = self._nexts[slot]
