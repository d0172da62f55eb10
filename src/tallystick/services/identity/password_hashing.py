"""Hashing passwords, which is slow on purpose, without slowing payments down.

One or two threads of a process hash, with the lowest priority where the system allows that, each on one core. The queue
for them is bounded: when it is full, a caller fails at once (BusyError). One client may take few of its places, and the
last ones are reserved for known devices.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Protocol, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MAX_PASSWORD: Final = 128  # characters; what is longer is no password of ours, and cheap to refuse
THREADS: Final = 2 if (os.cpu_count() or 1) >= 4 else 1  # noqa: PLR2004 - half of the cores at most
PLACES: Final = 16
"""How many may hash or wait for it at once, in a process. A hash takes about a tenth of a second."""

KEPT_PLACES: Final = 4
"""Those of the places that only known devices get: a flood of strangers does not keep them out."""

PLACES_OF_CLIENT: Final = 3
RETRY_AFTER_SECONDS: Final = 3

_Result = TypeVar("_Result")
_NICENESS: Final = 19  # the kernel's lowest priority: whatever else wants the core gets it


class BusyError(Exception):
    """The queue for hashing is full; try again in RETRY_AFTER_SECONDS."""


class Hasher(Protocol):
    """What makes and checks hashes; blocks while it does."""

    def hash(self, password: str) -> str:
        """A hash in its text form."""

    def verify(self, stored: str, password: str) -> bool:
        """Whether it is the password of the hash. Raises VerificationError, InvalidHashError: it is not."""

    def check_needs_rehash(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than these."""


ARGON2: Final = PasswordHasher(parallelism=1)
"""Argon2id with the library's cost in time and memory (64 MiB), on one core instead of four."""


def lower_priority() -> None:
    """Lower the priority of this thread. Linux schedules threads one by one; elsewhere it would be the process's."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


@dataclass
class PasswordHashing:
    """The threads that hash, and their bounded queue. `begin`: what each thread does first."""

    hasher: Hasher = ARGON2
    threads: int = THREADS
    places: int = PLACES
    kept_places: int = KEPT_PLACES
    places_of_client: int = PLACES_OF_CLIENT
    begin: Callable[[], None] = lower_priority
    hashed: int = 0
    refused: int = 0
    _taken: int = 0
    _of_client: Counter[str] = field(default_factory=Counter)
    _executor: ThreadPoolExecutor = field(init=False, repr=False)
    _nobodys_hash: Callable[[], str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._executor = ThreadPoolExecutor(self.threads, "passwords", self._begin_thread)
        self._nobodys_hash = cache(lambda: self.hasher.hash("nobody has this password"))

    @contextmanager
    def place(self, client: str | None = None, *, known: bool = False) -> Iterator[None]:
        """Hold a place in the queue while this is open. `client`: who asks, where known; `known`: from a known device.

        Raises BusyError.
        """
        room = self.places if known else self.places - self.kept_places
        if self._taken >= room or (client is not None and self._of_client[client] >= self.places_of_client):
            self.refused += 1
            raise BusyError
        self._taken += 1
        if client is not None:
            self._of_client[client] += 1
        try:
            yield
        finally:
            self._taken -= 1
            if client is not None:
                self._of_client[client] -= 1
                if not self._of_client[client]:
                    del self._of_client[client]

    async def hash(self, password: str) -> str:
        """Argon2id in its text form. Within a place, where strangers ask."""
        return await self._on_thread(lambda: self.hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether this is the password of the hash. Without a hash it is not, and that takes as long."""

        def verify() -> bool:
            try:
                return self.hasher.verify(stored or self._nobodys_hash(), password[: MAX_PASSWORD + 1])
            except (VerificationError, InvalidHashError):
                return False

        return await self._on_thread(verify) and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether a hash should be made again, since it was made with other parameters."""
        return self.hasher.check_needs_rehash(stored)

    def _begin_thread(self) -> None:
        self.begin()  # read when a thread starts, with the first work, not when this is made

    async def _on_thread(self, work: Callable[[], _Result]) -> _Result:
        self.hashed += 1
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


@cache
def of_process() -> PasswordHashing:
    """The one of this process: what is scarce, its cores, it has once."""
    return PasswordHashing()
