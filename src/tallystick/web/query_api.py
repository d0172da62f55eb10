"""The query API: one signed call in, one XML answer out. No rule about money lives here.

The hot path: no framework, nothing but what a call needs.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog

from tallystick.actions.call import Call, fingerprint
from tallystick.actions.fields import quoted
from tallystick.actions.registry import ACTIONS, Action
from tallystick.domain.refusals import Refusal, Refused
from tallystick.ledger.connections import UNAVAILABLE
from tallystick.web.asgi import BodyTooLargeError, ClientGoneError, header, read_body, respond
from tallystick.web.query_request import QueryRequest, check_signature, check_timestamp, decode, served_version
from tallystick.web.xml import CONTENT_TYPE, namespace, render_error, render_success

if TYPE_CHECKING:
    from tallystick.actions.service import Service
    from tallystick.ledger.access_keys import AccessKey
    from tallystick.web.asgi import Receive, Scope, Send

MOST_BODY_BYTES: Final = 64 * 1024
VERBS: Final = ("GET", "POST")

_HEADERS: Final = ((b"content-type", CONTENT_TYPE), (b"cache-control", b"no-store"))
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = _HEADERS


@dataclass(frozen=True, slots=True)
class QueryApi:
    """The ASGI application at ``/``."""

    service: Service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens; only a client that hung up gets nothing."""
        request_id = str(uuid4())
        try:
            answer = await self._answer(scope, receive, request_id)
        except ClientGoneError:
            return
        await respond(send, answer.status, answer.headers, answer.body)

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> _Answer:
        if scope["method"] not in VERBS:
            body = render_error(Refusal.InvalidRequest.name, "Calls are made with GET or POST.", request_id)
            return _Answer(HTTPStatus.METHOD_NOT_ALLOWED, body, (*_HEADERS, (b"allow", b"GET, POST")))
        try:
            return _Answer(HTTPStatus.OK, await self._perform(scope, receive, request_id))
        except Refused as refused:
            return _refusal(refused, request_id)
        except BodyTooLargeError:
            message = f"The request is larger than {MOST_BODY_BYTES} bytes."
            body = render_error(Refusal.InvalidRequest.name, message, request_id)
            return _Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, body)
        except ClientGoneError:
            raise
        except UNAVAILABLE as error:
            _log_fault("database_unavailable", request_id, error)
            return _refusal(Refused(Refusal.ServiceUnavailable, "The service cannot answer now."), request_id)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            _log_fault("call_failed", request_id, error)
            return _refusal(Refused(Refusal.InternalError, "The service failed; it was not your fault."), request_id)

    async def _perform(self, scope: Scope, receive: Receive, request_id: str) -> bytes:
        """All checks in their documented order, then the action. Raises Refused."""
        service, now = self.service, self.service.clock()
        request = await _read(scope, receive)
        action = _find_action(request)
        key: AccessKey | None = None
        if not _may_be_unsigned(request, action):
            key = await check_signature(request, service, now)
            made_at = check_timestamp(request, now, service.settings.timestamp_skew_seconds)
        else:
            made_at = now
        version = served_version(request)
        call = _read_call(service, request, action, version, key, made_at, now)
        _check_account(key)
        return render_success(action, version, await action.perform(call), request_id)


def _log_fault(event: str, request_id: str, error: Exception) -> None:
    """Log where it happened, but no values: a renderer that shows local variables would show secrets."""
    _log.error(event, request_id=request_id, traceback="".join(traceback.format_exception(error)))


def _refusal(refused: Refused, request_id: str) -> _Answer:
    refusal = refused.refusal
    return _Answer(refusal.http_status, render_error(refusal.name, refused.message, request_id))


async def _read(scope: Scope, receive: Receive) -> QueryRequest:
    verb = scope["method"]
    body = await read_body(scope, receive, MOST_BODY_BYTES) if verb == "POST" else b""
    query = scope["query_string"]
    if len(query) > MOST_BODY_BYTES:
        raise BodyTooLargeError
    params = decode(query, body, header(scope, b"content-type"))
    return QueryRequest(verb, header(scope, b"host"), scope["path"], params)


def _find_action(request: QueryRequest) -> Action:
    name = request.common("Action")
    action = ACTIONS.get(name)
    if action is None:
        raise Refused(Refusal.InvalidAction, f"There is no action {quoted(name)}.")
    return action


def _may_be_unsigned(request: QueryRequest, action: Action) -> bool:
    """VerifySignature of 2008-09-17 needed neither signature nor account; it then verifies our own messages only."""
    return (
        action.may_be_unsigned is not None
        and request.params.get("Version") == action.may_be_unsigned
        and not request.params.get("Signature")
        and not request.params.get("AWSAccessKeyId")
    )


def _read_call(
    service: Service,
    request: QueryRequest,
    action: Action,
    version: str,
    key: AccessKey | None,
    made_at: datetime,
    now: datetime,
) -> Call:
    table = action.tables[version]
    if not service.settings.tolerate_unknown_parameters:
        table.check_names(request.params, namespace(version))
    return Call(
        service=service,
        action=action.name,
        signed_by=key,
        values=table.read(request.params),
        fingerprint=fingerprint(action.name, table.business_parameters(request.params)),
        requested_at=made_at,
        now=now,
    )


def _check_account(key: AccessKey | None) -> None:
    if key is not None and key.party_status == "closed":
        raise Refused(Refusal.AccountClosed, "The account of this access key is closed.")
