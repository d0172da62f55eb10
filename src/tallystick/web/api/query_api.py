"""The query API: one signed call in, one XML answer out. No rule about money lives here.

The hot path: no framework, nothing but what a call needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from tallystick.domain.names.spelling import did_you_mean
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.callers import StaleCachedKeyError
from tallystick.services.api.fields import V2007, quoted
from tallystick.services.api.legacy import legacy_result, modern
from tallystick.services.api.registry import ACTIONS, Action
from tallystick.services.process.random_pool import RANDOM_POOL
from tallystick.web.api import legacy_xml
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
from tallystick.web.api.calls import (
    EXPENSIVE,
    MeasuredCall,
    admit,
    carry_out,
    keep_request,
    read_call,
    read_much,
    refusal_of,
    when_to_come_again,
)
from tallystick.web.api.plain.plain_calls import PlainCalls
from tallystick.web.api.query_request import (
    QueryRequest,
    check_signature,
    check_signature_with_cached_key,
    check_timestamp,
    decode,
    served_version,
)
from tallystick.web.api.xml import CONTENT_TYPE, in_pieces, render_error, render_success

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tallystick.services.api.call import Call
    from tallystick.services.api.callers import AccessKey, Address, SourceOf
    from tallystick.services.api.read_budget import StepAside
    from tallystick.services.api.types import Result
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Receive, Scope, Send
    from tallystick.web.api.plain.plain_calls import PlainCall

MAX_BODY_BYTES: Final = 64 * 1024
VERBS: Final = ("GET", "POST")

HEADERS: Final = ((b"content-type", CONTENT_TYPE), (b"cache-control", b"no-store"))


@dataclass(frozen=True, slots=True)
class QueryApi:
    """The ASGI application at ``/``. `address_of`: from which address a request came, by the rule of the settings."""

    service: Service
    address_of: Callable[[Scope], Address | None] = unknown_address
    plain: PlainCalls = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", PlainCalls(self.service, self.address_of))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Every error becomes an answer, except that a client that hung up gets none."""
        request_id, watched = RANDOM_POOL.uuid(), MeasuredCall()
        try:
            answer = await self._answer(scope, receive, request_id, watched)
        except ClientGoneError:
            return
        watched.answered(self.service, request_id)
        await respond(send, answer.status, answer.headers, answer.body)

    async def _answer(self, scope: Scope, receive: Receive, request_id: str, watched: MeasuredCall) -> HttpAnswer:
        if scope["method"] not in VERBS:
            watched.outcome = Refusal.InvalidRequest.name
            body = render_error(Refusal.InvalidRequest.name, "Calls are made with GET or POST.", request_id)
            return HttpAnswer(HTTPStatus.METHOD_NOT_ALLOWED, (*HEADERS, CLOSE, (b"allow", b"GET, POST")), body)
        try:
            content = await read_body(scope, receive, MAX_BODY_BYTES) if scope["method"] == "POST" else b""
            body = await self._perform(scope, content, request_id, watched)
            keep_request(self.service, watched.transaction_id, scope, content or scope["query_string"], request_id)
            return HttpAnswer(HTTPStatus.OK, HEADERS, body)
        except BodyTooLargeError:
            watched.outcome = Refusal.InvalidRequest.name
            message = f"The request is larger than {MAX_BODY_BYTES} bytes."
            body = render_error(Refusal.InvalidRequest.name, message, request_id)
            return HttpAnswer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, (*HEADERS, CLOSE), body)
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            return self.failed(error, request_id, watched)

    def failed(self, error: Exception, request_id: str, watched: MeasuredCall) -> HttpAnswer:
        """What the caller hears of an exception."""
        self.service.damage.note(error)
        return _refusal(watched.refused(refusal_of(error, request_id)), request_id)

    async def answer_anew(
        self, action: str, content: bytes, request_id: str, watched: MeasuredCall, scope: Scope, send: Send
    ) -> None:
        """Answer a call of the lane that its cached key did not open: with the key read from the database."""
        try:
            request = _read(scope, content, partial(self.address_of, scope))
            body = await self._perform_action(ACTIONS[action], request, request_id, watched)
            keep_request(self.service, watched.transaction_id, scope, content or scope["query_string"], request_id)
            answer = HttpAnswer(HTTPStatus.OK, HEADERS, body)
        except Exception as error:  # noqa: BLE001 - as above
            answer = self.failed(error, request_id, watched)
        watched.answered(self.service, request_id)
        await respond(send, answer.status, answer.headers, answer.body)

    def _perform(self, scope: Scope, content: bytes, request_id: str, watched: MeasuredCall) -> Awaitable[bytes]:
        """Run all checks in their documented order, then the action; returns the awaitable answer. Raises Refused."""
        plain = self.plain.read(scope, content)
        if plain is not None:
            return self._perform_plain(plain, scope, content, request_id, watched)
        request = _read(scope, content, partial(self.address_of, scope))
        action = _find_action(request)
        watched.action = action.name
        if action.revalidates_key and request.params.get("Version") != V2007:
            return self._perform_with_cached_key(action, request, request_id, watched)
        return self._perform_action(action, request, request_id, watched)

    async def _perform_plain(
        self, plain: PlainCall, scope: Scope, content: bytes, request_id: str, watched: MeasuredCall
    ) -> bytes:
        """As `_perform_with_cached_key`, of a call that was read the short way. Raises Refused."""
        try:
            self.plain.let_in(plain, scope, watched)
        except Refused:
            pass
        else:
            try:
                return await self.plain.carry_out(plain, watched, request_id)
            except StaleCachedKeyError:
                pass
        request = _read(scope, content, partial(self.address_of, scope))
        return await self._perform_action(ACTIONS[plain.action], request, request_id, watched)

    async def _perform_with_cached_key(
        self, action: Action, request: QueryRequest, request_id: str, watched: MeasuredCall
    ) -> bytes:
        """Perform with the cached key, if there is one, which the action's optimistic read revalidates. Raises Refused.

        This saves the statement that reads the key. When the checks refuse, or the key turns out to be stale, the
        caller must not be answered from it, because the key may be revoked: the whole call starts again with the key
        read from the database.
        """
        try:
            begun = self._begin_with_cached_key(action, request, watched)
        except Refused:
            begun = None
        if begun is not None:
            version, call = begun
            try:
                result = await carry_out(action, call)
            except StaleCachedKeyError:
                pass
            else:
                return render_success(action, version, watched.done(action, result), request_id)
        return await self._perform_action(action, request, request_id, watched)

    def _begin_with_cached_key(
        self, action: Action, request: QueryRequest, watched: MeasuredCall
    ) -> tuple[str, Call] | None:
        """The version and the call; None when no key is cached. Raises Refused."""
        service, now = self.service, self.service.clock()
        key = check_signature_with_cached_key(request, service, now)
        if key is None:
            return None
        self.plain.learn(key)
        watched.key_id = key.access_key_id
        made_at = check_timestamp(request, now, service.settings.timestamp_skew_seconds)
        admit(service, key, action.scopes, request.source)
        version = served_version(request)
        check_action_version(action, version)
        return version, read_call(service, action, version, request.params, key, made_at, now)

    async def _perform_action(
        self, action: Action, request: QueryRequest, request_id: str, watched: MeasuredCall
    ) -> bytes:
        """Perform the action with the key read from the database. Raises Refused."""
        service, now = self.service, self.service.clock()
        key: AccessKey | None = None
        if not _may_be_unsigned(request, action):
            watched.key_id = None
            key = await check_signature(request, service, now)
            watched.key_id = key.access_key_id
            made_at = check_timestamp(request, now, service.settings.timestamp_skew_seconds)
            admit(service, key, action.scopes, request.source)
        else:
            made_at = now
        version = served_version(request)
        check_action_version(action, version)
        if version == V2007:
            return await self._perform_legacy(action, request, key, made_at, now, request_id, watched)
        call = read_call(service, action, version, request.params, key, made_at, now)
        if action.name in EXPENSIVE:
            result = await read_much(action, call, partial(in_pieces, action), watched)
        else:
            result = watched.done(action, await carry_out(action, call))
        return render_success(action, version, result, request_id)

    async def _perform_legacy(
        self,
        action: Action,
        request: QueryRequest,
        key: AccessKey | None,
        made_at: datetime,
        now: datetime,
        request_id: str,
        watched: MeasuredCall,
    ) -> bytes:
        """A call of 2007-01-08: business errors are reported inside the action's answer. Raises Refused: all others."""
        try:
            call = await modern(read_call(self.service, action, V2007, request.params, key, made_at, now))
            if action.name in EXPENSIVE:
                return await read_much(action, call, partial(_write_legacy, action, request_id), watched)
            result = legacy_result(call, watched.done(action, await carry_out(action, call)))
        except Refused as refused:
            if refused.refusal in legacy_xml.TRANSPORT_FAULTS:
                raise
            return legacy_xml.render_legacy_failure(action, watched.refused(refused), request_id)
        return legacy_xml.render_legacy_success(action, result, request_id)


