"""Which status may follow which: of transactions, by what they do, and of tokens.

The deciders look each change up before anything is written, `verify` compares each recorded history with the tables
(`allowed_changes`), and docs/states.md is drawn from them. Source: docs/protocol/semantics.md, 2, 3 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, unique
from types import MappingProxyType
from typing import Final

from tallystick.domain.outcomes import TransactionStatus
from tallystick.domain.state import Operation
from tallystick.domain.tokens import TokenState


class ImpossibleTransitionError(AssertionError):
    """A decision would bring a transaction or a token to a status that cannot follow: a bug of ours."""


@unique
class TransactionState(Enum):
    """The state of a transaction.

    A reservation is Pending twice: until the card is held, and (SETTLING) until what was settled is charged.
    """

    NEW = "New"
    PENDING = "Pending"
    RESERVED = "Reserved"
    SETTLING = "Settling"
    SUCCESS = "Success"
    FAILURE = "Failure"
    CANCELLED = "Cancelled"

    @property
    def status(self) -> TransactionStatus | None:
        """The protocol's word for it; None before there is a transaction."""
        if self is TransactionState.NEW:
            return None
        return TransactionStatus.PENDING if self is TransactionState.SETTLING else TransactionStatus(self.value)


Table = Mapping[TransactionState, tuple[TransactionState, ...]]
"""What may follow each state. A state that is missing is final."""

_DONE_AT_ONCE: Final[Table] = {
    TransactionState.NEW: (TransactionState.SUCCESS,),
}
_CHARGE: Final[Table] = {
    TransactionState.NEW: (TransactionState.SUCCESS, TransactionState.PENDING),
    TransactionState.PENDING: (TransactionState.SUCCESS, TransactionState.FAILURE, TransactionState.CANCELLED),
}
_HOLD: Final[Table] = {
    TransactionState.NEW: (TransactionState.PENDING,),
    TransactionState.PENDING: (TransactionState.RESERVED, TransactionState.FAILURE, TransactionState.CANCELLED),
    TransactionState.RESERVED: (TransactionState.SETTLING, TransactionState.CANCELLED),
    TransactionState.SETTLING: (TransactionState.SUCCESS, TransactionState.FAILURE),
}
_REFUND: Final[Table] = {
    TransactionState.NEW: (TransactionState.SUCCESS, TransactionState.PENDING),
    TransactionState.PENDING: (TransactionState.SUCCESS, TransactionState.FAILURE),
}

_DISPUTE: Final[Table] = {  # Reserved: open; Success: lost, it was taken back; Cancelled: won
    TransactionState.NEW: (TransactionState.RESERVED,),
    TransactionState.RESERVED: (TransactionState.SUCCESS, TransactionState.CANCELLED),
}

TRANSACTIONS: Final[Mapping[Operation, Table]] = MappingProxyType(
    {
        Operation.PAY: _CHARGE,
        Operation.FUND_PREPAID: _CHARGE,
        Operation.SETTLE_DEBT: _CHARGE,
        Operation.RESERVE: _HOLD,
        Operation.REFUND: _REFUND,
        Operation.PAYOUT: _REFUND,
        Operation.PAYOUT_RETURN: _DONE_AT_ONCE,
        Operation.WRITE_OFF_DEBT: _DONE_AT_ONCE,
        Operation.DEPOSIT: _DONE_AT_ONCE,
        Operation.RAIL_MOVEMENT: _DONE_AT_ONCE,
        Operation.REFUND_REVERSAL: _DONE_AT_ONCE,
        Operation.DISPUTE: _DISPUTE,
    }
)

TOKENS: Final[Mapping[TokenState, tuple[TokenState, ...]]] = MappingProxyType(
    {
        TokenState.NOT_YET: (TokenState.ACTIVE, TokenState.CANCELLED),
        TokenState.ACTIVE: (TokenState.USED, TokenState.EXPIRED, TokenState.CANCELLED),
        TokenState.USED: (TokenState.EXPIRED, TokenState.CANCELLED),
        TokenState.EXPIRED: (TokenState.CANCELLED,),
    }
)
"""Time brings a token to ACTIVE and to EXPIRED, a payment a single-use one to USED; CANCELLED is final."""

_FIRST_STATUSES: Final = {
    operation: tuple(state.status for state in table[TransactionState.NEW]) for operation, table in TRANSACTIONS.items()
}


def check_first(operation: Operation, status: TransactionStatus) -> None:
    """A new transaction may have this status. Raises ImpossibleTransitionError."""
    if status not in _FIRST_STATUSES[operation]:
        raise ImpossibleTransitionError(f"{operation.value} cannot begin as {status.value}")


def check_next(operation: Operation, number: int, before: TransactionStatus, after: TransactionStatus) -> None:
    """Status `after` may follow `before`, which was the transaction's `number`th. Raises ImpossibleTransitionError."""
    state = state_of_transaction(operation, number, before)
    if all(following.status is not after for following in TRANSACTIONS[operation].get(state, ())):
        raise ImpossibleTransitionError(f"{operation.value} cannot go from {state.value} to {after.value}")


def check_token(before: TokenState, after: TokenState) -> None:
    """A token may go from one state to the other. Raises ImpossibleTransitionError."""
    if after not in TOKENS.get(before, ()):
        raise ImpossibleTransitionError(f"a token cannot go from {before.value} to {after.value}")


def state_of_transaction(operation: Operation, number: int, status: TransactionStatus) -> TransactionState:
    """Where a transaction is whose `number`th status, counted from 1, is `status`."""
    if operation is Operation.RESERVE and status is TransactionStatus.PENDING and number > 1:
        return TransactionState.SETTLING
    return TransactionState(status.value)


def allowed_changes() -> Iterator[tuple[str, int, str | None, str]]:
    """All that a recorded history may contain: operation, number of the later status, status before and after.

    Numbers as `status_number` counts. The status before the first is None. No state comes twice in a history, so that
    there are finitely many.
    """
    for operation, table in TRANSACTIONS.items():
        reached = [(1, TransactionState.NEW)]
        while reached:
            number, state = reached.pop()
            for after in table.get(state, ()):
                before, status = state.status, after.status
                assert status is not None, "nothing goes back to NEW"  # noqa: S101
                yield operation.value, number, None if before is None else before.value, status.value
                reached.append((number + 1, after))
