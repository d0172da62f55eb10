"""What an interface must be able to do, and the names that its requests have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tallystick.torture.model.operations import Answer, PlannedOperation
from tallystick.torture.stage import TortureBuyer

UNDECIDED: Final = frozenset(
    {
        "ConcurrentModification",
        "RequestExpired",  # by a process whose clock is wrong
        "ServiceUnavailable",
        "Throttling",
    }
)
"""Refusals that spend no reference, and that leave open what has happened: to be asked again.

InternalError is none of them: no fault that there is here excuses an exception that nobody expected.
"""

UNREADABLE: Final = "Unreadable"
"""What came instead of an answer could not be read."""


class UndecidedError(Exception):
    """There is no answer that tells what has happened. `why`: what came instead."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class RequestNames:
    """What the names of a history are for the service. `ids`: of the transactions, by their references."""

    buyer: TortureBuyer
    prefix: str
    ids: Mapping[str, str]

    def reference(self, operation: PlannedOperation) -> str | None:
        """The CallerReference, or Idempotency-Key, of a request."""
        return None if operation.reference is None else f"{self.prefix}-{operation.reference}"


class Face(Protocol):
    """One way to ask a process."""

    async def ask(self, operation: PlannedOperation, names: RequestNames, server: int) -> Answer:
        """One request. `server`: the number of the process. Raises UndecidedError, httpx.HTTPError."""
        ...