async def _write_legacy(action: Action, request_id: str, result: Result, step_aside: StepAside) -> bytes:
    return legacy_xml.render_legacy_success(
        action, await legacy_xml.legacy_in_pieces(action, result, step_aside), request_id
    )


def _refusal(refused: Refused, request_id: str) -> HttpAnswer:
    refusal = refused.refusal
    body = render_error(refusal.name, refused.message, request_id)
    return HttpAnswer(refusal.http_status, (*HEADERS, *when_to_come_again(refused)), body)


def _read(scope: Scope, body: bytes, source: SourceOf) -> QueryRequest:
    query = scope["query_string"]
    if len(query) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    params, encoded = decode(query, body, header(scope, b"content-type") if body else "")
    return QueryRequest(scope["method"], header(scope, b"host"), scope["path"], params, encoded, source)


def _find_action(request: QueryRequest) -> Action:
    name = request.common("Action")
    action = ACTIONS.get(name)
    if action is None:
        raise Refused(Refusal.InvalidAction, f"There is no action {quoted(name)}.{did_you_mean(name, ACTIONS)}")
    return action


def check_action_version(action: Action, version: str) -> None:
    """Refuse actions that the interface of `version` lacks. Raises Refused: InvalidAction."""
    if not action.in_version(version):
        raise Refused(Refusal.InvalidAction, f"There is no action {action.name} in version {version}.")


def _may_be_unsigned(request: QueryRequest, action: Action) -> bool:
    """VerifySignature needs neither signature nor account: it then verifies our own messages only.

    Libraries of 2010-08-28 ask so as well as those of 2008-09-17. Source: docs/protocol/signatures.md, 6.
    """
    return action.may_be_unsigned and not request.params.get("Signature") and not request.params.get("AWSAccessKeyId")
