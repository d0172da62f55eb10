"""The query API: signed calls, answered in XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.client.fps import Client, ServiceError, amount
from tallystick.torture.faces.face import UNDECIDED, UNREADABLE, RequestNames, UndecidedError
from tallystick.torture.model.operations import Answer, OperationKind, Outcome, PlannedOperation, TokenSlot

_AMOUNTS: Final = {
    OperationKind.FUND: "FundingAmount",
    OperationKind.PAY: "TransactionAmount",
    OperationKind.RESERVE: "TransactionAmount",
    OperationKind.SETTLE: "TransactionAmount",
    OperationKind.REFUND: "RefundAmount",
    OperationKind.SETTLE_DEBT: "SettlementAmount",
    OperationKind.WRITE_OFF: "AdjustmentAmount",
}


@dataclass(frozen=True, slots=True)
class QueryFace:
    """Signed calls, by one program for each process."""

    clients: Sequence[Client]

    async def ask(self, operation: PlannedOperation, names: RequestNames, server: int) -> Answer:
        """One call. Raises UndecidedError, httpx.HTTPError."""
        action = operation.action
        try:
            heard = await self.clients[server].call(action.value, _parameters(operation, names))
        except ServiceError as error:
            if error.code in UNDECIDED or error.code == UNREADABLE:
                raise UndecidedError(error.code) from None
            return Answer(Outcome(code=error.code))
        match action:
            case OperationKind.CANCEL_TOKEN:
                return Answer(Outcome())
            case OperationKind.STATUS:
                return Answer(Outcome(status=heard.text("TransactionStatus")))
            case OperationKind.PREPAID_BALANCE:
                balance = heard.micros("PrepaidBalance", "AvailableBalance")
                return Answer(Outcome(values=(balance, heard.micros("PrepaidBalance", "PendingInBalance"))))
            case OperationKind.DEBT_BALANCE:
                debt = heard.micros("DebtBalance", "AvailableBalance")
                return Answer(Outcome(values=(debt, heard.micros("DebtBalance", "PendingOutBalance"))))
            case _:
                return Answer(Outcome(status=heard.text("TransactionStatus")), heard.text("TransactionId"))


def _parameters(operation: PlannedOperation, names: RequestNames) -> dict[str, str]:
    action, buyer = operation.action, names.buyer
    parameters: dict[str, str] = {}
    if operation.amount is not None:
        parameters |= amount(_AMOUNTS[action], operation.amount)
    if (reference := names.reference(operation)) is not None:
        parameters["CallerReference"] = reference
    if operation.original is not None:
        name = "ReserveTransactionId" if action is OperationKind.SETTLE else "TransactionId"
        parameters[name] = names.ids[operation.original]
    match action:
        case OperationKind.FUND:
            parameters |= {"SenderTokenId": buyer.tokens[TokenSlot.FUNDING], "PrepaidInstrumentId": buyer.prepaid}
        case OperationKind.SETTLE_DEBT:
            parameters |= {"SenderTokenId": buyer.tokens[TokenSlot.SETTLEMENT], "CreditInstrumentId": buyer.credit}
        case OperationKind.WRITE_OFF | OperationKind.DEBT_BALANCE:
            parameters["CreditInstrumentId"] = buyer.credit
        case OperationKind.PREPAID_BALANCE:
            parameters["PrepaidInstrumentId"] = buyer.prepaid
        case OperationKind.PAY | OperationKind.RESERVE | OperationKind.CANCEL_TOKEN if operation.token is not None:
            name = "TokenId" if action is OperationKind.CANCEL_TOKEN else "SenderTokenId"
            parameters[name] = buyer.tokens[operation.token]
        case _:
            pass
    return parameters
