"""A lane of their own for plain calls: from what a connection has sent to the books, and back, with nothing between.

No task, no messages of ASGI, nothing that is awaited: a call is begun while its bytes are read, and answered by whoever
tells what came of it. All guards that a call meets elsewhere are asked here too, and in the same words; a call that
one of them would stop, and whatever else the lane is not sure of, is left to the application before anything is done
with it. What the calls of one path are, their `Taker` knows: `query_lane.py`, `web/v1/charge_lane.py`.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog
from msgspec import Struct
from msgspec import field as member

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.callers import StaleCachedKeyError
from tallystick.services.api.kept_requests import keeps_request
from tallystick.services.process.random_pool import RANDOM_POOL
from tallystick.web.api.asgi import CLOSE, HttpAnswer
from tallystick.web.api.calls import keep_request
from tallystick.web.api.calls_under_way import GIVEN_UP, UNKNOWN, with_retry_after

if TYPE_CHECKING:
    from tallystick.services.api.callers import AccessKey
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Application, Receive, Scope, Send
    from tallystick.web.api.calls import MeasuredCall
    from tallystick.web.api.calls_under_way import CallsUnderWay, Refuse
    from tallystick.web.api.front import Front
    from tallystick.web.api.strict_answers import StrictAnswers

_log: Final = structlog.get_logger(__name__)


class WholeRequest(Protocol):
    """A request of HTTP/1.1 that has come whole. `said`: its headers, each once, their names in lower case."""

    method: str
    path: str
    query: bytes
    body: bytes
    said: dict[bytes, bytes]


class LaneClient(Protocol):
    """Who has sent a request, and waits for one answer to it."""

    def scope(self) -> Scope:
        """The request as an application gets it."""

    def answer(self, answer: HttpAnswer, last: tuple[tuple[bytes, bytes], ...]) -> None:
        """Send a whole answer. `last`: headers that stand behind its own and its length."""

    def ask(self, application: Application) -> None:
        """Have an application answer instead."""

    def failed(self) -> None:
        """Tell that there is no answer."""


class LaneCall(Struct, eq=False):
    """A call that was let in. `body`: of its request, empty for a query. `began`: by the clock of calls under way."""

    lane: Lane
    client: LaneClient
    key: AccessKey
    body: bytes
    watched: MeasuredCall
    refuse: Refuse
    request_id: str = member(default_factory=RANDOM_POOL.uuid)
    began: float = member(default_factory=monotonic)
    waits_for: asyncio.Future[Any] | None = None
    """Its turn, or what is to come of it."""
    reading: bool = False
    answered: bool = False
    expired: bool = False

    def __repr__(self) -> str:
        """Short: a future that is shown shows whom it will tell, and all of a service hangs on this."""
        return f"<{type(self).__name__} {self.request_id}>"

    def carry_out(self) -> asyncio.Future[Any]:
        """Do what it asks for: what is to come of it. Raises Refused: it is for who reads the key to say."""
        raise NotImplementedError

    def told(self, came: Any) -> HttpAnswer | None:  # noqa: ANN401 - each kind of call knows its own
        """The answer to what came of it; None, and StaleCachedKeyError: ask anew. Raises what is a failure."""
        raise NotImplementedError

    def failure(self, error: Exception) -> HttpAnswer:
        """What its caller hears of an exception."""
        raise NotImplementedError

    async def answer_anew(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it as an application, the general way, which reads its key."""
        raise NotImplementedError

    def begin(self) -> None:
        """Do what it asks for as soon as it is its caller's turn."""
        self.lane.under_way.begin(self)
        shares, key = self.lane.service.calls, self.key
        if shares.begins(key.party_id, 1, key.flow):
            self._carry_out()
            return
        self.waits_for = turn = shares.turn_later(key.party_id, 1, key.flow)
        turn.add_done_callback(self._turn_came)

    def _turn_came(self, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            self.lane.under_way.end(self)
        elif self.expired:
            self._end_turn()
            self.lane.under_way.end(self)
        else:
            self._carry_out()

    def _end_turn(self) -> None:
        self.lane.service.calls.ended(self.key.party_id)

    def _carry_out(self) -> None:
        """It is its turn. What is refused before it has begun is for who has read the key to say, as in `in_turn`."""
        try:
            self.waits_for = coming = self.carry_out()
        except Refused:
            self._end_turn()
            self._ask_anew()
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            self._end_turn()
            self._finish(self.failure(error))
        else:
            coming.add_done_callback(self._came)

    def _came(self, coming: asyncio.Future[Any]) -> None:
        """What was asked for is done, or never will be."""
        self._end_turn()
        if self.expired:
            self.lane.under_way.end(self)
            if not coming.cancelled():
                coming.exception()  # nobody is left whom it could be told
            return
        try:
            answer = self.told(coming.result())
        except StaleCachedKeyError:
            answer = None
        except asyncio.CancelledError:
            self._give_up()
            return
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            answer = self.failure(error)
        if answer is None:
            self._ask_anew()
        else:
            self._finish(answer)

    def keep(self, transaction_id: str) -> None:
        """Keep the request that came to a transaction, where there is room."""
        if keeps_request(self.lane.service, transaction_id):
            scope = self.client.scope()
            content = self.body or scope["query_string"]
            keep_request(self.lane.service, transaction_id, scope, content, self.request_id)

    def _finish(self, answer: HttpAnswer) -> None:
        lane = self.lane
        lane.under_way.end(self)
        try:
            self.watched.answered(lane.service, self.request_id)
        except Exception:  # noqa: BLE001 - as of an application that fails
            _log.exception("application_failed")
            self.client.failed()
        else:
            self.client.answer(answer, lane.answers.last_headers())

    def _ask_anew(self) -> None:
        """Start again, the general way, in the time that is left."""
        self.lane.under_way.hand_over(self)
        self.client.ask(self._general_way)

    def _general_way(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        send = self.lane.answers.strict(scope, send)
        return self.lane.under_way.carry_out(self.answer_anew, self.refuse, scope, receive, send, self.began)

    def _give_up(self) -> None:
        """Something that was waited for was given up, such as a connection."""
        _log.error("call_given_up", traceback=traceback.format_exc())
        self.lane.under_way.end(self)
        self._tell(GIVEN_UP)

    def stop(self) -> None:
        """Wait no longer."""
        if self.waits_for is not None:
            self.waits_for.cancel()

    async def expire(self) -> None:
        """Answer that its time is up."""
        self._tell(UNKNOWN)

    def _tell(self, why: str) -> None:
        answer = with_retry_after(self.refuse(Refused(Refusal.ServiceUnavailable, why)), 5)
        last = self.lane.answers.last_headers()
        if CLOSE in last:  # it stands there once
            answer = HttpAnswer(answer.status, tuple(one for one in answer.headers if one != CLOSE), answer.body)
        self.client.answer(answer, last)


class Taker(Protocol):
    """Knows the plain calls of one path."""

    def let_in(self, request: WholeRequest, client: LaneClient, lane: Lane) -> LaneCall | None:
        """A call that has passed all checks; None: it is the application's, and nothing was done with it."""


@dataclass(slots=True, repr=False)
class Lane:
    """Takes plain calls out of connections. `front`, `answers`: what they meet on the application's way."""

    service: Service
    front: Front
    answers: StrictAnswers
    takers: Mapping[str, Taker]
    under_way: CallsUnderWay = field(init=False)
    _has_limits: bool = field(init=False)

    def __post_init__(self) -> None:
        self.under_way = self.front.under_way
        self._has_limits = bool(self.front.rates.per_second or self.front.by_route)

    def takes(self, request: WholeRequest, client: LaneClient) -> bool:
        """Begin a call, which `client` hears of. False: it is the application's, and nothing was done with it."""
        taker = self.takers.get(request.path)
        if taker is None or self.under_way.crowded or self._has_limits:
            return False
        try:
            call = taker.let_in(request, client, self)
        except Exception:  # noqa: BLE001 - the application meets it too, and answers
            return False
        if call is None:
            return False
        call.begin()
        return True
