"""The front of all applications. It keeps the hot path short, and what is too much outside.

The query API and SOAP live at ``/`` and nowhere else; everything else goes to the pages, so that a Pay never walks
through middleware that is made for people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tallystick.domain.refusals import Refusal, Refused
from tallystick.web.api.asgi import BATCH_PATH, is_soap, respond
from tallystick.web.api.calls_under_way import BUSY, CallsUnderWay, told_to_wait

if TYPE_CHECKING:
    from tallystick.web.api.asgi import Application, Receive, Scope, Send
    from tallystick.web.api.calls_under_way import Refuse
    from tallystick.web.api.refusing import Refusing

_OF_OPERATORS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Answered however much there is to do: whoever watches over us must not take us for dead."""


@dataclass(frozen=True, slots=True)
class Front:
    """Sends ``/`` to the query API or to SOAP, batches to theirs, all the rest, start and end too, to the pages."""

    query_api: Application
    soap: Application
    batch_api: Application
    pages: Application
    refusing: Refusing
    under_way: CallsUnderWay = field(default_factory=CallsUnderWay)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have one request answered, in time."""
        if scope["type"] != "http":
            await self.pages(scope, receive, send)
            return
        application, refuse = self._choose(scope)
        seconds = self.under_way.refusal()
        if seconds is not None and scope["path"] not in _OF_OPERATORS:
            answer = told_to_wait(refuse(Refused(Refusal.ServiceUnavailable, BUSY)), seconds)
            await respond(send, answer.status, answer.headers, answer.body)
            return
        await self.under_way.carry_out(application, refuse, scope, receive, send)

    def _choose(self, scope: Scope) -> tuple[Application, Refuse]:
        """Who answers a request, and who refuses it in the same form."""
        path = scope["path"]
        if path in {"/", ""}:
            return (self.soap, self.refusing.soap) if is_soap(scope) else (self.query_api, self.refusing.query)
        if path == BATCH_PATH:
            return self.batch_api, self.refusing.batch
        return self.pages, self.refusing.page
