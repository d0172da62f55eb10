"""Refusals of requests that no application has looked at, in the form that the clients of each application expect."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec

from tallystick.domain.refusals import Refusal
from tallystick.services.api.fair_shares import ThrottledError
from tallystick.services.api.fields import V2010
from tallystick.services.process.meter import BATCH, NO_ACTION
from tallystick.services.process.request_log import RequestLog
from tallystick.web.api.asgi import HttpAnswer
from tallystick.web.api.soap.answers import render_fault
from tallystick.web.api.xml import CONTENT_TYPE, render_error
from tallystick.web.v1.problems import RefusedProblemError, problem_answer

if TYPE_CHECKING:
    from tallystick.domain.refusals import Refused
    from tallystick.services.process.meter import Meter

_NOT_KEPT: Final = (b"cache-control", b"no-store")
_XML: Final = ((b"content-type", CONTENT_TYPE), _NOT_KEPT)
_PROBLEM: Final = ((b"content-type", b"application/problem+json"), _NOT_KEPT)
_PAGE: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'"),
    (b"x-content-type-options", b"nosniff"),
    _NOT_KEPT,
)


@dataclass(frozen=True, slots=True)
class RefusalWriter:
    """Writes refusals, and has those of calls counted and logged. `docs_at`: the public address, where pages are."""

    meter: Meter
    log: RequestLog = field(default_factory=RequestLog)
    docs_at: str = ""

    def query(self, refused: Refused) -> HttpAnswer:
        """For a call of the query API."""
        body = render_error(refused.refusal.name, refused.message, self._told(NO_ACTION, refused.refusal))
        return HttpAnswer(refused.refusal.http_status, _XML, body)

    def soap(self, refused: Refused) -> HttpAnswer:
        """For an envelope. SOAP 1.1 over HTTP demands one status for every fault."""
        body = render_fault(refused, V2010, self._told(NO_ACTION, refused.refusal), None)
        return HttpAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, _XML, body)

    def batch(self, refused: Refused) -> HttpAnswer:
        """For a batch of payments, in the form of RFC 9457."""
        refusal, status = refused.refusal, _status(refused)
        problem = {
            "title": refusal.meaning,
            "status": status,
            "detail": refused.message,
            "code": refusal.name,
            "request_id": self._told(BATCH, refusal),
        }
        return HttpAnswer(status, _PROBLEM, msgspec.json.encode(problem))

    def json(self, refused: Refused) -> HttpAnswer:
        """For a call of the JSON interface. When to come again is the front's to say, in the header."""
        problem = RefusedProblemError(refused)
        if not isinstance(refused, ThrottledError):
            problem.more.pop("retry_after", None)
        return problem_answer(problem, self.docs_at, self._told(NO_ACTION, refused.refusal))

    def page(self, refused: Refused) -> HttpAnswer:
        """For a browser. Nothing is known of it, its language neither."""
        text = escape(refused.message)
        page = f'<!doctype html><html lang="en"><title>Not now</title><h1>Not now</h1><p>{text}</p></html>\n'
        return HttpAnswer(_status(refused), _PAGE, page.encode())

    def _told(self, action: str, refusal: Refusal) -> str:
        """Have a call counted and logged that nobody has looked at; the id of its request."""
        request_id = str(uuid4())
        self.meter.answered_together(action, {refusal.name: 1})
        self.log.note(request_id, None, action, refusal.name, 0.0)
        return request_id


def _status(refused: Refused) -> int:
    """The status for clients that go by that; those of the query API go by the code."""
    throttled = refused.refusal is Refusal.Throttling
    return HTTPStatus.TOO_MANY_REQUESTS if throttled else refused.refusal.http_status
