"""What a dispute has moved on each account since it was opened: its position.

A change of a dispute is booked as the difference between the position after and the one before, so that whatever a rail
tells, in whatever order, comes to the same books. What each account means: store/ledger/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.domain.accounts import TOTALS, AccountKind, account_id
from tallystick.domain.disputes.dispute import Dispute
from tallystick.domain.ids import AccountId, InstrumentId

Position = Mapping[AccountId, int]
"""Debits less credits by account, in micro-units."""

_CASH: Final = TOTALS[AccountKind.CASH]
_DUES: Final = TOTALS[AccountKind.DUES]
_IN_DISPUTE: Final = TOTALS[AccountKind.IN_DISPUTE]
_LOSSES: Final = TOTALS[AccountKind.DISPUTE_LOSSES]
_FEES: Final = TOTALS[AccountKind.DISPUTE_FEES]


def position_of_bearer(dispute: Dispute, instrument: AccountId | None) -> Position:
    """What a dispute has moved in the book of the seller who bears it. `instrument`: its account, if there is one.

    `verify` knows the same rule (store/ledger/sql/verify.sql, disputes_moved_what_they_say).
    """
    position = {
        _CASH: dispute.due_micros - dispute.claimed_micros - dispute.fee_micros,
        _DUES: -dispute.due_micros,
        _FEES: dispute.fee_micros,
    }
    if dispute.status.is_final:
        position[_LOSSES] = dispute.claimed_micros - dispute.borne_micros
    else:
        position[_IN_DISPUTE] = dispute.claimed_micros
    if instrument is not None and dispute.instrument_id is not None:
        position[instrument] = dispute.borne_micros
        if not dispute.status.is_final:
            position[frozen_account(dispute.instrument_id)] = -dispute.borne_micros
    return position


def position_of_operator(dispute: Dispute) -> Position:
    """What a dispute has moved in the operator's book: the rail took it at once, and the seller has paid or owes it."""
    taken_micros = dispute.claimed_micros + dispute.fee_micros
    return {
        account_id(AccountKind.RAIL, dispute.rail): -taken_micros,
        account_id(AccountKind.OWED_TO, str(dispute.bearer_id)): taken_micros - dispute.due_micros,
        account_id(AccountKind.DUE_FROM, str(dispute.bearer_id)): dispute.due_micros,
    }


def frozen_account(instrument_id: InstrumentId) -> AccountId:
    """Number of the account that holds what is frozen of a prepaid balance."""
    return account_id(AccountKind.FROZEN, instrument_id)


def movements(before: Position, after: Position) -> list[tuple[AccountId, AccountId, int]]:
    """What leads from one position to the other: debit, credit and amount, none of them 0.

    Debits are matched with credits in the order of the accounts; both sum to the same, as every position sums to 0.
    """
    accounts = sorted({*before, *after})
    change = {key: after.get(key, 0) - before.get(key, 0) for key in accounts}
    debits = [[key, change[key]] for key in accounts if change[key] > 0]
    credits_ = [[key, -change[key]] for key in accounts if change[key] < 0]
    moved = []
    while debits and credits_:
        debit, credit = debits[0], credits_[0]
        micros = min(debit[1], credit[1])
        moved.append((AccountId(debit[0]), AccountId(credit[0]), micros))
        for side, entries in ((debit, debits), (credit, credits_)):
            side[1] -= micros
            if not side[1]:
                entries.pop(0)
    assert not debits, "a position sums to 0"  # noqa: S101
    assert not credits_, "a position sums to 0"  # noqa: S101
    return moved
