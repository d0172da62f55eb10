"""What a program of a seller asks for, and what it hears. Amounts are micro-units.

A transaction is named by the reference of the request that made it, so that a history means the same in every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class OperationKind(StrEnum):
    """The actions of the query API that histories are made of."""

    FUND = "FundPrepaid"
    PAY = "Pay"
    RESERVE = "Reserve"
    SETTLE = "Settle"
    CANCEL = "Cancel"
    REFUND = "Refund"
    SETTLE_DEBT = "SettleDebt"
    WRITE_OFF = "WriteOffDebt"
    CANCEL_TOKEN = "CancelToken"  # noqa: S105 - an action
    PREPAID_BALANCE = "GetPrepaidBalance"
    DEBT_BALANCE = "GetDebtBalance"
    STATUS = "GetTransactionStatus"


READS: Final = frozenset({OperationKind.PREPAID_BALANCE, OperationKind.DEBT_BALANCE, OperationKind.STATUS})
"""Change nothing: where the answer is lost, nothing has to be found out."""


@unique
class FaceName(StrEnum):
    """The two interfaces that programs speak."""

    QUERY = "query"  # signed calls of the query API
    JSON = "JSON"  # /v1


BY_JSON: Final = frozenset(
    {
        OperationKind.FUND,
        OperationKind.PAY,
        OperationKind.REFUND,
        OperationKind.SETTLE_DEBT,
        OperationKind.WRITE_OFF,
        OperationKind.CANCEL_TOKEN,
        OperationKind.PREPAID_BALANCE,
        OperationKind.DEBT_BALANCE,
        OperationKind.STATUS,
    }
)
"""What /v1 can be asked for, too; cards are held, charged and given up by the query API alone."""


@unique
class TokenSlot(StrEnum):
    """The tokens that each buyer has given."""

    PREPAID = "prepaid"  # Pay from the prepaid balance
    FUNDING = "funding"
    CREDIT = "credit"  # Pay on the tab
    SETTLEMENT = "settlement"
    CARD = "card"  # Pay and Reserve, by card
    ACCOUNT = "account"  # Pay from the balance of the buyer's account


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """One request. `original`: the reference of the transaction that it is about; `server`: which process is asked.

    `reference`: for the actions that have one; equal references with equal content are the same request.
    `until_final`: of a status, ask until it is no longer Pending. `face`: in which interface; both have one space of
    references, in which equal content is the same request.
    """

    action: OperationKind
    amount: int | None = None
    token: TokenSlot | None = None
    reference: str | None = None
    original: str | None = None
    server: int = 0
    until_final: bool = False
    face: FaceName = FaceName.QUERY

    @property
    def content(self) -> tuple[OperationKind, int | None, TokenSlot | None, str | None]:
        """What is asked for, whatever the name of the request."""
        return self.action, self.amount, self.token, self.original


Round = tuple[PlannedOperation, ...]
"""Requests that are sent at the same time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation comes to: the code of a refusal, or a status, or what was read.

    `values`: balances; of a transaction that /v1 shows its amount and its fee.
    """

    code: str | None = None
    status: str | None = None
    values: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program heard. `transaction_id`: of the transaction that was made or changed.

    `made`: whether /v1 says that just this request made it; None: the query API does not tell.
    """

    outcome: Outcome
    transaction_id: str | None = None
    made: bool | None = None


@dataclass(frozen=True, slots=True)
class OperationCall:
    """An operation that was asked for; no answer: it may have happened, or may happen yet. `why`: what came instead.

    `server`: the number of the process that was asked in the end. `again`: only to find out what has become of it.
    """

    operation: PlannedOperation
    answer: Answer | None
    why: str = ""
    server: int = 0
    again: bool = False
