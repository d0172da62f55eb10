"""Answers of 2007-01-08: a prefix on the root, children without a namespace, faults of business inside the answer.

Elements keep the order of 2010-08-28 where that of 2007 is not known. Source: docs/protocol/transport.md; decision 031.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import V2007
from tallystick.services.api.types import COMPLEX_TYPES, Element
from tallystick.web.api.xml import DECLARATION, members, namespace, tagged, text

if TYPE_CHECKING:
    from tallystick.services.api.registry import Action
    from tallystick.services.api.types import Result, Value

TRANSPORT_FAULTS: Final = frozenset(
    {Refusal.InvalidRequest, Refusal.AuthFailure, Refusal.AccountClosed, Refusal.ServiceUnavailable}
)
"""Refusals after the version is known that are reported in the common form of errors all the same."""

_STATUSES: Final = {"Pending": "Initiated", "Cancelled": "Failure"}
_RESULTS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "GetAccountActivity": {"BatchSize": "ResponseBatchSize", "Transaction": "Transactions"},
    "GetTokens": {"Token": "Tokens"},
    "GetPaymentInstruction": {"CallerReference": "AccountId"},
}
_FAILED: Final = {"StatusCode": "ErrorCode", "StatusMessage": "ErrorMessage"}
_TRANSACTION: Final[Mapping[str, str | None]] = {
    "FPSFees": "Fees",
    "FPSOperation": "Operation",
    "TransactionStatus": "Status",
    **_FAILED,
}
_TYPES: Final[Mapping[str, Mapping[str, str | None]]] = {
    "Amount": {"Value": "Amount"},
    "Token": {"TokenStatus": "Status"},
    "TokenUsageLimit": {"LastResetTimestamp": "LastResetTimeStamp"},
    "TransactionPart": {"FeesPaid": "FeePaid"},
    "Transaction": _TRANSACTION,
    "TransactionDetail": {**_TRANSACTION, "StatusHistory": None},
}
"""Other names of elements, by type; None: this version does not have it."""


def render_legacy_success(action: Action, result: Result, request_id: str) -> bytes:
    """The answer to a call that was carried out."""
    if action.moves_money:
        parts = (Element("TransactionId", "string"), Element("Status", "string"))
        values = {"TransactionId": result["TransactionId"], "Status": _status(str(result["TransactionStatus"]))}
        body = tagged("ns3:TransactionResponse", members(parts, values))
    else:
        body = "".join(
            _told(each, result.get(each.name), _RESULTS.get(action.name, {})) for each in action.result or ()
        )
    return _envelope(action, f"{body}<Status>Success</Status><RequestId>{request_id}:0</RequestId>")


def render_legacy_failure(action: Action, refused: Refused, request_id: str) -> bytes:
    """The answer to a call that was refused: every fault that was found."""
    faults = "".join(
        "<Errors><ErrorType>Business</ErrorType>"
        f"<IsRetriable>{'true' if fault.refusal.may_retry else 'false'}</IsRetriable>"
        f"<ErrorCode>{fault.refusal.name}</ErrorCode><ReasonText>{text(' '.join(fault.message.split()))}</ReasonText>"
        "</Errors>"
        for fault in (refused, *refused.also)
    )
    errors = f"<Status>Failure</Status><Errors>{faults}</Errors><RequestId>{request_id}:0</RequestId>"
    return _envelope(action, errors)


def _envelope(action: Action, content: str) -> bytes:
    name = f"ns3:{action.name}Response"
    return f'{DECLARATION}<{name} xmlns:ns3="{namespace(V2007)}">{content}</{name}>'.encode()


def _told(part: Element, value: Value, names: Mapping[str, str | None]) -> str:
    """An element under the name that this version has for it."""
    name = names.get(part.name, part.name)
    if value is None or name is None:
        return ""
    if part.type not in COMPLEX_TYPES:
        if part.type == "TransactionStatus":
            value = _status(str(value))
        return members((Element(name, "string"),), {name: value})
    several: Sequence[Value] = value if isinstance(value, list) else (value,)
    return "".join(tagged(name, _content(part.type, each)) for each in several)


def _content(kind: str, value: Value) -> str:
    if not isinstance(value, Mapping):
        raise TypeError(f"a {kind} is a complex value")
    names = dict(_TYPES.get(kind, {}))
    if value.get("TransactionStatus") != "Failure":  # codes and messages are those of errors here
        names |= {name: None for name in _FAILED if name in names}
    if value.get("StatusCode") == "TemporaryDecline":
        value = {**value, "TransactionStatus": "TemporaryDecline"}
    return "".join(_told(part, value.get(part.name), names) for part in COMPLEX_TYPES[kind])


def _status(status: str) -> str:
    return _STATUSES.get(status, status)
