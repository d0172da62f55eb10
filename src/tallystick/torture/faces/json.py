"""The JSON interface at /v1: bearer secrets, Idempotency-Key, problem documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx
import msgspec

from tallystick.domain.money import format_amount, parse_amount
from tallystick.torture.faces.face import UNDECIDED, UNREADABLE, RequestNames, UndecidedError
from tallystick.torture.model.operations import Answer, OperationKind, Outcome, PlannedOperation, TokenSlot
from tallystick.torture.stage import TortureBuyer

PROBLEMS: Final[Mapping[str, tuple[int, str]]] = {
    "AccessFailure": (503, "account_not_reachable"),
    "AmountOutOfRange": (422, "amount_out_of_range"),
    "ConcurrentModification": (503, "concurrent_modification"),
    "DuplicateRequest": (409, "idempotency_conflict"),
    "InsufficientBalance": (402, "insufficient_balance"),
    "InternalError": (500, "internal_error"),
    "InvalidParams": (400, "invalid_request"),
    "OriginalTransactionFailed": (409, "transaction_failed"),
    "OriginalTransactionIncomplete": (409, "transaction_not_complete"),
    "PrepaidFundingLimitExceeded": (402, "balance_limit_exceeded"),
    "RefundAmountExceeded": (422, "more_than_left_to_refund"),
    "ServiceUnavailable": (503, "service_unavailable"),
    "SettleAmountGreaterThanDebt": (422, "more_than_owed"),
    "Throttling": (429, "too_many_requests"),
    "TokenNotActive_Sender": (422, "authorization_not_active"),
    "TokenUsageError": (402, "authorization_limit_exceeded"),
    "TransactionFullyRefundedAlready": (422, "more_than_left_to_refund"),
    "TransactionTypeNotRefundable": (422, "not_refundable"),
}
"""Status and code of each refusal that histories meet, as docs/json-reference.md has them."""

STATUSES: Final = {
    "succeeded": "Success",
    "pending": "Pending",
    "failed": "Failure",
    "reserved": "Reserved",
    "cancelled": "Cancelled",
}
OBJECTS: Final = {
    "charge": OperationKind.PAY,
    "top_up": OperationKind.FUND,
    "settlement": OperationKind.SETTLE_DEBT,
    "write_off": OperationKind.WRITE_OFF,
    "refund": OperationKind.REFUND,
    "reservation": OperationKind.RESERVE,
}
_MOVES: Final = {kind: f"/v1/{name}s" for name, kind in OBJECTS.items()}
_MADE: Final = {(HTTPStatus.CREATED, None): True, (HTTPStatus.OK, "true"): False}
"""Whether a request made its transaction, by status and Idempotent-Replay; anything else is wrong."""


@dataclass(frozen=True, slots=True)
class JsonFace:
    """Requests with one bearer secret. `urls`: of the processes."""

    urls: Sequence[str]
    bearer: str
    http: httpx.AsyncClient

    async def ask(self, operation: PlannedOperation, names: RequestNames, server: int) -> Answer:
        """One request. Raises UndecidedError, httpx.HTTPError."""
        try:
            return await self._ask(operation, names, server)
        except (KeyError, ValueError) as error:  # an object without its members, or with others: no rule comes to that
            return Answer(Outcome(code=f"an answer that cannot be understood: {error!r}"))

    async def _ask(self, operation: PlannedOperation, names: RequestNames, server: int) -> Answer:
        action, buyer = operation.action, names.buyer
        match action:
            case OperationKind.PREPAID_BALANCE:
                return _balance(await self.get(f"/v1/authorizations/{buyer.prepaid}", server), "balance")
            case OperationKind.DEBT_BALANCE:
                return _balance(await self.get(f"/v1/authorizations/{buyer.credit}", server), "owed")
            case OperationKind.STATUS:
                shown = await self.get(f"/v1/transactions/{names.ids[operation.original or '']}", server)
                return _refused(shown) or Answer(_transaction(_read(shown)))
            case OperationKind.CANCEL_TOKEN:
                ended = await self._post(f"/v1/authorizations/{_authorization(operation, buyer)}/cancel", {}, server)
                return _refused(ended) or Answer(Outcome(code=_unlike("cancelled", _read(ended)["status"])))
            case _:
                return await self._move(operation, names, server)

    async def get(self, path: str, server: int = 0) -> httpx.Response:
        """What there is at a path. Raises httpx.HTTPError."""
        return await self.http.get(self.urls[server] + path, headers=self._headers())

    async def _post(
        self, path: str, body: Mapping[str, str], server: int, reference: str | None = None
    ) -> httpx.Response:
        headers = self._headers() if reference is None else self._headers() | {"Idempotency-Key": reference}
        return await self.http.post(self.urls[server] + path, json=body, headers=headers)

    async def _move(self, operation: PlannedOperation, names: RequestNames, server: int) -> Answer:
        """Amounts are written as by the query API's client: another text of the same amount is another request."""
        action, body = operation.action, {}
        if operation.amount is not None:
            body["amount"] = format_amount(operation.amount)
        path = _MOVES[action]
        if action is not OperationKind.REFUND:
            body["authorization"] = _authorization(operation, names.buyer)
        elif operation.amount is None:
            path = f"/v1/charges/{names.ids[operation.original or '']}/refund"
        else:
            body["transaction"] = names.ids[operation.original or ""]
        reference = names.reference(operation)
        answer = await self._post(path, body, server, reference)
        if (refused := _refused(answer)) is not None:
            return refused
        shown = _read(answer)
        wrong = _unlike(reference, shown["idempotency_key"]) or _unlike(action, OBJECTS.get(shown["object"]))
        made = _MADE.get((HTTPStatus(answer.status_code), answer.headers.get("idempotent-replay")))
        if made is None:
            wrong = f"status {answer.status_code} with Idempotent-Replay {answer.headers.get('idempotent-replay')}"
        if wrong is not None:
            return Answer(Outcome(code=wrong))
        return Answer(_transaction(shown), shown["id"], made)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.bearer}"}


