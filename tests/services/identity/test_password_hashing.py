"""Places before the threads that hash, and how little those threads may take."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, field

import pytest
from argon2 import PasswordHasher, extract_parameters

from tallystick.services.identity.password_hashing import ARGON2, BusyError, PasswordHashing

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
OLDER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=4)


def few() -> PasswordHashing:
    return PasswordHashing(QUICK, places=4, kept_places=1, places_of_client=2)


def test_there_are_so_many_places_and_a_few_are_kept_for_known_devices() -> None:
    hashing = few()
    with hashing.place(), hashing.place(), hashing.place():
        with pytest.raises(BusyError), hashing.place():
            pass
        with hashing.place(known=True), pytest.raises(BusyError), hashing.place(known=True):
            pass
    with hashing.place():
        assert hashing.refused == 2


def test_a_client_has_few_of_the_places() -> None:
    hashing = few()
    with hashing.place("203.0.113.7"), hashing.place("203.0.113.7"):
        with pytest.raises(BusyError), hashing.place("203.0.113.7", known=True):
            pass
        with hashing.place("203.0.113.8"):
            pass
    with hashing.place("203.0.113.7"):
        assert hashing.refused == 1


async def test_hashes_with_other_parameters_verify_and_are_told_apart() -> None:
    hashing = few()
    older = OLDER.hash("correct horse")

    assert await hashing.verify(older, "correct horse")
    assert not await hashing.verify(older, "wrong horse")
    assert not await hashing.verify(None, "nobody has this password")
    assert not await hashing.verify("no hash at all", "correct horse")
    assert hashing.outdated(older)
    assert not hashing.outdated(await hashing.hash("correct horse"))
    assert hashing.hashed == 5


def test_a_hash_of_ours_takes_one_core() -> None:
    assert extract_parameters(ARGON2.hash("correct horse")).parallelism == 1


@dataclass
class Watched:
    """A hasher that says which thread it is on, and with what priority."""

    threads: set[int] = field(default_factory=set)
    priorities: set[int] = field(default_factory=set)

    def hash(self, password: str) -> str:
        self.threads.add(threading.get_ident())
        self.priorities.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return QUICK.hash(password)

    def verify(self, stored: str, password: str) -> bool:
        return QUICK.verify(stored, password)

    def check_needs_rehash(self, stored: str) -> bool:
        return QUICK.check_needs_rehash(stored)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a priority is the whole process's")
async def test_hashing_gives_way_to_everything_else() -> None:
    watched, ours = Watched(), os.getpriority(os.PRIO_PROCESS, 0)

    await PasswordHashing(watched, threads=1).hash("correct horse")

    assert watched.priorities == {19}
    assert threading.get_ident() not in watched.threads
    assert os.getpriority(os.PRIO_PROCESS, 0) == ours
