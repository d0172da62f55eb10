"""The front of all applications. It keeps the hot path short, and what is too much outside.

The query API and SOAP live at ``/`` and nowhere else; everything else goes to the pages, what browsers ask for at ``/``
too, so that a Pay never walks through middleware that is made for people. What watches over the process is answered
without the pages, which are loaded for the first one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fair_shares import CallRates, ThrottledError
from tallystick.web.api.asgi import BATCH_PATH, JSON_PATHS, is_browser, is_soap, live, respond, unknown_address
from tallystick.web.api.calls_under_way import BUSY, CallsUnderWay, with_retry_after
from tallystick.web.probes.probes import is_probe

if TYPE_CHECKING:
    from tallystick.web.api.asgi import Application, Receive, Scope, Send
    from tallystick.web.api.calls_under_way import Refuse
    from tallystick.web.api.refusing import RefusalWriter

_STATIC: Final = "/static/"
_BEGINNINGS: Final = ("/cobranded-ui/actions/", "/pba/paypipeline")
_SIGN_IN: Final = ("/sign-in", "/sign-up", "/email", "/email-code")
_BEGINNING: Final = frozenset({"start", "sign-in"})
_WEIGHT_OF_BEGINNING: Final = 10
"""A visit that begins leaves a row, and whoever signs in has a password hashed: each counts as so many requests."""


@dataclass(frozen=True, slots=True)
class Front:
    """Sends ``/`` to the query API or SOAP, batches, JSON and probes to theirs, the rest to the pages."""

    query_api: Application
    soap: Application
    batch_api: Application
    json_api: Application
    probes: Application
    """Answered however much there is to do: whoever watches over us must not take us for dead."""
    pages: Application
    refusing: RefusalWriter
    address_of: Callable[[Scope], str | None] = unknown_address
    """The address that a request comes from, where it is not a proxy's."""
    rates: CallRates = field(default_factory=lambda: CallRates(0, 0))
    """How many requests an address may send."""
    by_route: Mapping[str, CallRates] = field(default_factory=dict)
    """The same for requests of one kind, where that has a limit of its own."""
    under_way: CallsUnderWay = field(default_factory=CallsUnderWay)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Have one request answered, in time: what is to be awaited."""
        if scope["type"] == "lifespan":
            return live(receive, send)
        if scope["type"] != "http":
            return self.pages(scope, receive, send)
        application, refuse = self._choose(scope)
        if self.under_way.crowded or self.rates.per_second or self.by_route:
            refused = self._refusal(scope)
            if refused is not None:
                answer = with_retry_after(refuse(refused[0]), refused[1])
                return respond(send, answer.status, answer.headers, answer.body)
        return self.under_way.carry_out(application, refuse, scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[Refused, int] | None:
        """Why a request is not let in, and in how many seconds to try again."""
        if is_probe(scope):
            return None
        if self.under_way.crowded:
            return Refused(Refusal.ServiceUnavailable, BUSY), self.under_way.retry_seconds()
        address = self.address_of(scope)
        if address is None or scope["path"].startswith(_STATIC):
            return None
        route = _route(scope)
        limited = self.by_route.get(route)
        seconds = 0 if limited is None else limited.take(address)
        if not seconds:
            seconds = self.rates.take(address, _WEIGHT_OF_BEGINNING if route in _BEGINNING else 1)
        return (ThrottledError(seconds), seconds) if seconds else None

    def _choose(self, scope: Scope) -> tuple[Application, Refuse]:
        """Who answers a request, and who refuses it in the same form."""
        path = scope["path"]
        if path in {"/", ""}:
            if is_browser(scope):
                return self.pages, self.refusing.page
            return (self.soap, self.refusing.soap) if is_soap(scope) else (self.query_api, self.refusing.query)
        if path == BATCH_PATH:
            return self.batch_api, self.refusing.batch
        if path.startswith(JSON_PATHS):
            return self.json_api, self.refusing.json
        if is_probe(scope):
            return self.probes, self.refusing.page
        return self.pages, self.refusing.page


def _route(scope: Scope) -> str:
    """The kind of a request, of those that a setting can limit; "" for other pages."""
    path = scope["path"]
    if path in {"/", ""}:
        return "api"
    if path == BATCH_PATH:
        return "batch"
    if path.startswith(JSON_PATHS):
        return "api"
    if path.startswith(_BEGINNINGS):
        return "start"
    return "sign-in" if scope["method"] == "POST" and path.endswith(_SIGN_IN) else ""