def _authorization(operation: PlannedOperation, buyer: TortureBuyer) -> str:
    """What a request charges or ends: an instrument, or a token that is an authorization by itself."""
    match operation.action, operation.token:
        case (OperationKind.FUND, _) | (_, TokenSlot.PREPAID | TokenSlot.FUNDING):
            return buyer.prepaid
        case (OperationKind.PAY | OperationKind.CANCEL_TOKEN, TokenSlot.CARD | TokenSlot.ACCOUNT as token):
            return buyer.tokens[token]
        case _:
            return buyer.credit


def _refused(answer: httpx.Response) -> Answer | None:
    """A problem as an answer; None: it is none. Raises UndecidedError."""
    if answer.is_success:
        return None
    problem = _read(answer)
    code, said = problem.get("fps_code"), (answer.status_code, problem.get("code"))
    if code is None or PROBLEMS.get(code) != said or problem.get("status") != answer.status_code:
        return Answer(Outcome(code=f"{code} as {said[1]} with status {said[0]}"))  # which no rule comes to
    if code in UNDECIDED:
        raise UndecidedError(code)
    return Answer(Outcome(code=code), problem.get("transaction"))


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError:
        raise UndecidedError(UNREADABLE) from None


def _balance(answer: httpx.Response, name: str) -> Answer:
    if (refused := _refused(answer)) is not None:
        return refused
    shown = _read(answer)
    return Answer(Outcome(values=(micros(shown[name]), micros(shown["pending"]))))


def _transaction(shown: Mapping[str, Any]) -> Outcome:
    values = (micros(shown["amount"]), micros(shown["fee"]))
    return Outcome(status=STATUSES.get(shown["status"], shown["status"]), values=values)


def micros(text: str) -> int:
    """An amount of an answer in micro-units; cash and fees may be negative. Raises ValueError: it is none."""
    return -parse_amount(text[1:]) if text.startswith("-") else parse_amount(text)


def _unlike(expected: object, found: object) -> str | None:
    """What is wrong, in words; None: nothing."""
    return None if expected == found else f"{found} in place of {expected}"
