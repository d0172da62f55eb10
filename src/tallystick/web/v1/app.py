"""The application at /v1: JSON in and out, outside the framework of the pages. No rule about money lives here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.callers import by_bearer, pin_version
from tallystick.services.process.meter import NO_ACTION
from tallystick.services.process.random_pool import RANDOM_POOL
from tallystick.web.api.asgi import (
    CLOSE,
    BodyTooLargeError,
    ClientGoneError,
    HttpAnswer,
    header,
    read_body,
    respond,
    unknown_address,
)
from tallystick.web.api.calls import MeasuredCall, admit, check_account, keep_request, refusal_of
from tallystick.web.v1 import inputs
from tallystick.web.v1.charging import plain
from tallystick.web.v1.charging.plain import PlainCharges
from tallystick.web.v1.documents.openapi import document
from tallystick.web.v1.endpoint import VERSION, Asked
from tallystick.web.v1.paths import meant
from tallystick.web.v1.problems import NOT_KEPT, JsonProblemError, RefusedProblemError, problem_answer
from tallystick.web.v1.table import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from tallystick.domain.ids import TransactionId
    from tallystick.services.api.callers import AccessKey, Address
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Receive, Scope, Send
    from tallystick.web.v1.charging.plain import PlainCharge
    from tallystick.web.v1.endpoint import Endpoint, Reply

DOCUMENT_PATH: Final = "/v1/openapi.json"

_JSON: Final = (b"content-type", b"application/json")
_VERSION: Final = (b"tallystick-version", VERSION.encode())
_REPLAYED: Final = (b"idempotent-replay", b"true")
_AUTHENTICATE: Final = (b"www-authenticate", b"Bearer")
_FIRST_ID: Final = 3
_MOST_STEPS: Final = 6
"""Steps of a path between slashes, with the empty one before the first: where an id may be, and how many there are."""

_AN_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,128}", re.ASCII)


def _by_path() -> Mapping[str, Mapping[str, Endpoint]]:
    found: dict[str, dict[str, Endpoint]] = {}
    for endpoint in ENDPOINTS:
        found.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return found


_PATHS: Final = _by_path()

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class CallSoFar:
    """A request under way, for the meter and for the headers of its answer. `admitted`: it was counted already.

    `begun` as in Asked.
    """

    watched: MeasuredCall
    key: AccessKey | None = None
    admitted: bool = False
    begun: TransactionId | None = None


@dataclass(frozen=True, slots=True)
class JsonApi:
    """The ASGI application at /v1. `address_of`: as of the query API. `caller_of`: whose secret it is that was sent."""

    service: Service
    address_of: Callable[[Scope], Address | None] = unknown_address
    caller_of: Callable[[Service, str, datetime], Awaitable[AccessKey]] = by_bearer
    plain: PlainCharges = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", PlainCharges(self.service, self.address_of))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Every error becomes an answer, except that a client that hung up gets none."""
        if scope["path"] == DOCUMENT_PATH and scope["method"] == "GET":
            await respond(send, HTTPStatus.OK, (_JSON,), _document(self.service.settings.public_url))
            return
        request_id, call = RANDOM_POOL.uuid(), CallSoFar(MeasuredCall())
        try:
            answer = await self._answer(scope, receive, request_id, call)
        except ClientGoneError:
            return
        call.watched.answered(self.service, request_id)
        await respond(send, answer.status, answer.headers, answer.body)

    async def _answer(self, scope: Scope, receive: Receive, request_id: str, call: CallSoFar) -> HttpAnswer:
        more: Headers = ()
        try:
            try:
                endpoint, subject = _find(scope)
            except JsonProblemError:
                more = (CLOSE,)  # a body that it may have was not read
                raise
            call.watched.action = endpoint.action or NO_ACTION
            content = await read_body(scope, receive, endpoint.most_bytes) if endpoint.has_body else b""
            return await self._carried_out(endpoint, subject, scope, content, request_id, call)
        except BodyTooLargeError:
            problem = JsonProblemError("body_too_large", f"A body has at most {endpoint.most_bytes} bytes.")
            return self._failed(problem, request_id, call, (CLOSE,))
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            return self._failed(error, request_id, call, more)

    def failed(self, error: Exception, request_id: str, watched: MeasuredCall) -> HttpAnswer:
        """What the caller of a plain charge hears of an exception."""
        return self._failed(error, request_id, CallSoFar(watched))

    def _failed(self, error: Exception, request_id: str, call: CallSoFar, more: Headers = ()) -> HttpAnswer:
        if isinstance(error, JsonProblemError):
            problem = error
        else:
            self.service.damage.note(error)
            problem = RefusedProblemError(refusal_of(error, request_id))
        call.watched.outcome = problem.refusal.name
        if problem.status == HTTPStatus.UNAUTHORIZED:
            more = (*more, _AUTHENTICATE)
        docs_at = self.service.settings.public_url.rstrip("/")
        return problem_answer(problem, docs_at, request_id, (_VERSION, *more, *self._rate(call.key)))

    async def _carried_out(
        self, endpoint: Endpoint, subject: str, scope: Scope, content: bytes, request_id: str, call: CallSoFar
    ) -> HttpAnswer:
        """The answer of what was done; plain charges take the short way. Raises ProblemError, Refused."""
        if scope["path"] == plain.PATH and endpoint.method == "POST" and self.caller_of is by_bearer:
            charged = await self.plain.charge(scope, content, request_id)
            if charged.answer is not None:
                return self.charged(charged, charged.answer, call.watched)
            call.admitted, call.begun = charged.admitted, charged.transaction_id
        return await self.in_general(endpoint, subject, scope, content, request_id, call)

    async def charge_anew(
        self,
        content: bytes,
        request_id: str,
        watched: MeasuredCall,
        begun: TransactionId | None,
        scope: Scope,
        send: Send,
    ) -> None:
        """Answer a charge of the lane that did not go well there, and was counted there. `begun` as in Asked."""
        endpoint, call = _PATHS[plain.PATH]["POST"], CallSoFar(watched, admitted=True, begun=begun)
        try:
            answer = await self.in_general(endpoint, "", scope, content, request_id, call)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            answer = self._failed(error, request_id, call)
        watched.answered(self.service, request_id)
        await respond(send, answer.status, answer.headers, answer.body)

    async def in_general(
        self, endpoint: Endpoint, subject: str, scope: Scope, content: bytes, request_id: str, call: CallSoFar
    ) -> HttpAnswer:
        """The answer of what was done the general way. Raises ProblemError, Refused."""
        reply = await self._perform(endpoint, subject, scope, content, call)
        call.watched.transaction_id = reply.transaction_id
        keep_request(self.service, reply.transaction_id, scope, content, request_id)
        for transaction_id, part in reply.kept:
            keep_request(self.service, transaction_id, scope, part, request_id)
        return self._success(endpoint, reply, scope, request_id, call)

    async def _perform(self, endpoint: Endpoint, subject: str, scope: Scope, content: bytes, call: CallSoFar) -> Reply:
        """All checks in their order, then the endpoint. Raises ProblemError, Refused."""
        service, now = self.service, self.service.clock()
        call.key = key = await self.caller_of(service, _bearer(scope), now)
        call.watched.key_id = key.access_key_id
        admit(service, key, endpoint.scopes, partial(self.address_of, scope), 0 if call.admitted else 1)
        _check_version(scope)
        given, reference = _read(endpoint, scope, content), _idempotency_key(endpoint, scope)
        asked = Asked(service, key, now, subject, given, reference, begun=call.begun)
        service.key_uses.note(key.access_key_id, now)
        check_account(key)
        if key.json_version is None:
            await pin_version(service, key, VERSION)
        if endpoint.reads_much:
            async with service.reads.turn(key.party_id, key.flow) as turn:
                return await endpoint.perform(replace(asked, turn=turn))
        if endpoint.is_batch:
            return await endpoint.perform(asked)
        async with service.calls.turn(key.party_id, 1, key.flow):
            return await endpoint.perform(asked)

    def charged(self, charged: PlainCharge, answer: HttpAnswer, watched: MeasuredCall) -> HttpAnswer:
        """The answer to a plain charge, with what the key may still ask; and that of which it tells is noted."""
        watched.transaction_id = charged.transaction_id
        watched.key_id = None if charged.key is None else charged.key.access_key_id
        rate = self._rate(charged.key)
        return HttpAnswer(answer.status, (*answer.headers, *rate), answer.body) if rate else answer

    def _success(self, endpoint: Endpoint, reply: Reply, scope: Scope, request_id: str, call: CallSoFar) -> HttpAnswer:
        status = HTTPStatus.OK if reply.replayed else endpoint.status
        replayed = (_REPLAYED,) if reply.replayed else ()
        request = (b"request-id", request_id.encode())
        kind = (b"content-type", endpoint.media_type.encode())
        headers = (kind, NOT_KEPT, _VERSION, request, *replayed, *self._rate(call.key))
        body = reply.body if isinstance(reply.body, bytes) else msgspec.json.encode(reply.body)
        if endpoint.has_tag:
            tag = b'"%s"' % sha256(body).hexdigest()[:32].encode()
            headers = (*headers, (b"etag", tag))
            if _is_known(scope, tag):
                return HttpAnswer(HTTPStatus.NOT_MODIFIED, tuple(one for one in headers if one != kind), b"")
        return HttpAnswer(status, headers, body)

    def _rate(self, key: AccessKey | None) -> Headers:
        """What the key may still ask. Source: draft-ietf-httpapi-ratelimit-headers."""
        left = None if key is None else self.service.rates.left(key.access_key_id, key.calls_per_second)
        if left is None:
            return ()
        most, remaining, seconds = left
        return (
            (b"ratelimit-policy", b'"key";q=%d;w=2' % most),
            (b"ratelimit", b'"key";r=%d;t=%d' % (remaining, seconds)),
        )


