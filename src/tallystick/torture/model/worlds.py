"""Every truth that is still possible, given what was asked and heard so far.

Requests of a round are under way at the same time, answers get lost, networks answer when they like: so there is not
one state but a set of them. Each answer leaves those in which it can be the truth. When none is left, the service has
said something that no order of events explains.

An answer of /v1 shows the transaction as it is when it is looked at, a moment after it was made: so such a call is two
steps, and networks and others may come between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tallystick.torture.model.operations import (
    READS,
    Answer,
    FaceName,
    OperationCall,
    OperationKind,
    Outcome,
    PlannedOperation,
    TokenSlot,
)
from tallystick.torture.model.rules import apply, network_answers, topics, without_effect
from tallystick.torture.model.state import ModelState, Terms, beginning


@dataclass(frozen=True, slots=True)
class World:
    """One possible truth, with operations without an answer that may still be carried out."""

    state: ModelState
    unanswered: frozenset[PlannedOperation] = frozenset()


Worlds = frozenset[World]


@dataclass(frozen=True, slots=True)
class CallStep:
    """A part of a call that was answered. `after`: the number of the step before it; None: it is the first."""

    operation: PlannedOperation
    answer: Answer
    after: int | None = None


def first_worlds(terms: Terms) -> Worlds:
    """Before anything was asked, there is one."""
    return frozenset({World(beginning(terms))})


def step(worlds: Worlds, calls: Sequence[OperationCall]) -> Worlds:
    """The worlds after calls that were under way at the same time; none: the answers cannot be explained."""
    heard: list[CallStep] = []
    for call in calls:
        if call.answer is not None:
            heard += _steps(call.operation, call.answer, len(heard))
    open_ones = {
        part
        for call in calls
        if call.answer is None and call.operation.action not in READS
        for part in _parts(call.operation)
    }
    after: set[World] = set()
    for world in worlds:
        after |= _orders(world, heard, open_ones)
    return frozenset(after)


def _parts(operation: PlannedOperation) -> Sequence[PlannedOperation]:
    """What /v1 carries out one after the other: an authorization of a balance ends with both of its tokens."""
    if operation.action is not OperationKind.CANCEL_TOKEN or operation.face is FaceName.QUERY:
        return (operation,)
    both = (TokenSlot.PREPAID, TokenSlot.FUNDING)
    return [replace(operation, token=token) for token in (both if operation.token in both else (operation.token,))]


def _steps(operation: PlannedOperation, answer: Answer, first: int) -> Sequence[CallStep]:
    """A call in its steps, the first of which has the number `first`."""
    if operation.face is FaceName.QUERY or operation.action in READS:
        return (CallStep(operation, answer),)
    if operation.action is OperationKind.CANCEL_TOKEN:
        return [
            CallStep(part, answer, None if number == 0 else first + number - 1)
            for number, part in enumerate(_parts(operation))
        ]
    if answer.outcome.code is not None:
        return (CallStep(operation, answer),)
    look = PlannedOperation(OperationKind.STATUS, original=operation.reference, face=FaceName.JSON)
    return CallStep(operation, replace(answer, outcome=Outcome())), CallStep(look, Answer(answer.outcome), first)


def _orders(world: World, heard: Sequence[CallStep], open_ones: Iterable[PlannedOperation]) -> set[World]:
    """All orders in which the calls may have been carried out, with the open ones anywhere between them, or later."""
    start = (world.state, frozenset(range(len(heard))), world.unanswered.union(open_ones))
    seen, waiting, after = {start}, [start], set()
    about = frozenset().union(*map(topics, (*(one.operation for one in heard), *start[2])))
    while waiting:
        state, left, unanswered = waiting.pop()
        if not left:
            after.add(_tidied(state, unanswered))
            continue
        following = [(answered, left, unanswered) for answered in network_answers(state, about)]
        for number in left:
            if heard[number].after not in left:
                following += [(then, left - {number}, unanswered) for then in _explained(state, heard[number])]
        for operation in unanswered:
            following += [
                (then, left, unanswered - {operation}) for _, then in apply(state, operation) if then is not state
            ]
        for node in following:
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return after


def _tidied(state: ModelState, unanswered: frozenset[PlannedOperation]) -> World:
    return World(state, frozenset(operation for operation in unanswered if not without_effect(state, operation)))


def _explained(state: ModelState, one: CallStep) -> Iterable[ModelState]:
    """The states after a step, of those in which it comes to just this answer."""
    operation, answer = one.operation, one.answer
    if answer.made is not None and answer.made is (state.answered(operation.reference) is not None):
        return
    for outcome, after in apply(state, operation):
        if not _fits(outcome, one):
            continue
        made = after.find(operation.reference or operation.original)
        if answer.transaction_id is None:
            if made is None or not _must_be_named(one):
                yield after
        elif made is None:
            continue
        elif made.transaction_id == answer.transaction_id:
            yield after
        elif made.transaction_id is None and operation.reference is not None:
            yield after.having(replace(made, transaction_id=answer.transaction_id))


def _fits(outcome: Outcome, one: CallStep) -> bool:
    """Whether this is what was heard. What /v1 makes of a request is told by the look at it that follows."""
    if one.operation.face is FaceName.QUERY or one.operation.action in READS or one.answer.outcome.code is not None:
        return outcome == one.answer.outcome
    return outcome.code is None


def _must_be_named(one: CallStep) -> bool:
    """Where a reference stands for another transaction, /v1 says for which."""
    return one.operation.face is FaceName.JSON and one.answer.outcome.code == "DuplicateRequest"
