"""What of a charge is set free while a dispute asked for more of it than was left: the dispute claims it.

A refund that its rail declines sets free what the bank may have taken with the rest, and so does the end of another
dispute of the same charge. It is claimed in the same commit, also by a dispute that was lost already: else nobody would
bear it.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from msgspec.structs import replace

from tallystick.domain.decide.disputes.booking import book_of, booked
from tallystick.domain.decide.disputes.freezing import MOST_MOVES, age
from tallystick.domain.disputes.dispute import Dispute, DisputedSettlements, DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.domain.state import Decision, InstrumentKind, State

_JOINED: Final = (
    "transactions",
    "opens",
    "operator_opens",
    "recipient_opens",
    "transfers",
    "operator_transfers",
    "recipient_transfers",
    "instruments",
    "disputes",
)


def claim_what_is_free(state: State, decision: Decision, original_id: TransactionId) -> Decision:
    """`decision`, and what disputes of the charge claim of what it sets free; the oldest one first."""
    changed = {item.transaction_id: item for item in decision.disputes}
    known = {**state.disputes, **changed}
    claims = sorted((item for item in known.values() if item.original_id == original_id and _wants(item)), key=age)
    if not claims:
        return decision
    after = _as_it_will_be(state, decision)
    for claim in claims:
        charge = after.transactions[original_id]
        more_micros = min(claim.asked_micros - claim.claimed_micros, charge.refundable_micros)
        if more_micros:
            grown = booked(after, claim, _grown(after, claim, more_micros), charge, None)
            after.apply(grown)
            decision = _joined(decision, grown)
    return decision


def _wants(dispute: Dispute) -> bool:
    is_short = dispute.claimed_micros < dispute.asked_micros
    return is_short and dispute.status is not DisputeStatus.WON and dispute.moves < MOST_MOVES


def _grown(state: State, dispute: Dispute, more_micros: int) -> Dispute:
    borne_micros = 0
    if dispute.instrument_id is not None:
        instrument = state.instruments[dispute.instrument_id]
        if instrument.kind is InstrumentKind.PREPAID:
            borne_micros = min(more_micros, instrument.balance_micros)
        elif dispute.status is DisputeStatus.LOST and state.disputed_settlements is DisputedSettlements.DEBT:
            borne_micros = min(more_micros, max(0, instrument.limit_micros - instrument.balance_micros))
    uncovered_micros = max(0, more_micros - state.cash[book_of(state, dispute.bearer_id)])
    return replace(
        dispute,
        claimed_micros=dispute.claimed_micros + more_micros,
        borne_micros=dispute.borne_micros + borne_micros,
        due_micros=dispute.due_micros + uncovered_micros,
    )


def _as_it_will_be(state: State, decision: Decision) -> State:
    """The state after the decision; `state` itself stays as it is."""
    after = dataclasses.replace(
        state,
        instruments=dict(state.instruments),
        tokens=dict(state.tokens),
        transactions=dict(state.transactions),
        answered=dict(state.answered),
        person_balances=dict(state.person_balances),
        token_references=dict(state.token_references),
        cash=dict(state.cash),
        disputes=dict(state.disputes),
    )
    after.apply(decision)
    return after


def _joined(first: Decision, second: Decision) -> Decision:
    """What both change, with the outcome and the events of the first."""
    return replace(first, **{name: getattr(first, name) + getattr(second, name) for name in _JOINED})
