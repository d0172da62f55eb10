"""What whoever watches over the process asks: `/healthz`, `/readyz`, `/metrics`.

Answered under any name, since they reach the process by any address that it has, and without the library of the pages,
which is loaded for the first page (decision 222).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tallystick.db.connections import UNAVAILABLE
from tallystick.services.operations import monitoring
from tallystick.web.api.asgi import HttpAnswer, header
from tallystick.web.common.protection.host_names import is_named, names_this_machine
from tallystick.web.common.strict_headers import STRICT, content_security_policy
from tallystick.web.probes.metrics import metrics_of_all

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.settings import Settings
    from tallystick.web.api.asgi import Receive, Scope, Send

ALIVE: Final = "/healthz"
READY: Final = "/readyz"
METRICS: Final = "/metrics"
PROBES: Final = frozenset({ALIVE, READY, METRICS})

_OF_PROXIES: Final = re.compile(r"x-(?!prometheus-)|cf-|cdn-|fastly-|fly-|forwarded$|via$|true-client-ip$")
"""Names of headers that proxies add, each its own; none of them comes from a scraper, or from a person with curl."""

_FROM_ELSEWHERE: Final = (
    "From elsewhere, or through a proxy, metrics are read with a token alone, and none is set: "
    "set TALLYSTICK_METRICS_TOKEN, and send it as Authorization: Bearer …."
)

_METHODS: Final = (b"allow", b"GET, HEAD")


def is_probe(scope: Scope) -> bool:
    """Whether a request is one of these, in its one spelling: a proxy that keeps people from it knows no other one."""
    path = scope["path"].rstrip("/")
    raw: bytes | None = scope.get("raw_path")
    return path in PROBES and (raw is None or raw.partition(b"?")[0].rstrip(b"/") == path.encode())


@dataclass(frozen=True, slots=True)
class Probes:
    """An application that answers these, and nothing else."""

    service: Service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Answer one request."""
        path = scope["path"].rstrip("/")
        if scope["method"] not in {"GET", "HEAD"}:
            answer = _text(HTTPStatus.METHOD_NOT_ALLOWED, "This is asked with GET.", _METHODS)
        elif path == ALIVE:
            answer = _text(HTTPStatus.OK, "alive")
        elif path == READY:
            answer = await self._ready()
        else:
            answer = await self._metrics(scope)
        length = (b"content-length", b"%d" % len(answer.body))
        headers = [*answer.headers, *self._strict(), (b"x-request-id", str(uuid4()).encode()), length]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body  # Source: RFC 9110, 9.3.2
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _ready(self) -> HttpAnswer:
        """The database answers too and is in order, the clocks agree, and the process is not about to end."""
        service = self.service
        if service.ending.begun:
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, "the process is about to end")
        if not await monitoring.database_answers(service):
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer")
        try:
            problems = await monitoring.out_of_order(service)
        except UNAVAILABLE:
            problems = ["the database does not answer"]
        if problems:
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, "\n".join(problems))
        if wrong := monitoring.wrong_clock(service):
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, wrong)
        return _text(HTTPStatus.OK, "ready")

    async def _metrics(self, scope: Scope) -> HttpAnswer:
        """All metrics, in the format that the request accepts; open to this machine, or with the token."""
        token = self.service.settings.metrics_token
        if token is not None and not _has_token(scope, token):
            return _refused("The token is missing or wrong: send it as Authorization: Bearer ….")
        if token is None and not _is_from_here(scope, self.service.settings):
            return _refused(_FROM_ELSEWHERE)
        text, content_type = await metrics_of_all(self.service, header(scope, b"accept"))
        return HttpAnswer(HTTPStatus.OK, ((b"content-type", content_type.encode()),), text)

    def _strict(self) -> tuple[tuple[bytes, bytes], ...]:
        settings = self.service.settings
        strict = {**STRICT, "content-security-policy": content_security_policy(), "cache-control": "no-store"}
        if settings.secure_cookies:
            strict["strict-transport-security"] = settings.hsts
        return tuple((name.encode(), value.encode()) for name, value in strict.items())


def _text(status: int, text: str, *headers: tuple[bytes, bytes]) -> HttpAnswer:
    return HttpAnswer(status, ((b"content-type", b"text/plain; charset=utf-8"), *headers), f"{text}\n".encode())


def _refused(text: str) -> HttpAnswer:
    return _text(HTTPStatus.UNAUTHORIZED, text, (b"www-authenticate", b'Bearer realm="metrics"'))


def _has_token(scope: Scope, expected: str) -> bool:
    scheme, _, token = header(scope, b"authorization").partition(" ")
    return scheme.lower() == "bearer" and compare_digest(token.strip().encode(), expected.encode())


def _is_from_here(scope: Scope, settings: Settings) -> bool:
    """Whether it comes from this machine itself, from nobody behind a proxy, and is meant for this machine.

    A page of somebody's can have a browser on this machine ask us, under a name of theirs that leads here (rebinding).
    """
    if settings.secure_cookies and not settings.reverse_proxies:
        return False  # https needs a proxy in front of us, which need not send a header that says so
    client = scope.get("client")
    if client is None or any(_OF_PROXIES.match(name.decode("latin-1").lower()) for name, _ in scope["headers"]):
        return False
    host = header(scope, b"host")
    if not (names_this_machine(host) or is_named(host, settings)):
        return False
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False
