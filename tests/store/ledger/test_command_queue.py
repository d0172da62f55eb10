from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from tallystick.domain.commands import Pay, Request
from tallystick.domain.ids import BookId, PartyId, TokenId, TransactionId
from tallystick.store.ledger.command_queue import (
    MAX_PER_GROUP,
    MIN_WAITING_FOR_SECOND_GROUP,
    LockingBackoff,
    PaymentQueue,
    QueuedCommand,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with closing(asyncio.new_event_loop()) as loop:
        yield loop


def payment(loop: asyncio.AbstractEventLoop, token: str) -> QueuedCommand[Pay]:
    request = Request(TransactionId("t"), PartyId(1), "reference", b"", NOW)
    return QueuedCommand(BookId(1), Pay(request, TokenId(token), 10_000), loop.create_future(), loop.time() + 60)


def wait(line: PaymentQueue, payments: Iterable[QueuedCommand[Pay]], key: str = "a key") -> None:
    for item in payments:
        line.waiting.append(item, key)


def tokens(group: list[QueuedCommand[Pay]]) -> list[str]:
    return [item.command.token_id for item in group]


def test_groups_under_way_never_charge_by_the_same_token(loop: asyncio.AbstractEventLoop) -> None:
    line = PaymentQueue()
    wait(line, (payment(loop, token) for token in "ab"))
    first = line.next_group()
    wait(line, (payment(loop, token) for token in "acbda"))
    second = line.next_group()
    assert (tokens(first), tokens(second)) == (["a", "b"], ["c", "d"])
    assert tokens(list(line.waiting)) == ["a", "b", "a"], "who waits keeps the place"

    assert line.next_group() == []
    line.done(first)
    assert tokens(line.next_group()) == ["a", "b", "a"]
    line.done(second)


def test_a_line_that_only_waits_for_its_own_group_wants_no_other(loop: asyncio.AbstractEventLoop) -> None:
    line = PaymentQueue(in_flight=1)
    wait(line, [payment(loop, "hot")])
    line.next_group()
    wait(line, (payment(loop, "hot") for _ in range(MIN_WAITING_FOR_SECOND_GROUP)))
    assert line.can_start_group
    assert line.next_group() == []
    assert not line.can_start_group


def test_a_line_in_which_nobody_waits_may_have_another_lane_later(loop: asyncio.AbstractEventLoop) -> None:
    line = PaymentQueue(in_flight=1)
    wait(line, [payment(loop, "slow")])
    line.next_group()
    assert line.next_group() == []
    wait(line, (payment(loop, str(number)) for number in range(MIN_WAITING_FOR_SECOND_GROUP)))
    assert line.can_start_group


def test_a_group_is_not_larger_than_it_may_be(loop: asyncio.AbstractEventLoop) -> None:
    line = PaymentQueue()
    wait(line, (payment(loop, str(number)) for number in range(MAX_PER_GROUP + 1)))
    assert len(line.next_group()) == MAX_PER_GROUP
    assert len(line.next_group()) == 1


def test_many_of_one_key_do_not_stand_before_another_keys_one(loop: asyncio.AbstractEventLoop) -> None:
    line = PaymentQueue()
    wait(line, (payment(loop, f"many-{number}") for number in range(2 * MAX_PER_GROUP)), "flood")
    wait(line, [payment(loop, "one")], "neighbour")
    group = tokens(line.next_group())
    assert (len(group), group[:4]) == (MAX_PER_GROUP, ["many-0", "one", "many-1", "many-2"])


def test_who_waits_for_a_token_does_not_keep_another_key_waiting(loop: asyncio.AbstractEventLoop) -> None:
    line = PaymentQueue()
    wait(line, [payment(loop, "hot")], "flood")
    first = line.next_group()
    wait(line, (payment(loop, "hot") for _ in range(3)), "flood")
    wait(line, [payment(loop, "other")], "neighbour")
    assert tokens(line.next_group()) == ["other"]
    line.done(first)
    assert tokens(line.next_group()) == ["hot"] * 3


def test_conflict_after_conflict_locks_for_longer() -> None:
    backoff = LockingBackoff()
    optimistic = []
    for _ in range(14):
        optimistic.append(backoff.try_optimistically())
        if optimistic[-1]:
            backoff.conflicted()
    assert optimistic == [True, False, True, False, False, False, True, *[False] * 7]


def test_a_success_ends_the_backoff() -> None:
    backoff = LockingBackoff()
    for _ in range(3):
        backoff.conflicted()
    while not backoff.try_optimistically():
        pass
    backoff.succeeded()
    backoff.conflicted()
    assert [backoff.try_optimistically() for _ in range(2)] == [False, True]
