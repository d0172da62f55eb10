"""Random bytes for ids, fetched from the system a page at a time: a call to it for each id costs more than the id.

For ids only. What must stay secret comes from `secrets`, and leaves nothing behind in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tallystick.domain.speedups import compiled

_PAGE: Final = 4096
_UUID_BYTES: Final = 16
_VARIANT: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""Of the digit that holds the variant only two bits are random. Source: RFC 9562, 4.1."""


def uuid_in_python(page: bytes, start: int) -> str:
    """A UUID, version 4, of the sixteen random bytes from `start` on."""
    digits = page[start : start + _UUID_BYTES].hex()
    variant = _VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


_uuid_of: Final[Callable[[bytes, int], str]] = uuid_in_python if compiled is None else compiled.uuid_of


@dataclass(slots=True)
class RandomPool:
    """A page of the system's random bytes, each given out once; for one event loop."""

    _page: bytes = b""
    _used: int = 0

    def take(self, count: int) -> bytes:
        """So many bytes; at most a page."""
        start, self._used = self._used, self._used + count
        if self._used > len(self._page):
            start = self._turn_over(count)
        return self._page[start : self._used]

    def uuid(self) -> str:
        """A random UUID, version 4."""
        start, self._used = self._used, self._used + _UUID_BYTES
        if self._used > len(self._page):
            start = self._turn_over(_UUID_BYTES)
        return _uuid_of(self._page, start)

    def _turn_over(self, count: int) -> int:
        """Begin a new page with so many bytes that are taken; where they begin."""
        self._page, self._used = os.urandom(_PAGE), count
        return 0

    def forget(self) -> None:
        """Give out nothing more of this page."""
        self._page, self._used = b"", 0


RANDOM_POOL: Final = RandomPool()
os.register_at_fork(after_in_child=RANDOM_POOL.forget)  # parent and child must not share what is left of a page
