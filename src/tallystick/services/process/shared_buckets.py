"""Buckets of callers that all processes of one `serve` see, in a file that each of them maps into its memory.

A caller is spread over the processes by the kernel, so that a limit in each would be a limit of several times as much.
Nothing is locked: two processes that count the same caller in the same microsecond count once. A caller has one place
of four; where all four are taken, the one that is full soonest is given up, which forgives its caller what it spent.
Where places are depends on a secret of the file's own, so nobody can choose to share one with somebody else.
"""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

FILE: Final = "buckets"
SETS: Final = 16_384
PLACES: Final = 4
"""In each set, for callers whose digests begin alike. 65,536 places in all, each a number and a moment: 1 MB."""

_SECRET_BYTES: Final = 16
_PLACE_BYTES: Final = 16
_BYTES: Final = (SETS + 1) * PLACES * _PLACE_BYTES  # the first set holds the secret


@dataclass(frozen=True, slots=True)
class SharedBuckets:
    """When the bucket of each caller will have been filled. `kind` keeps apart callers of different kinds.

    Moments are those of CLOCK_MONOTONIC, which is one for all processes of a machine.
    """

    kind: str
    _secret: bytes
    _numbers: memoryview[int]
    _moments: memoryview[float]

    def full_at(self, caller: Hashable) -> float:
        """When its bucket will have been filled; the beginning of time for an unknown one."""
        first, number = self._place(caller)
        for place in range(first, first + PLACES):
            if self._numbers[2 * place] == number:
                return self._moments[2 * place + 1]
        return 0.0

    def spend(self, caller: Hashable, full_at: float, _now: float) -> None:
        """Note when its bucket will have been filled."""
        first, number = self._place(caller)
        places = range(first, first + PLACES)
        own = (place for place in places if self._numbers[2 * place] == number)
        place = next(own, None)
        if place is None:
            place = min(places, key=lambda one: self._moments[2 * one + 1])
        self._moments[2 * place + 1] = full_at
        self._numbers[2 * place] = number

    def _place(self, caller: Hashable) -> tuple[int, int]:
        """The first place of its set, and the number by which it is known there: never 0, which nobody has."""
        digest = blake2b(repr((self.kind, caller)).encode(), key=self._secret, digest_size=12).digest()
        number = int.from_bytes(digest[4:], "big") >> 1
        return (1 + int.from_bytes(digest[:4], "big") % SETS) * PLACES, number or 1


def shared_buckets(directory: Path, kind: str) -> SharedBuckets:
    """The buckets of the processes that meet in `directory`; whoever is first makes the file. Raises OSError."""
    path = directory / FILE
    if not path.exists():
        _make(path)
    with path.open("r+b") as file:
        content = memoryview(mmap.mmap(file.fileno(), _BYTES))
    secret = bytes(content[:_SECRET_BYTES])
    return SharedBuckets(kind, secret, content.cast("q"), content.cast("d"))


def _make(path: Path) -> None:
    """Make it under another name, so that nobody opens half of it; the first of several who do so wins."""
    own = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with own.open("xb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.truncate(_BYTES)
        with suppress(FileExistsError):
            os.link(own, path)
    finally:
        own.unlink(missing_ok=True)
