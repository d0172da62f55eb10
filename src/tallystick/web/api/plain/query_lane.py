"""Plain calls of the query API in the lane: signed Pays and GetPrepaidBalances, with a query or a form."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tallystick.web.api.asgi import HttpAnswer
from tallystick.web.api.calls import MeasuredCall
from tallystick.web.api.plain.lane import LaneCall
from tallystick.web.api.plain.plain_calls import FORMS, PlainCall
from tallystick.web.api.query_api import HEADERS

if TYPE_CHECKING:
    import asyncio

    from tallystick.web.api.asgi import Receive, Scope, Send
    from tallystick.web.api.plain.lane import Lane, LaneClient, WholeRequest
    from tallystick.web.api.query_api import QueryApi


class QueryLaneCall(LaneCall, eq=False, kw_only=True):
    """One of these calls."""

    api: QueryApi
    plain: PlainCall

    def carry_out(self) -> asyncio.Future[Any]:
        """As in the application."""
        return self.api.plain.begin(self.plain)

    def told(self, came: Any) -> HttpAnswer | None:  # noqa: ANN401 - an Outcome, or what was read of a balance
        """As in the application."""
        body = self.api.plain.told(self.plain, came, self.watched, self.request_id)
        if self.watched.transaction_id is not None:
            self.keep(self.watched.transaction_id)
        return HttpAnswer(HTTPStatus.OK, HEADERS, body)

    def failure(self, error: Exception) -> HttpAnswer:
        """As in the application."""
        return self.api.failed(error, self.request_id, self.watched)

    async def answer_anew(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """With the key read from the database."""
        await self.api.answer_anew(self.plain.action, self.body, self.request_id, self.watched, scope, send)


@dataclass(frozen=True, slots=True)
class QueryTaker:
    """Knows these calls among requests for ``/``."""

    api: QueryApi

    def let_in(self, request: WholeRequest, client: LaneClient, lane: Lane) -> LaneCall | None:
        """A call that has passed all checks; None: it is the application's."""
        if not _is_call(request):
            return None
        plain_calls, host = self.api.plain, request.said[b"host"].decode("latin-1")
        plain = plain_calls.read_query(request.method, request.query or request.body, host)
        if plain is None or not plain_calls.lets_in(plain, client.scope):
            return None
        key = plain.key
        watched = MeasuredCall(plain.action, key_id=key.access_key_id)
        refuse = lane.front.refusing.query
        return QueryLaneCall(lane, client, key, request.body, watched, refuse, api=self.api, plain=plain)


def _is_call(request: WholeRequest) -> bool:
    """Whether its parameters stand where those of plain calls do: in the query of a GET, or in a form."""
    if request.method == "GET":
        return bool(request.query)
    said = request.said
    kind = said.get(b"content-type", b"").decode("latin-1")
    return bool(request.body) and not request.query and kind in FORMS and b"soapaction" not in said
