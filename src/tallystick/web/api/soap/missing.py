"""What answers SOAP requests where the libraries for it, the extra `soap`, are not installed."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import V2010
from tallystick.web.api.asgi import CLOSE, BodyTooLargeError, ClientGoneError, read_body, respond
from tallystick.web.api.calls import MeasuredCall
from tallystick.web.api.soap.answers import render_fault
from tallystick.web.api.xml import CONTENT_TYPE

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.web.api.asgi import Receive, Scope, Send

LIBRARIES: Final = frozenset({"lxml", "signxml"})
"""What the extra brings."""
MESSAGE: Final = "This service is installed without SOAP. The query API at the same address has every action."

_HEADERS: Final = ((b"content-type", CONTENT_TYPE), (b"cache-control", b"no-store"), CLOSE)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SoapMissing:
    """The ASGI application for SOAP requests at ``/`` where there is no SOAP: each gets a fault that says so."""

    service: Service

    def __post_init__(self) -> None:
        """Log that the libraries are missing, once for each process."""
        logger.warning("a SOAP request came, and SOAP needs libraries more; install: tallystick[soap]")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, without reading what is in it."""
        watched = MeasuredCall()
        try:
            with suppress(BodyTooLargeError):  # what is read or not makes no difference to the answer
                await read_body(scope, receive, 0)
        except ClientGoneError:
            return
        refused = watched.refused(Refused(Refusal.ServiceUnavailable, MESSAGE))
        request_id = str(uuid4())
        watched.answered(self.service, request_id)
        body = render_fault(refused, V2010, request_id, None)
        await respond(send, HTTPStatus.INTERNAL_SERVER_ERROR, _HEADERS, body)  # the status of every fault
