"""Faults on order in /v1: the next charge, hold or refund fails, or stays pending until it is released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.rails.commands import RailOperation
from tallystick.services.api.common_fields import OPTIONAL, REQUIRED
from tallystick.services.api.fields import Field
from tallystick.services.seller import faults
from tallystick.services.seller.faults import DECLINES, MAX_WAITING, OPERATIONS, OrderedFault, TooManyFaultsError
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import JsonInput
from tallystick.web.v1.problems import JsonProblemError
from tallystick.web.v1.sandbox.books import actor_of, first_book
from tallystick.web.v1.transactions import moment

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Asked

HOLD: Final = "hold"
PAY: Final = "pay"
LISTED: Final = 100

_OF_OPERATION: Final = {
    RailOperation.CHARGE: "charge",
    RailOperation.AUTHORIZE: "reservation",
    RailOperation.REFUND: "refund",
}
_OPERATIONS: Final = {name: operation for operation, name in _OF_OPERATION.items() if operation in OPERATIONS}
_OUTCOMES: Final = {
    "TemporaryDecline": "temporary_decline",
    "TransactionDenied": "denied",
}
_DECLINES: Final = {name: code for code, name in _OUTCOMES.items() if code in DECLINES}

OPERATION_NAMES: Final = tuple(_OPERATIONS)
OUTCOME_NAMES: Final = (*_DECLINES, HOLD)
RELEASE_NAMES: Final = (PAY, *_DECLINES)
STATUSES: Final = ("waiting", "holding", "met")

OPERATION: Final = JsonInput(
    Field(
        "operation",
        "string",
        REQUIRED,
        "What meets it, of what the payment network is asked for: a charge, top-up or settlement; a reservation; a"
        " refund.",
        choices=OPERATION_NAMES,
    ),
    "charge",
)
OUTCOME: Final = JsonInput(
    Field("outcome", "string", REQUIRED, "A decline; or no answer, until it is released.", choices=OUTCOME_NAMES),
    "temporary_decline",
)
RELEASED_AS: Final = JsonInput(
    Field("outcome", "string", OPTIONAL, "How it ends then.", choices=RELEASE_NAMES, default=PAY), PAY
)


async def list_(asked: Asked) -> Reply:
    """Those that wait, those that hold something, then the latest others: all of them one page."""
    found = await faults.of_book(asked.service, first_book(asked), LISTED)
    return Reply({"object": "list", "data": [_told(one) for one in found], "next_cursor": None})


async def order(asked: Asked) -> Reply:
    """Order one; the audit log names the key. Raises ProblemError."""
    given, book_id = asked.given, first_book(asked)
    operation = _OPERATIONS[given["operation"]]
    decline = _DECLINES.get(given["outcome"])
    try:
        fault_id = await faults.place(asked.service, actor_of(asked), asked.key.party_id, book_id, operation, decline)
    except TooManyFaultsError:
        message = f"{MAX_WAITING} faults wait already. They are met by what is charged next."
        raise JsonProblemError("too_many_faults", message) from None
    return Reply(_told(await _find(replace(asked, subject=fault_id))))


async def release(asked: Asked) -> Reply:
    """Let go what one holds; the audit log names the key. Raises ProblemError."""
    fault = await _find(asked)
    decline = _DECLINES.get(asked.given.get("outcome", PAY))
    if not await faults.release(
        asked.service, actor_of(asked), asked.key.party_id, first_book(asked), fault.fault_id, decline
    ):
        raise JsonProblemError("fault_not_holding", "This fault holds nothing: it waits, or was let go before.")
    return Reply(_told(await _find(asked)))


async def take_back(asked: Asked) -> Reply:
    """Forget one that nothing has met yet; the audit log names the key. Raises ProblemError."""
    fault = await _find(asked)
    if not await faults.take_back(
        asked.service, actor_of(asked), asked.key.party_id, first_book(asked), fault.fault_id
    ):
        raise JsonProblemError("fault_met_already", "This fault has met something already.")
    return Reply(_told(fault))


async def _find(asked: Asked) -> OrderedFault:
    found = await faults.find(asked.service, first_book(asked), asked.subject)
    if found is None:
        raise JsonProblemError("not_found", "There is no such fault in this sandbox.", field="id")
    return found


def _told(fault: OrderedFault) -> Mapping[str, Any]:
    status = "waiting" if fault.key is None else "holding" if fault.holding else "met"
    outcome = HOLD if fault.holds and fault.decline is None else _OUTCOMES.get(fault.decline or "", PAY)
    return {
        "object": "fault",
        "id": fault.fault_id,
        "status": status,
        "operation": _OF_OPERATION[fault.operation],
        "outcome": outcome,
        "transaction": fault.transaction_id,
        "created_at": moment(fault.ordered_at),
        "met_at": moment(fault.met_at),
        "released_at": moment(fault.released_at),
    }
