"""Answers and faults in SOAP 1.1 envelopes. Written as text: this needs no XML library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from tallystick.domain.refusals import Refusal, Refused
from tallystick.web.api.soap import names
from tallystick.web.api.xml import namespace, text

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


class NotUnderstoodError(Exception):
    """The envelope is of another version of SOAP, or demands what we do not know. `code` is SOAP's own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Addressing:
    """What an answer has to repeat of the request's WS-Addressing headers."""

    namespace: str
    message_id: str | None


def render_answer(body: str, action: str, addressing: Addressing | None) -> bytes:
    """The envelope of an answer to `action`; `body` is its element."""
    return _envelope(body, f"urn:{action}:Response", addressing)


def render_fault(refused: Refused, version: str, request_id: str, addressing: Addressing | None) -> bytes:
    """A fault with the protocol's code, in faultcode and in the ErrorResponse of its detail.

    Codes are written behind a point, as SOAP 1.1 allows: Client.InvalidParams, Server.InternalError.
    """
    theirs = refused.refusal not in {Refusal.InternalError, Refusal.ServiceUnavailable}
    side, kind = ("Client", "Sender") if theirs else ("Server", "Receiver")
    code, message = refused.refusal.name, text(" ".join(refused.message.split()))
    detail = (
        f'<detail><ErrorResponse xmlns="{namespace(version)}"><Error><Type>{kind}</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse></detail>"
    )
    return _fault(f"{side}.{code}", message, detail, addressing)


def render_not_understood(error: NotUnderstoodError) -> bytes:
    """A fault of the envelope itself, with SOAP's own code and without a detail, since the Body was not read."""
    return _fault(error.code, text(error.message), "", None)


def _fault(code: str, message: str, detail: str, addressing: Addressing | None) -> bytes:
    fault = (
        f"<soapenv:Fault><faultcode>soapenv:{code}</faultcode><faultstring>{message}</faultstring>{detail}"
        "</soapenv:Fault>"
    )
    return _envelope(fault, names.WSA_FAULT[addressing.namespace] if addressing else "", addressing)


def _envelope(body: str, action: str, addressing: Addressing | None) -> bytes:
    header = "" if addressing is None else _addressing_headers(action, addressing)
    return (
        f'{_DECLARATION}<soapenv:Envelope xmlns:soapenv="{names.SOAP}">{header}<soapenv:Body>{body}</soapenv:Body>'
        "</soapenv:Envelope>"
    ).encode()


def _addressing_headers(action: str, addressing: Addressing) -> str:
    space = addressing.namespace
    relates = "" if addressing.message_id is None else f"<wsa:RelatesTo>{text(addressing.message_id)}</wsa:RelatesTo>"
    return (
        f'<soapenv:Header xmlns:wsa="{space}"><wsa:MessageID>urn:uuid:{uuid4()}</wsa:MessageID>{relates}'
        f"<wsa:To>{names.WSA_ANONYMOUS[space]}</wsa:To><wsa:Action>{action}</wsa:Action></soapenv:Header>"
    )
