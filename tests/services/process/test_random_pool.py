from __future__ import annotations

import os
from uuid import UUID

import pytest

from tallystick.services.process.random_pool import RandomPool


def test_no_byte_is_given_out_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [bytes(range(256)) * 16, bytes(range(255, -1, -1)) * 16]
    monkeypatch.setattr(os, "urandom", lambda count: pages.pop(0)[:count])
    entropy = RandomPool()

    assert entropy.take(5) == bytes(range(5))
    assert entropy.take(5) == bytes(range(5, 10))
    assert entropy.take(4086) == (bytes(range(256)) * 16)[10:]
    assert entropy.take(2) == b"\xff\xfe", "the next page begins when one is used up"


def test_what_does_not_fit_comes_from_a_new_page() -> None:
    entropy = RandomPool()
    taken = [entropy.take(7) for _ in range(5_000)]
    assert len(set(taken)) == 5_000
    assert all(len(one) == 7 for one in taken)


def test_a_uuid_says_that_it_is_random() -> None:
    entropy = RandomPool()
    first, second = UUID(entropy.uuid()), UUID(entropy.uuid())
    assert first != second
    assert (first.version, first.variant) == (4, second.variant)


def test_a_forked_child_starts_anew() -> None:
    entropy = RandomPool()
    before = entropy.take(4)
    entropy.forget()
    assert entropy.take(4) != before
