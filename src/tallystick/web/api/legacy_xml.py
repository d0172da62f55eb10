"""Answers of 2007-01-08: a prefix on the root, children without a namespace, business errors inside an action's answer.

The elements are those of that interface's own schema, in its order. Source: docs/protocol/transport.md; decision 031.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import V2007
from tallystick.services.api.types import Element
from tallystick.web.api.legacy_types import LEGACY_TYPES, LegacyElement
from tallystick.web.api.xml import DECLARATION, PIECE, Written, members, namespace, tagged, text, written_in_pieces

if TYPE_CHECKING:
    from tallystick.services.api.read_budget import StepAside
    from tallystick.services.api.registry import Action
    from tallystick.services.api.types import Result, Value

TRANSPORT_FAULTS: Final = frozenset(
    {Refusal.InvalidRequest, Refusal.AuthFailure, Refusal.AccountClosed, Refusal.ServiceUnavailable, Refusal.Throttling}
)
"""Refusals that use the common error document although the version is known to be 2007-01-08."""

RETRIABLE: Final = frozenset(
    {
        Refusal.AccessFailure,
        Refusal.AccountClosed,
        Refusal.AccountLimitsExceeded,
        Refusal.AuthFailure,
        Refusal.ConcurrentModification,
        Refusal.InsufficientBalance,
        Refusal.InternalError,
        Refusal.InvalidAccountState,
        Refusal.InvalidAccountState_Caller,
        Refusal.InvalidAccountState_Recipient,
        Refusal.InvalidAccountState_Sender,
        Refusal.NotMarketplaceApp,
        Refusal.OriginalTransactionIncomplete,
        Refusal.PrepaidFundingLimitExceeded,
        Refusal.ServiceUnavailable,
        Refusal.Throttling,
    }
)
"""What IsRetriable was published to be true for, and two codes of ours; what helps here is Refusal.retry."""

_STATUSES: Final = {"Pending": "Initiated", "Cancelled": "Failure"}
_RESULTS: Final[Mapping[str, Mapping[str, str]]] = {
    "GetAccountActivity": {"BatchSize": "ResponseBatchSize", "Transaction": "Transactions"},
    "GetTokens": {"Token": "Tokens"},
    "GetPaymentInstruction": {"CallerReference": "AccountId"},
}
_ONLY_OF_ERRORS: Final = frozenset({"StatusCode", "StatusMessage"})
"""Elements that a transaction has only when it failed: they are left out for all other statuses."""


def render_legacy_success(action: Action, result: Result, request_id: str) -> bytes:
    """The answer to a call that was carried out."""
    if action.moves_money:
        parts = (Element("TransactionId", "string"), Element("Status", "string"))
        values = {"TransactionId": result["TransactionId"], "Status": _status(str(result["TransactionStatus"]))}
        body = tagged("ns3:TransactionResponse", members(parts, values))
    else:
        body = "".join(_render_element(_element(action, each), result.get(each.name)) for each in action.result or ())
    return _envelope(action, f"{body}<Status>Success</Status><RequestId>{request_id}:0</RequestId>")


async def legacy_in_pieces(action: Action, result: Result, step_aside: StepAside) -> Result:
    """The same result, whose lists are XML already. `step_aside` is awaited after each piece of a list."""
    written = dict(result)
    for part in action.result or ():
        value = result.get(part.name)
        if part.repeated and isinstance(value, list) and len(value) > PIECE:
            written[part.name] = await written_in_pieces(
                partial(_render_element, _element(action, part)), value, step_aside
            )
    return written


def render_legacy_failure(action: Action, refused: Refused, request_id: str) -> bytes:
    """The answer to a call that was refused, with every error that was found."""
    faults = "".join(
        "<Errors><ErrorType>Business</ErrorType>"
        f"<IsRetriable>{'true' if fault.refusal in RETRIABLE else 'false'}</IsRetriable>"
        f"<ErrorCode>{fault.refusal.name}</ErrorCode><ReasonText>{text(' '.join(fault.message.split()))}</ReasonText>"
        "</Errors>"
        for fault in (refused, *refused.also)
    )
    errors = f"<Status>Failure</Status><Errors>{faults}</Errors><RequestId>{request_id}:0</RequestId>"
    return _envelope(action, errors)


def _envelope(action: Action, content: str) -> bytes:
    name = f"ns3:{action.name}Response"
    return f'{DECLARATION}<{name} xmlns:ns3="{namespace(V2007)}">{content}</{name}>'.encode()


def _element(action: Action, part: Element) -> LegacyElement:
    """An element of a result under the name that this version has for it."""
    name = _RESULTS.get(action.name, {}).get(part.name, part.name)
    return LegacyElement(name, part.name, part.type, part.optional)


def _render_element(part: LegacyElement, value: Value) -> str:
    """An element, repeated for each value. Raises ValueError: a required element has no value."""
    if isinstance(value, Written):
        return value
    if value is None or value == []:
        if not part.optional:
            raise ValueError(f"{part.name} is missing from a result")
        return ""
    if part.type not in LEGACY_TYPES:
        if part.type == "TransactionStatus":
            value = _status(str(value))
        return members((Element(part.name, "string"),), {part.name: value})
    several: Sequence[Value] = value if isinstance(value, list) else (value,)
    return "".join(tagged(part.name, _content(part.type, each)) for each in several)


def _content(kind: str, value: Value) -> str:
    if not isinstance(value, Mapping):
        raise TypeError(f"a {kind} is a complex value")
    shown = value
    if "TransactionStatus" in value and value["TransactionStatus"] != "Failure":
        shown = {name: each for name, each in value.items() if name not in _ONLY_OF_ERRORS}
    elif value.get("StatusCode") == "TemporaryDecline":
        shown = {**value, "TransactionStatus": "TemporaryDecline"}
    return "".join(_render_element(part, shown.get(part.value)) for part in LEGACY_TYPES[kind])


def _status(status: str) -> str:
    return _STATUSES.get(status, status)