@cache
def _document(server: str) -> bytes:
    """The OpenAPI document, which everybody may read."""
    return msgspec.json.encode(document(server))


def _find(scope: Scope) -> tuple[Endpoint, str]:
    """The endpoint of a request, and the id in its path. Raises ProblemError."""
    path, subject = scope["path"], ""
    methods = None if "{" in path else _PATHS.get(path)  # a template is the path of nothing
    if methods is None:
        steps = path.split("/")
        for place in range(_FIRST_ID, len(steps) if len(steps) <= _MOST_STEPS else 0):
            if _AN_ID.fullmatch(steps[place]):
                subject = steps[place]
                methods = _PATHS.get("/".join((*steps[:place], "{id}", *steps[place + 1 :])))
            if methods is not None:
                break
    if methods is None:
        guess = meant(path, _PATHS)
        hint = f" Did you mean {guess}?" if guess else ""
        raise JsonProblemError("not_found", f"There is nothing at this path.{hint}")
    endpoint = methods.get(scope["method"])
    if endpoint is None:
        allowed = ", ".join(sorted(methods))
        raise JsonProblemError(
            "method_not_allowed", f"This path takes {allowed}.", headers=((b"allow", allowed.encode("ascii")),)
        )
    return endpoint, subject


def _bearer(scope: Scope) -> str:
    scheme, _, secret = header(scope, b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        message = "The request must carry the header Authorization: Bearer, with a secret of this interface."
        raise Refused(Refusal.MissingAuthenticationToken, message)
    return secret.strip()


def _is_known(scope: Scope, tag: bytes) -> bool:
    """Whether the caller has what the tag stands for. Proxies that compress answers make tags weak, which count, too.

    Source: RFC 9110, 13.1.2.
    """
    given = b",".join(value for name, value in scope["headers"] if name == b"if-none-match")
    known = {one.strip().removeprefix(b"W/") for one in given.split(b",")}
    return bool(known & {tag, b"*"})


def _check_version(scope: Scope) -> None:
    asked = header(scope, b"tallystick-version")
    if asked and asked != VERSION:
        raise JsonProblemError("unknown_version", f"There is no such version of the interface; there is {VERSION}.")


def _read(endpoint: Endpoint, scope: Scope, content: bytes) -> inputs.Given:
    if not endpoint.has_body:
        return inputs.read_query(scope["query_string"], endpoint.inputs)
    inputs.read_query(scope["query_string"], ())
    kind = header(scope, b"content-type").partition(";")[0].strip().lower()
    if content and kind != "application/json":
        raise JsonProblemError("unsupported_media_type", "Send the body with Content-Type: application/json.")
    return inputs.read_body(content, endpoint.inputs)


def _idempotency_key(endpoint: Endpoint, scope: Scope) -> str:
    if not endpoint.moves_money and not endpoint.takes_key:
        return ""
    given = header(scope, b"idempotency-key")
    if not given:
        message = "Send the header Idempotency-Key: your own name for this request, so that it is done once."
        raise JsonProblemError("idempotency_key_required", message, field="Idempotency-Key")
    if sum(name == b"idempotency-key" for name, _ in scope["headers"]) > 1:
        message = "Idempotency-Key is there more than once: a request has one name."
        raise JsonProblemError("invalid_request", message, field="Idempotency-Key")
    return inputs.checked_key(given, "Idempotency-Key")
