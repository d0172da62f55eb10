"""Every truth that is still possible, given what was asked and heard so far.

Requests of a round are under way at the same time, answers get lost, networks answer when they like: so there is not
one state but a set of them. Each answer leaves those in which it can be the truth. When none is left, the service has
said something that no order of events explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tallystick.torture.model.operations import READS, Answer, OperationCall, PlannedOperation
from tallystick.torture.model.rules import apply, network_answers, topics, without_effect
from tallystick.torture.model.state import ModelState, Terms, beginning


@dataclass(frozen=True, slots=True)
class World:
    """One possible truth, with operations without an answer that may still be carried out."""

    state: ModelState
    unanswered: frozenset[PlannedOperation] = frozenset()


Worlds = frozenset[World]


def first_worlds(terms: Terms) -> Worlds:
    """Before anything was asked, there is one."""
    return frozenset({World(beginning(terms))})


def step(worlds: Worlds, calls: Sequence[OperationCall]) -> Worlds:
    """The worlds after calls that were under way at the same time; none: the answers cannot be explained."""
    heard = [(call.operation, call.answer) for call in calls if call.answer is not None]
    open_ones = {call.operation for call in calls if call.answer is None and call.operation.action not in READS}
    after: set[World] = set()
    for world in worlds:
        after |= _orders(world, heard, open_ones)
    return frozenset(after)


def _orders(
    world: World, heard: Sequence[tuple[PlannedOperation, Answer]], open_ones: Iterable[PlannedOperation]
) -> set[World]:
    """All orders in which the calls may have been carried out, with the open ones anywhere between them, or later."""
    start = (world.state, frozenset(range(len(heard))), world.unanswered.union(open_ones))
    seen, waiting, after = {start}, [start], set()
    about = frozenset().union(*map(topics, (*(operation for operation, _ in heard), *start[2])))
    while waiting:
        state, left, unanswered = waiting.pop()
        if not left:
            after.add(_tidied(state, unanswered))
            continue
        following = [(answered, left, unanswered) for answered in network_answers(state, about)]
        for number in left:
            following += [(then, left - {number}, unanswered) for then in _explained(state, *heard[number])]
        for operation in unanswered:
            following += [(then, left, unanswered - {operation}) for _, then in apply(state, operation)]
        for node in following:
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return after


def _tidied(state: ModelState, unanswered: frozenset[PlannedOperation]) -> World:
    return World(state, frozenset(operation for operation in unanswered if not without_effect(state, operation)))


def _explained(state: ModelState, operation: PlannedOperation, answer: Answer) -> Iterable[ModelState]:
    """The states after `operation`, of those in which it comes to just this answer."""
    for outcome, after in apply(state, operation):
        if outcome != answer.outcome:
            continue
        if answer.transaction_id is None:
            yield after
            continue
        made = after.find(operation.reference or operation.original)
        if made is None:
            continue
        if made.transaction_id == answer.transaction_id:
            yield after
        elif made.transaction_id is None and operation.reference is not None:
            yield after.having(replace(made, transaction_id=answer.transaction_id))
