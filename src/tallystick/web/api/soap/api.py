"""The SOAP face: one signed envelope in, one envelope out. The checks and actions are those of the query API.

Reading XML and checking its signature take a thread of their own: meanwhile the query API goes on answering.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tallystick.domain.names.spelling import did_you_mean
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api import callers
from tallystick.services.api.fields import V2010, quoted
from tallystick.services.api.registry import ACTIONS
from tallystick.web.api.asgi import CLOSE, BodyTooLargeError, ClientGoneError, read_body, respond
from tallystick.web.api.calls import (
    EXPENSIVE,
    MeasuredCall,
    admit,
    carry_out,
    check_fresh,
    keep_request,
    read_call,
    read_much,
    refusal_of,
    when_to_come_again,
)
from tallystick.web.api.schema.xsd import SCHEMA_VERSIONS
from tallystick.web.api.soap import security
from tallystick.web.api.soap.answers import NotUnderstoodError, render_answer, render_fault, render_not_understood
from tallystick.web.api.soap.body import parameters
from tallystick.web.api.soap.envelope import read_envelope
from tallystick.web.api.xml import CONTENT_TYPE, in_pieces, namespace, success_element

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.services.api.action import Action
    from tallystick.services.api.callers import Caller
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Receive, Scope, Send
    from tallystick.web.api.soap.envelope import Envelope
    from tallystick.web.api.soap.security import SignedEnvelope

MAX_BODY_BYTES: Final = 64 * 1024
FAULT: Final = HTTPStatus.INTERNAL_SERVER_ERROR
"""SOAP 1.1 over HTTP demands this status for every fault, the client's or the server's."""

_HEADERS: Final = ((b"content-type", CONTENT_TYPE), (b"cache-control", b"no-store"))
_VERSIONS: Final = {namespace(version): version for version in SCHEMA_VERSIONS}


@dataclass(frozen=True, slots=True)
class SoapApi:
    """The ASGI application for SOAP requests at ``/``."""

    service: Service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Every error becomes a fault, except that a client that hung up gets none."""
        request_id, watched = str(uuid4()), MeasuredCall()
        envelope: Envelope | None = None
        headers: tuple[tuple[bytes, bytes], ...] = _HEADERS
        try:
            content = await read_body(scope, receive, MAX_BODY_BYTES)
            envelope = await asyncio.to_thread(read_envelope, content)
            status, body = HTTPStatus.OK, await self._perform(envelope, request_id, watched)
            keep_request(self.service, watched.transaction_id, scope, content, request_id)
        except ClientGoneError:
            return
        except BodyTooLargeError:
            refused = Refused(Refusal.InvalidRequest, f"The request is larger than {MAX_BODY_BYTES} bytes.")
            status, body = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _fault(watched.refused(refused), request_id, None)
            headers = (*_HEADERS, CLOSE)
        except NotUnderstoodError as error:
            status, body, watched.outcome = FAULT, render_not_understood(error), Refusal.InvalidRequest.name
        except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the caller gets an answer
            self.service.damage.note(error)
            refused = watched.refused(refusal_of(error, request_id))
            status, body = FAULT, _fault(refused, request_id, envelope)
            headers = (*_HEADERS, *when_to_come_again(refused))
        watched.answered(self.service, request_id)
        await respond(send, status, headers, body)

    async def _perform(self, envelope: Envelope, request_id: str, watched: MeasuredCall) -> bytes:
        """All checks in the order of the query API, then the action. Raises Refused."""
        service, now = self.service, self.service.clock()
        action, version = _find_action(envelope)
        watched.action = action.name
        caller, signed = await self._check_signature(envelope, now, watched)
        check_fresh(signed.made_at, now, service.settings.timestamp_skew_seconds)
        admit(service, caller, action.scopes, callers.nowhere)
        tolerant = service.settings.tolerate_unknown_parameters
        params = parameters(signed.request, action.tables[version], version, tolerant=tolerant)
        call = read_call(service, action, version, params, caller, signed.made_at, now)
        if action.name in EXPENSIVE:
            result = await read_much(action, call, partial(in_pieces, action), watched)
        else:
            result = watched.done(action, await carry_out(action, call))
        body = success_element(action, version, result, request_id)
        return render_answer(body, action.name, envelope.addressing)

    async def _check_signature(
        self, envelope: Envelope, now: datetime, watched: MeasuredCall
    ) -> tuple[Caller, SignedEnvelope]:
        signature = security.signature_of(envelope)
        fingerprint = security.certificate_fingerprint(envelope, signature)
        caller = await callers.by_certificate(self.service, fingerprint, now)
        if caller is None:
            message = f"The certificate with the SHA-256 fingerprint {fingerprint} is not registered, or not any more."
            raise Refused(Refusal.InvalidClientTokenId, message)
        weak = self.service.settings.allow_weak_soap_signatures
        signed = await asyncio.to_thread(security.verify, envelope, caller.certificate, now, allow_weak=weak)
        watched.key_id = fingerprint
        return caller, signed


def _find_action(envelope: Envelope) -> tuple[Action, str]:
    version = _VERSIONS.get(envelope.namespace)
    if version is None:
        message = f"There is no version of this interface with the namespace {quoted(envelope.namespace)}."
        raise Refused(Refusal.NoSuchVersion, message)
    action = ACTIONS.get(envelope.action)
    if action is None or not action.in_version(version):
        hint = did_you_mean(envelope.action, (one.name for one in ACTIONS.values() if one.in_version(version)))
        raise Refused(Refusal.InvalidAction, f"There is no action {quoted(envelope.action)} in this version.{hint}")
    return action, version


def _fault(refused: Refused, request_id: str, envelope: Envelope | None) -> bytes:
    """In the version of the request, where it has a known one."""
    version = V2010 if envelope is None else _VERSIONS.get(envelope.namespace, V2010)
    return render_fault(refused, version, request_id, None if envelope is None else envelope.addressing)
