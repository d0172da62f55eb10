"""What refunds bring back to a balance that a dispute claims: it is frozen with the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from tallystick.domain.disputes.dispute import Dispute
from tallystick.domain.disputes.positions import frozen_account
from tallystick.domain.state import Instrument, State, Transfer

MOST_MOVES: Final = 30_000
"""After so many transfers of one dispute only its end moves anything more: a transfer's number has sixteen bits."""


@dataclass(frozen=True, slots=True)
class Refrozen:
    """What a refund changes besides, where open disputes claim the balance that it goes to."""

    instrument: Instrument
    disputes: tuple[Dispute, ...] = ()
    transfers: tuple[Transfer, ...] = ()


def freeze_more(state: State, instrument: Instrument, amount_micros: int) -> Refrozen:
    """Freeze what came back to a balance, as far as disputes claimed it and found it spent; the oldest one first."""
    left_micros = min(amount_micros, instrument.uncovered_micros)
    if not left_micros:
        return Refrozen(instrument)
    changed, transfers = [], []
    claims = [dispute for dispute in state.disputes.values() if dispute.instrument_id == instrument.instrument_id]
    for dispute in sorted(claims, key=age):
        micros = min(left_micros, dispute.uncovered_micros)
        if not micros or dispute.moves >= MOST_MOVES:
            continue
        left_micros -= micros
        after = replace(dispute, borne_micros=dispute.borne_micros + micros, moves=dispute.moves + 1)
        changed.append(after)
        transfers.append(
            Transfer(
                dispute.transaction_id,
                instrument.account_id,
                frozen_account(instrument.instrument_id),
                micros,
                number=after.moves,
            )
        )
    frozen_micros = sum(transfer.amount_micros for transfer in transfers)
    rest = replace(
        instrument,
        balance_micros=instrument.balance_micros - frozen_micros,
        uncovered_micros=instrument.uncovered_micros - frozen_micros,
    )
    return Refrozen(rest, tuple(changed), tuple(transfers))


def age(dispute: Dispute) -> tuple[datetime, str]:
    """The older one is served first."""
    return dispute.opened_at, dispute.transaction_id
