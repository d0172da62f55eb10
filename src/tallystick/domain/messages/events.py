"""What is told to programs of sellers: which event each change is. docs/events.md tells them one by one.

The events of a decision are written by its own commit and numbered soon after (docs/decisions/180).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from tallystick.domain.commands import TokenPurpose
from tallystick.domain.ids import InstrumentId, TokenId
from tallystick.domain.outcomes import TransactionStatus
from tallystick.domain.state import Decision, Operation, Transaction

CHARGE_SUCCEEDED: Final = "charge.succeeded"
AUTHORIZATION_ACTIVATED: Final = "authorization.activated"
AUTHORIZATION_CANCELLED: Final = "authorization.cancelled"
AUTHORIZATION_EXPIRED: Final = "authorization.expired"
BALANCE_LOW: Final = "balance.low"
KEY_REVOKED: Final = "key.revoked"

_PENDING, _SUCCESS = TransactionStatus.PENDING, TransactionStatus.SUCCESS
_FAILURE, _CANCELLED = TransactionStatus.FAILURE, TransactionStatus.CANCELLED
_RESERVED: Final = TransactionStatus.RESERVED

_AS_TOLD: Final = {_PENDING: "pending", _SUCCESS: "succeeded", _FAILURE: "failed", _CANCELLED: "cancelled"}


def _all_of(noun: str, *statuses: TransactionStatus) -> Mapping[TransactionStatus, str]:
    return {status: f"{noun}.{_AS_TOLD[status]}" for status in statuses}


_TYPES: Final[Mapping[Operation, Mapping[TransactionStatus, str]]] = MappingProxyType(
    {
        Operation.PAY: _all_of("charge", _PENDING, _SUCCESS, _FAILURE, _CANCELLED),
        Operation.FUND_PREPAID: _all_of("top_up", _PENDING, _SUCCESS, _FAILURE, _CANCELLED),
        Operation.SETTLE_DEBT: _all_of("settlement", _PENDING, _SUCCESS, _FAILURE, _CANCELLED),
        Operation.WRITE_OFF_DEBT: _all_of("write_off", _SUCCESS),
        Operation.REFUND: _all_of("refund", _PENDING, _SUCCESS, _FAILURE),
        Operation.REFUND_REVERSAL: {_SUCCESS: "refund.reversed"},
        Operation.PAYOUT: _all_of("payout", _PENDING, _SUCCESS, _FAILURE),
        Operation.PAYOUT_RETURN: {_SUCCESS: "payout.returned"},
        Operation.RESERVE: {
            _PENDING: "reservation.pending",
            _RESERVED: "reservation.reserved",
            _SUCCESS: "reservation.captured",
            _FAILURE: "reservation.failed",
            _CANCELLED: "reservation.released",
        },
        Operation.DISPUTE: {
            _RESERVED: "dispute.opened",
            _SUCCESS: "dispute.lost",
            _CANCELLED: "dispute.won",
        },
    }
)
"""What a transaction's coming to a status is called. What is not here happens in the operator's own book alone."""

TYPES: Final = (
    AUTHORIZATION_ACTIVATED,
    AUTHORIZATION_CANCELLED,
    AUTHORIZATION_EXPIRED,
    BALANCE_LOW,
    *dict.fromkeys(name for types in _TYPES.values() for name in types.values()),
    KEY_REVOKED,
)
"""Every type of event, in the order of the documentation."""

ACTIVATED, LOW, CANCELLED, EXPIRED = 1, 2, 2, 3
"""The places among what happens to an authorization. Low its balance can be at any time before it ends."""

_SPENDING: Final = frozenset({TokenPurpose.PREPAID_SENDER, TokenPurpose.CREDIT_SENDER})
_STATUS_OF_TRANSACTION: Final = "TransactionStatus"


class Happening(Struct, frozen=True):
    """An event without its number yet. `name` tells it from all else that happens to its subject.

    `number`: its place among that. `status`, `status_code`: of a transaction, as they were.
    """

    subject_id: str
    name: str
    number: int
    type: str
    status: str | None = None
    status_code: str | None = None


class Known(Struct, frozen=True):
    """What was there before a decision. `charges_too`: the seller hears of charges that are answered at once."""

    instruments: Collection[InstrumentId]
    tokens: Collection[TokenId]
    charges_too: bool = False


def was_answered_at_once(event_type: str, number: int) -> bool:
    """Whether the answer to the request has told this charge already: such ones are no events unless chosen."""
    return event_type == CHARGE_SUCCEEDED and number == 1


def type_of(operation: Operation, status: TransactionStatus) -> str | None:
    """The event that a transaction has come to a status; None: it is none of a seller's."""
    return _TYPES.get(operation, {}).get(status)


def happenings(decision: Decision, known: Known) -> Iterator[Happening]:
    """The events that a decision is, in the order in which it changes things."""
    yield from _activated(decision, known)
    if not decision.events:
        return
    transactions: Mapping[str, Transaction] = {item.transaction_id: item for item in decision.transactions}
    for event in decision.events:
        if event.kind != _STATUS_OF_TRANSACTION:
            yield from _cancelled(decision, event.subject_id)
            continue
        transaction = transactions[event.subject_id]
        if event.status is None or (told := type_of(transaction.operation, TransactionStatus(event.status))) is None:
            continue
        name = event.event_id.rpartition("-")[2]
        if not known.charges_too and was_answered_at_once(told, int(name)):
            continue
        yield Happening(event.subject_id, name, int(name), told, event.status, event.status_code)


def _activated(decision: Decision, known: Known) -> Iterator[Happening]:
    """Balances and tabs that were agreed to, and tokens without any of them."""
    for instrument in decision.instruments:
        if instrument.instrument_id not in known.instruments:
            yield Happening(instrument.instrument_id, "activated", ACTIVATED, AUTHORIZATION_ACTIVATED)
    for token in decision.tokens:
        if token.instrument_id is None and token.token_id not in known.tokens:
            yield Happening(token.token_id, "activated", ACTIVATED, AUTHORIZATION_ACTIVATED)


def _cancelled(decision: Decision, token_id: str) -> Iterator[Happening]:
    """An authorization ends with the token that charges go through; the one for its money may end by itself."""
    for token in decision.tokens:
        if token.token_id != token_id:
            continue
        if token.instrument_id is None:
            yield Happening(token_id, "cancelled", CANCELLED, AUTHORIZATION_CANCELLED)
        elif token.purpose in _SPENDING:
            yield Happening(token.instrument_id, f"cancelled {token_id}", CANCELLED, AUTHORIZATION_CANCELLED)
