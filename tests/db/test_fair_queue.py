"""Who waits, in which order, where several wait for the same."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.db.fair_queue import FairQueue


def queue_of(*items: str) -> FairQueue[str]:
    """Items whose first letter is their flow."""
    queue = FairQueue[str]()
    for item in items:
        queue.append(item, item[0])
    return queue


def test_flows_take_turns_and_each_keeps_its_order() -> None:
    queue = queue_of("a1", "a2", "a3", "b1", "c1", "c2")
    assert list(queue) == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert (len(queue), queue.first(), queue.waiting_of("a"), queue.waiting_of("z")) == (6, "a1", 3, 0)
    assert queue.take(4) == ["a1", "b1", "c1", "a2"]
    queue.append("b2", "b")
    assert queue.take(10) == ["c2", "a3", "b2"]
    assert not queue
    assert queue.take(1) == []


def test_one_flow_is_a_plain_queue() -> None:
    queue = queue_of("a1", "a2", "a3")
    assert queue.take(2) == ["a1", "a2"]
    assert queue.take(2) == ["a3"]


def test_several_of_a_flow_wait_as_if_they_had_come_one_by_one() -> None:
    queue, other = queue_of("a1", "b1"), queue_of("a1", "b1", "b2", "b3", "c1", "c2", "a2")
    queue.extend(["b2", "b3"], "b")
    queue.extend(["c1", "c2"], "c")
    queue.extend([], "d")
    queue.extend(["a2"], "a")
    assert len(queue) == len(other) == 7
    assert queue.take(10) == other.take(10)


def test_what_is_blocked_stays_before_the_rest_of_its_flow() -> None:
    queue = queue_of("a1", "a2", "b1", "a3", "b2", "c1")
    assert queue.take(3, lambda item: item in {"a1", "b1", "b2"}) == ["a2", "c1", "a3"]
    assert list(queue) == ["a1", "b1", "b2"]
    assert len(queue) == 3
    queue.append("a4", "a")
    assert queue.take(10) == ["a1", "b1", "a4", "b2"]


def test_who_leaves_is_not_waited_for() -> None:
    queue = queue_of("a1", "a2", "b1")
    queue.remove("b1", "b")
    queue.remove("a1", "a")
    assert queue.take(10) == ["a2"]
    with pytest.raises(KeyError):
        queue.remove("a2", "a")


STEPS = st.lists(st.one_of(st.sampled_from("abcd"), st.integers(1, 7)), max_size=80)
"""A letter: something of this flow comes to wait. A number: so many are taken."""


@given(STEPS)
def test_nobody_waits_for_more_than_one_of_each_other_flow_for_each_of_their_own(steps: list[str | int]) -> None:
    queue = FairQueue[tuple[str, int]]()
    came, taken = Counter[str](), Counter[str]()
    allowed: dict[tuple[str, int], dict[str, int]] = {}
    for step in [*steps, 1_000]:
        if isinstance(step, str):
            before = came[step] - taken[step]  # of its own flow
            item = step, came[step]
            allowed[item] = {other: taken[other] + before + 1 for other in "abcd"}
            came[step] += 1
            queue.append(item, step)
            continue
        for flow, number in queue.take(step):
            assert number == taken[flow], "the order of a flow"
            for other, most in allowed[flow, number].items():
                assert other == flow or taken[other] <= most
            taken[flow] += 1
    assert taken == came, "nothing is lost"


@given(STEPS, st.sets(st.tuples(st.sampled_from("abcd"), st.integers(0, 9))))
def test_what_is_not_blocked_is_taken_and_nothing_is_lost(
    steps: list[str | int], blocked: set[tuple[str, int]]
) -> None:
    queue = FairQueue[tuple[str, int]]()
    came = Counter[str]()
    free: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for step in steps:
        if isinstance(step, str):
            item = step, came[step]
            came[step] += 1
            queue.append(item, step)
            if item not in blocked:
                free[step].append(item)
            continue
        waiting = sum(map(len, free.values()))
        found = queue.take(step, blocked.__contains__)
        assert len(found) == min(step, waiting)
        for item in found:
            assert free[item[0]].pop(0) == item, "the order of a flow"
    rest = queue.take(1_000)
    for flow in "abcd":
        own = [item for item in rest if item[0] == flow]
        assert own == sorted(own), "what is blocked keeps its place"
    left = {item for flow in free.values() for item in flow}
    kept = {item for item in blocked if item[1] < came[item[0]]}
    assert set(rest) == left | kept
    assert len(rest) == len(set(rest))
