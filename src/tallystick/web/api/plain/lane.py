"""A lane of their own for plain calls: from what a connection has sent to the books, and back, with nothing between.

No task, no messages of ASGI, nothing that is awaited: a call is begun while its bytes are read, and answered by whoever
tells what came of it. All guards that a call meets elsewhere are asked here too, and in the same words; a call that
one of them would stop, and whatever else the lane is not sure of, is left to the application before anything is done
with it. `tests/web/api/test_lane.py` holds the answers of both ways against each other.
"""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
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
from tallystick.web.api.calls import MeasuredCall, keep_request
from tallystick.web.api.calls_under_way import GIVEN_UP, UNKNOWN, with_retry_after
from tallystick.web.api.plain.plain_calls import FORMS
from tallystick.web.api.query_api import HEADERS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Application, Receive, Scope, Send
    from tallystick.web.api.calls_under_way import CallsUnderWay
    from tallystick.web.api.front import Front
    from tallystick.web.api.plain.plain_calls import PlainCall
    from tallystick.web.api.query_api import QueryApi
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
    """A call that was let in. `body`: of the request, empty for a query. `began`: by the clock of calls under way."""

    lane: Lane
    client: LaneClient
    plain: PlainCall
    body: bytes
    watched: MeasuredCall
    request_id: str = member(default_factory=RANDOM_POOL.uuid)
    began: float = member(default_factory=monotonic)
    waits_for: asyncio.Future[Any] | None = None
    """Its turn, or what is to come of it."""
    reading: bool = False
    answered: bool = False
    expired: bool = False

    def begin(self) -> None:
        """Do what it asks for as soon as it is its caller's turn."""
        self.lane.under_way.begin(self)
        shares, key = self.lane.service.calls, self.plain.key
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
        self.lane.service.calls.ended(self.plain.key.party_id)

    def _carry_out(self) -> None:
        """It is its turn. What is refused before it has begun is for who has read the key to say, as in `in_turn`."""
        try:
            self.waits_for = coming = self.lane.api.plain.begin(self.plain)
        except Refused:
            self._end_turn()
            self._ask_anew()
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            self._end_turn()
            self._finish(self.lane.api.failed(error, self.request_id, self.watched))
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
            answer = self._answer_to(coming)
        except StaleCachedKeyError:
            self._ask_anew()
        except asyncio.CancelledError:
            self._give_up()
        else:
            self._finish(answer)

    def _answer_to(self, coming: asyncio.Future[Any]) -> HttpAnswer:
        """Raises StaleCachedKeyError; CancelledError: nobody will tell what came of it."""
        lane, watched = self.lane, self.watched
        try:
            body = lane.api.plain.told(self.plain, coming.result(), watched, self.request_id)
            transaction_id = watched.transaction_id
            if transaction_id is not None and keeps_request(lane.service, transaction_id):
                scope = self.client.scope()
                keep_request(lane.service, transaction_id, scope, self.body or scope["query_string"], self.request_id)
            return HttpAnswer(HTTPStatus.OK, HEADERS, body)
        except StaleCachedKeyError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            return lane.api.failed(error, self.request_id, watched)

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
        """Start again with the key read from the database, as the application does, in the time that is left."""
        self.lane.under_way.hand_over(self)
        self.client.ask(partial(self.lane.answer_anew, self))

    def _give_up(self) -> None:
        """Something that was waited for was given up, such as a connection."""
        _log.error("call_given_up", traceback=traceback.format_exc())
        self.lane.under_way.end(self)
        self._refuse(GIVEN_UP)

    def stop(self) -> None:
        """Wait no longer."""
        if self.waits_for is not None:
            self.waits_for.cancel()

    async def expire(self) -> None:
        """Answer that its time is up."""
        self._refuse(UNKNOWN)

    def _refuse(self, why: str) -> None:
        answer = with_retry_after(self.lane.front.refusing.query(Refused(Refusal.ServiceUnavailable, why)), 5)
        last = self.lane.answers.last_headers()
        if CLOSE in last:  # it stands there once
            answer = HttpAnswer(answer.status, tuple(one for one in answer.headers if one != CLOSE), answer.body)
        self.client.answer(answer, last)


@dataclass(slots=True)
class Lane:
    """Takes plain calls out of connections. `front`, `answers`: what they meet on the application's way."""

    api: QueryApi
    front: Front
    answers: StrictAnswers
    service: Service = field(init=False)
    under_way: CallsUnderWay = field(init=False)
    _has_limits: bool = field(init=False)

    def __post_init__(self) -> None:
        self.service, self.under_way = self.api.service, self.front.under_way
        self._has_limits = bool(self.front.rates.per_second or self.front.by_route)

    def takes(self, request: WholeRequest, client: LaneClient) -> bool:
        """Begin a call, which `client` hears of. False: it is the application's, and nothing was done with it."""
        if request.path != "/" or self.under_way.crowded or self._has_limits or not self._is_call(request):
            return False
        try:
            host = request.said[b"host"].decode("latin-1")
            plain = self.api.plain.read_query(request.method, request.query or request.body, host)
            if plain is None or not self.api.plain.lets_in(plain, client.scope):
                return False
        except Exception:  # noqa: BLE001 - the application meets it too, and answers
            return False
        watched = MeasuredCall(plain.action, key_id=plain.key.access_key_id)
        LaneCall(self, client, plain, request.body, watched).begin()
        return True

    def _is_call(self, request: WholeRequest) -> bool:
        """Whether its parameters stand where those of plain calls do: in the query of a GET, or in a form."""
        if request.method == "GET":
            return bool(request.query)
        said = request.said
        kind = said.get(b"content-type", b"").decode("latin-1")
        return bool(request.body) and not request.query and kind in FORMS and b"soapaction" not in said

    def answer_anew(self, call: LaneCall, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The application that answers a call which its cached key did not open."""
        send = self.answers.strict(scope, send)
        application, refuse = partial(self.api.answer_anew, call), self.front.refusing.query
        return self.under_way.carry_out(application, refuse, scope, receive, send, call.began)
