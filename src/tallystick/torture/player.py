"""Plays a history for one buyer, over HTTP, and holds every answer against what is possible.

What is unknown is found out as the documentation tells sellers to: by the same request under the same reference, at
another process, until there is an answer. A refusal of /v1 leaves the reference free, so that the request whose answer
was lost could still be carried out later: then the query API is asked, which spends it either way.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import httpx

from tallystick.torture.faces.face import Face, RequestNames, UndecidedError
from tallystick.torture.model.operations import (
    READS,
    FaceName,
    OperationCall,
    OperationKind,
    Outcome,
    PlannedOperation,
    Round,
)
from tallystick.torture.model.state import Terms
from tallystick.torture.model.story import expected
from tallystick.torture.model.worlds import Worlds, first_worlds, step
from tallystick.torture.stage import TortureBuyer

CALL_SECONDS: Final = 60
"""How long an answer is waited for: much longer than the service promises."""

PATIENCE_SECONDS: Final = 240
"""How long anything may stay unknown or pending: a worker that was killed leaves its lease behind, for a minute."""

_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """How something unknown was found out. `asked_again`: when; `transaction_id`: where there is one."""

    operation: PlannedOperation
    why: str
    outcome: Outcome
    transaction_id: str | None
    asked_again: datetime


@dataclass(slots=True)
class Log:
    """What a run counts, over all buyers. `tell` is called after each answer."""

    tell: Callable[[], None] = lambda: None
    answered: dict[str, int] = field(default_factory=dict)
    faces: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    polls: int = 0
    longest_seconds: float = 0.0

    @property
    def operations(self) -> int:
        """Answers that say what has happened, so far, without polls."""
        return sum(self.answered.values())

    def note(self, call: OperationCall, seconds: float) -> None:
        """Count one call."""
        if call.answer is not None and call.operation.until_final and call.answer.outcome.status == "Pending":
            self.polls += 1
            return
        self.longest_seconds = max(self.longest_seconds, seconds)
        if call.answer is None:
            self.unknown[call.why] = self.unknown.get(call.why, 0) + 1
            return
        action = call.operation.action.value
        self.answered[action] = self.answered.get(action, 0) + 1
        face = call.operation.face.value
        self.faces[face] = self.faces.get(face, 0) + 1
        if (code := call.answer.outcome.code) is not None:
            self.refused[code] = self.refused.get(code, 0) + 1
        self.tell()


class ViolationError(Exception):
    """The service said, or did, what no order of events explains. `told`: all that was asked and heard, in rounds."""

    def __init__(self, message: str, terms: Terms, told: Sequence[Sequence[OperationCall]]) -> None:
        super().__init__(message)
        self.message = message
        self.terms = terms
        self.told = told


@dataclass(slots=True)
class Player:
    """Plays for one buyer at so many `processes`. `worlds`: what is possible so far.

    `patience_seconds`: how long anything may stay unknown or pending.
    """

    faces: Mapping[FaceName, Face]
    processes: int
    buyer: TortureBuyer
    log: Log
    patience_seconds: float = PATIENCE_SECONDS
    worlds: Worlds = field(init=False)
    told: list[list[OperationCall]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    _prefix: str = field(default_factory=lambda: secrets.token_hex(6))

    def __post_init__(self) -> None:
        self.worlds = first_worlds(self.buyer.terms)

    async def play(self, rounds: Sequence[Round], is_over: Callable[[], bool] = lambda: False) -> None:
        """All rounds, one after the other; none is begun when it `is_over`. Raises ViolationError."""
        for requests in rounds:
            if is_over():
                return
            possible = [operation for operation in requests if self._can_be_asked(operation)]
            if possible:
                await self._round(possible)

    async def settle_down(self) -> None:
        """Wait for all that is open, then read the balances. Raises ViolationError."""
        for reference in list(self.ids):
            if any(made.asked for world in self.worlds if (made := world.state.find(reference)) is not None):
                await self._round([PlannedOperation(OperationKind.STATUS, original=reference, until_final=True)])
        for read in (OperationKind.PREPAID_BALANCE, OperationKind.DEBT_BALANCE):
            await self._until_answered(PlannedOperation(read))

    def _can_be_asked(self, operation: PlannedOperation) -> bool:
        """Whether the transaction that it is about exists: who made it may have been refused."""
        return operation.original is None or operation.original in self.ids

    async def _round(self, requests: Sequence[PlannedOperation]) -> None:
        calls = await asyncio.gather(*(self._ask(operation) for operation in requests))
        self._held_against_the_model(calls)
        for call in calls:
            if call.answer is None and call.operation.action not in READS:
                await self._find_out(call)
        for operation in requests:
            if operation.until_final:
                await self._until_final(operation)

    async def _find_out(self, unknown: OperationCall) -> None:
        asked_again = datetime.now(UTC)
        call = await self._until_answered(unknown.operation)
        by_json = unknown.operation.face is FaceName.JSON and unknown.operation.reference is not None
        if by_json and any(unknown.operation in world.unanswered for world in self.worlds):
            call = await self._until_answered(replace(unknown.operation, face=FaceName.QUERY))
        if call.answer is not None:
            outcome, transaction_id = call.answer.outcome, call.answer.transaction_id
            self.log.found.append(Found(unknown.operation, unknown.why, outcome, transaction_id, asked_again))

    async def _until_answered(self, operation: PlannedOperation) -> OperationCall:
        """Ask again, at one process after the other. Raises ViolationError: there is no answer, for a long time."""
        pause, until, server = _FIRST_PAUSE_SECONDS, monotonic() + self.patience_seconds, operation.server
        while True:
            server += 1
            call = replace(await self._ask(operation, server), again=True)
            self._held_against_the_model([call])
            if call.answer is not None:
                return call
            if monotonic() > until:
                raise self._violation(f"{operation.action} has had no answer for {self.patience_seconds:.0f} seconds")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _until_final(self, operation: PlannedOperation) -> None:
        pause, until = _FIRST_PAUSE_SECONDS, monotonic() + self.patience_seconds
        while True:
            call = await self._until_answered(operation)
            if call.answer is None or call.answer.outcome.status != "Pending":
                return
            if monotonic() > until:
                raise self._violation(f"{operation.original} has been Pending for {self.patience_seconds:.0f} seconds")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _ask(self, operation: PlannedOperation, server: int | None = None) -> OperationCall:
        began = monotonic()
        call = await self._heard(operation, (operation.server if server is None else server) % self.processes)
        self.log.note(call, monotonic() - began)
        if call.answer is not None and operation.reference is not None and call.answer.transaction_id is not None:
            self.ids[operation.reference] = call.answer.transaction_id
        return call

    async def _heard(self, operation: PlannedOperation, server: int) -> OperationCall:
        names = RequestNames(self.buyer, self._prefix, self.ids)
        try:
            answer = await self.faces[operation.face].ask(operation, names, server)
        except UndecidedError as undecided:
            return OperationCall(operation, None, undecided.why, server)
        except httpx.HTTPError as error:
            return OperationCall(operation, None, type(error).__name__, server)
        return OperationCall(operation, answer, server=server)

    def _held_against_the_model(self, calls: Sequence[OperationCall]) -> None:
        self.told.append(list(calls))
        after = step(self.worlds, calls)
        if not after:
            raise self._violation(_what_is_wrong(self.worlds, calls))
        self.worlds = after

    def _violation(self, message: str) -> ViolationError:
        return ViolationError(message, self.buyer.terms, self.told)


def _what_is_wrong(worlds: Worlds, calls: Sequence[OperationCall]) -> str:
    if len(calls) == 1:
        return f"the last answer should have been: {expected(worlds, calls[0].operation)}"
    alone = "; ".join(f"{call.operation.action}: {expected(worlds, call.operation)}" for call in calls)
    return f"no order of the last requests explains their answers; each alone would have been {alone}"
