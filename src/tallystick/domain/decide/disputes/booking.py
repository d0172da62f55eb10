"""What a change of a dispute comes to in all books: the difference of its positions (domain/disputes/positions.py)."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from tallystick.domain.accounts import AccountKind
from tallystick.domain.decide.receipts import announce, step
from tallystick.domain.disputes.dispute import Dispute
from tallystick.domain.disputes.positions import movements, position_of_bearer, position_of_operator
from tallystick.domain.ids import AccountId, BookId, PartyId
from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.state import Decision, Instrument, InstrumentKind, State, Transaction, Transfer

_OPENED: Final = (
    (AccountKind.IN_DISPUTE, ""),
    (AccountKind.DUES, ""),
    (AccountKind.DISPUTE_LOSSES, ""),
    (AccountKind.DISPUTE_FEES, ""),
)


def booked(
    state: State, before: Dispute | None, after: Dispute, original: Transaction, transaction: Transaction | None
) -> Decision:
    """The decision that leads from one position of a dispute to the other, in all books.

    `transaction`: the dispute's own, in its new status; None where that stays.
    """
    instrument = None if after.instrument_id is None else state.instruments[after.instrument_id]
    account = None if instrument is None else instrument.account_id
    own = movements({} if before is None else position_of_bearer(before, account), position_of_bearer(after, account))
    outside = movements({} if before is None else position_of_operator(before), position_of_operator(after))
    transfers = _numbered(after, own)
    numbered = replace(after, moves=after.moves + max(len(own), len(outside)))
    claimed_micros = 0 if before is None else before.claimed_micros
    disputed = replace(original, disputed_micros=original.disputed_micros + after.claimed_micros - claimed_micros)
    is_prepaid = instrument is not None and instrument.kind is InstrumentKind.PREPAID
    opens = (*_OPENED, (AccountKind.FROZEN, str(after.instrument_id))) if is_prepaid else _OPENED
    decision = Decision(
        Done() if transaction is None else Accepted(transaction.transaction_id, transaction.status),
        transactions=(disputed,) if transaction is None else (disputed, transaction),
        operator_opens=((AccountKind.DUE_FROM, str(after.bearer_id)), (AccountKind.RAIL, after.rail)),
        operator_transfers=_numbered(after, outside),
        instruments=() if instrument is None else (_changed(instrument, before, after),),
        disputes=(numbered,),
    )
    if transaction is not None:
        told_before = None if before is None else state.transactions[before.transaction_id].status_number
        if told_before != transaction.status_number:
            steps = () if transaction.status_number == 1 else (step(transaction),)
            decision = replace(decision, events=(announce(transaction),), steps=steps)
    book_id = book_of(state, after.bearer_id)
    if book_id == state.book.book_id:
        return replace(decision, opens=opens, transfers=transfers)
    return replace(decision, recipient_opens=((book_id, opens),), recipient_transfers=((book_id, transfers),))


def _numbered(dispute: Dispute, moves: list[tuple[AccountId, AccountId, int]]) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(dispute.transaction_id, debit, credit, micros, number=dispute.moves + place)
        for place, (debit, credit, micros) in enumerate(moves, start=1)
    )


def _changed(instrument: Instrument, before: Dispute | None, after: Dispute) -> Instrument:
    borne_micros = after.borne_micros - (0 if before is None else before.borne_micros)
    sign = -1 if instrument.kind is InstrumentKind.PREPAID else 1
    balance_micros = instrument.balance_micros + sign * borne_micros
    if instrument.kind is not InstrumentKind.PREPAID:
        return replace(instrument, balance_micros=balance_micros)
    uncovered_micros = after.uncovered_micros - (0 if before is None else before.uncovered_micros)
    return replace(
        instrument,
        balance_micros=balance_micros,
        uncovered_micros=instrument.uncovered_micros + uncovered_micros,
    )


def book_of(state: State, bearer_id: PartyId) -> BookId:
    """The book of the seller who bears a dispute: this one, or that of the recipient."""
    return state.book.book_id if bearer_id == state.book.seller_id else state.recipients[bearer_id].book_id
