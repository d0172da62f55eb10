"""Plain charges of the JSON interface in the lane of plain calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tallystick.services.api.callers import by_bearer
from tallystick.services.process.meter import NO_ACTION
from tallystick.web.api.calls import MeasuredCall
from tallystick.web.api.plain.lane import LaneCall
from tallystick.web.v1.charging.plain import PATH, Charge, PlainCharge
from tallystick.web.v1.table import ENDPOINTS

if TYPE_CHECKING:
    import asyncio

    from tallystick.web.api.asgi import HttpAnswer, Receive, Scope, Send
    from tallystick.web.api.plain.lane import Lane, LaneClient, WholeRequest
    from tallystick.web.v1.app import JsonApi

_ACTION: Final = next(one.action for one in ENDPOINTS if (one.method, one.path) == ("POST", PATH)) or NO_ACTION


class ChargeLaneCall(LaneCall, eq=False, kw_only=True):
    """One of these charges."""

    api: JsonApi
    charge: Charge

    def carry_out(self) -> asyncio.Future[Any]:
        """As in the application."""
        return self.api.plain.begin(self.charge)

    def told(self, came: Any) -> HttpAnswer | None:  # noqa: ANN401 - an Outcome
        """As in the application: what was charged has its answer here, and all else the general way."""
        charge = self.charge
        charged = charge.charged_by(came)
        if charged is None:
            return None
        self.keep(charged.transaction_id)
        answer = charge.answer(charged, self.request_id)
        return self.api.charged(PlainCharge(None, charge.key, True, charged.transaction_id), answer, self.watched)

    def failure(self, error: Exception) -> HttpAnswer:
        """As in the application."""
        return self.api.failed(error, self.request_id, self.watched)

    async def answer_anew(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """The general way, with key and authorization read from the database."""
        self.api.plain.forget(self.charge)
        begun = self.charge.transaction_id
        await self.api.charge_anew(self.body, self.request_id, self.watched, begun, scope, send)


@dataclass(frozen=True, slots=True)
class ChargeTaker:
    """Knows these charges among requests for their path."""

    api: JsonApi

    def let_in(self, request: WholeRequest, client: LaneClient, lane: Lane) -> LaneCall | None:
        """A charge that has passed all checks; None: it is the application's."""
        api = self.api
        if request.method != "POST" or request.query or api.caller_of is not by_bearer:
            return None
        charge = api.plain.read(request.said, request.body)
        if charge is None or charge.token_id is None:
            return None
        if not api.plain.admits(charge, lambda: api.address_of(client.scope())):
            return None
        watched, refuse = MeasuredCall(_ACTION), lane.front.refusing.json
        return ChargeLaneCall(lane, client, charge.key, request.body, watched, refuse, api=api, charge=charge)
