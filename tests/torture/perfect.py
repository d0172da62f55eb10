"""A service that does what the model says, in memory: what plays against it must find nothing, unless it is spoilt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from tallystick.torture.model.history import Shape, write
from tallystick.torture.model.operations import (
    READS,
    Answer,
    FaceName,
    OperationCall,
    OperationKind,
    Outcome,
    PlannedOperation,
    Round,
    TokenSlot,
)
from tallystick.torture.model.rules import apply, network_answers
from tallystick.torture.model.state import ModelState, Terms, beginning
from tallystick.torture.model.worlds import Worlds, first_worlds, step

Spoil = Callable[[PlannedOperation, ModelState, ModelState], ModelState]
"""What becomes of an operation, a state and the state after it."""


def rightly(_operation: PlannedOperation, _before: ModelState, after: ModelState) -> ModelState:
    return after


@dataclass
class Perfect:
    """Answers late, loses answers, and has its network answer when it likes. `spoil`: what it does wrong."""

    terms: Terms
    random: Random
    spoil: Spoil = rightly
    lost_percent: int = 0
    ids: dict[str, str] = field(default_factory=dict)
    _state: ModelState = field(init=False)
    _made: int = 0

    def __post_init__(self) -> None:
        self._state = beginning(self.terms)

    def ask(self, operation: PlannedOperation) -> OperationCall:
        while self.random.random() < 0.4 and (possible := list(network_answers(self._state))):
            self._state = self.random.choice(possible)
        lost = self.random.randrange(100) < self.lost_percent
        if lost and self.random.random() < 0.5:
            return OperationCall(operation, None, "lost before")
        known = self._state.answered(operation.reference)
        outcome, after = self.random.choice(apply(self._state, operation))
        if operation.face is FaceName.JSON and operation.action is OperationKind.CANCEL_TOKEN:
            both = (TokenSlot.PREPAID, TokenSlot.FUNDING)
            ended = both if operation.token in both else (operation.token,)
            after = replace(after, cancelled=after.cancelled.union(slot for slot in ended if slot))
        self._state = self.spoil(operation, self._state, after)
        transaction_id, made = None, None
        if outcome.status is not None and operation.action not in READS:
            name = operation.reference or operation.original or ""
            if name not in self.ids or (known is not None and self._state.answered(operation.reference) is None):
                self._made += 1
                self.ids[name] = f"t{self._made}"
            transaction_id = self.ids[name]
            if operation.face is FaceName.JSON:
                outcome, made = self._look(operation.reference or "", outcome), known is None
        if (
            operation.face is FaceName.JSON
            and outcome.code == "DuplicateRequest"
            and self._state.find(operation.reference)
        ):
            transaction_id = self.ids[operation.reference or ""]
        return (
            OperationCall(operation, None, "lost after")
            if lost
            else OperationCall(operation, Answer(outcome, transaction_id, made))
        )

    def _look(self, reference: str, otherwise: Outcome) -> Outcome:
        """What /v1 shows of a transaction, a moment after it was made."""
        while self.random.random() < 0.4 and (possible := list(network_answers(self._state))):
            self._state = self.random.choice(possible)
        look = PlannedOperation(OperationKind.STATUS, original=reference, face=FaceName.JSON)
        return otherwise if self._state.find(reference) is None else apply(self._state, look)[0][0]


def play(seed: str, spoil: Spoil = rightly, *, lost_percent: int = 0, rounds: tuple[Round, ...] = ()) -> Worlds:
    """The worlds at the end of a history; none: an answer could not be explained."""
    terms, written = write(seed, Shape())
    service = Perfect(terms, Random(seed), spoil, lost_percent)  # noqa: S311 - a history, not a secret
    worlds = first_worlds(terms)
    for requests in rounds or written:
        ready = [operation for operation in requests if operation.original is None or operation.original in service.ids]
        while ready:
            calls = [service.ask(operation) for operation in service.random.sample(ready, len(ready))]
            worlds = step(worlds, calls)
            if not worlds:
                return worlds
            ready = [call.operation for call in calls if _again(call)]
    return worlds


def _again(call: OperationCall) -> bool:
    if call.answer is None:
        return call.operation.action not in READS
    return call.operation.until_final and call.answer.outcome.status == "Pending"
