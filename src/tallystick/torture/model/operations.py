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
    `until_final`: of a status, ask until it is no longer Pending.
    """

    action: OperationKind
    amount: int | None = None
    token: TokenSlot | None = None
    reference: str | None = None
    original: str | None = None
    server: int = 0
    until_final: bool = False

    @property
    def content(self) -> tuple[OperationKind, int | None, TokenSlot | None, str | None]:
        """What is asked for, whatever the name of the request."""
        return self.action, self.amount, self.token, self.original


Round = tuple[PlannedOperation, ...]
"""Requests that are sent at the same time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation comes to: the code of a refusal, or a status, or what was read."""

    code: str | None = None
    status: str | None = None
    values: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program heard. `transaction_id`: of the transaction that was made or changed."""

    outcome: Outcome
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class OperationCall:
    """An operation that was asked for; no answer: it may have happened, or may happen yet. `why`: what came instead.

    `server`: the number of the process that was asked in the end.
    """

    operation: PlannedOperation
    answer: Answer | None
    why: str = ""
    server: int = 0
