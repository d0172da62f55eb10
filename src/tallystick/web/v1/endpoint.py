"""What an endpoint is: a row of the table from which routing, reading, answers, documents and tests are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from tallystick.services.operations.audit import Actor
from tallystick.services.seller.manual_operations import BookContext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallystick.domain.ids import TransactionId
    from tallystick.domain.scopes import KeyScope
    from tallystick.services.api.callers import AccessKey
    from tallystick.services.api.read_budget import ReadTurn
    from tallystick.services.context import Service
    from tallystick.web.v1.inputs import Given, JsonInput

VERSION: Final = "2026-12-01"
"""Of the interface: the only one so far."""


JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is well formed, of a key that may ask it. `now`: the service's clock. `subject`: its path's id.

    `turn`: of an endpoint that reads much. `begun`: the transaction that this very request may have made already,
    before it was found that it must be asked anew: finding that one is no repetition.
    """

    service: Service
    key: AccessKey
    now: datetime
    subject: str
    given: Given
    idempotency_key: str
    turn: ReadTurn | None = None
    begun: TransactionId | None = None

    async def step_aside(self) -> None:
        """Between two pieces of long work: let others go on, for as long as they need it."""
        if self.turn is not None:
            await self.turn.step_aside()

    @property
    def books(self) -> BookContext:
        """The seller's books, by their own clock."""
        return books_of(self.service, self.key, self.now)


_PROGRAM: Final = Actor(None)
"""Nothing here goes to the audit log: what programs do with money is in the books."""


def books_of(service: Service, key: AccessKey, now: datetime) -> BookContext:
    """The books of a key's seller, by their own clock."""
    return BookContext(service, _PROGRAM, key.party_id, key.environment, key.parts, now + key.clock_offset)


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint comes to. `transaction_id`: of the money that it moved; `replayed`: it was answered before.

    `body`: members, or the bytes of a file. `kept`: of a request that moves money several times, each transaction with
    its part of the request.
    """

    body: Mapping[str, Any] | bytes
    transaction_id: str | None = None
    replayed: bool = False
    kept: Sequence[tuple[str, bytes]] = ()


Perform = Callable[[Asked], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. ``{id}`` in `path` is the id of what it is about; `subject` says what that is.

    `action`: the action of the query API whose use case it calls; metrics count it as that. `codes`: the problems that
    it can have beside those of `ANY`. `reads_much`: it has its turn among the calls that do. `moves_money`: it takes
    an Idempotency-Key, and so does one that `takes_key`. `has_tag`: its answer has an ETag. `status`: of an answer that
    repeats nothing. `media_type`: of what it answers with, where that is a file. `most_bytes`: of a body. `is_batch`:
    it takes its turns itself.
    """

    method: str
    path: str
    name: str
    summary: str
    action: str
    scopes: KeyScope
    perform: Perform
    answer: str
    inputs: tuple[JsonInput, ...] = ()
    subject: str = ""
    codes: tuple[str, ...] = ()
    reads_much: bool = False
    moves_money: bool = False
    is_list: bool = False
    has_tag: bool = False
    takes_key: bool = False
    status: int = HTTPStatus.OK
    media_type: str = JSON
    most_bytes: int = 64 * 1024
    is_batch: bool = False

    @property
    def has_body(self) -> bool:
        """Whether its fields come in a body, not in the query string."""
        return self.method in {"POST", "PATCH"}
