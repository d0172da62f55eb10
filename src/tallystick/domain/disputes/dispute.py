"""A dispute of a charge by card or bank account: what a rail has told of it, and what it holds in the books."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, unique

from msgspec import Struct

from tallystick.domain.ids import InstrumentId, PartyId, TransactionId


@unique
class DisputeStatus(Enum):
    """What a rail tells of a dispute. The first two: it is open; the last two end it."""

    OPENED = "opened"
    EVIDENCE_DUE = "evidence_due"
    WON = "won"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """Whether the dispute is over."""
        return self in {DisputeStatus.WON, DisputeStatus.LOST}


@unique
class DisputedSettlements(Enum):
    """What becomes of a settlement of debt that is lost in a dispute: the seller's choice."""

    DEBT = "debt"  # the buyer owes it again, as far as the credit limit reaches
    LOSS = "loss"  # the seller bears it


class Dispute(Struct, frozen=True):
    """One dispute. Amounts in micro-units.

    `transaction_id`: its own transaction, whose transfers are its movements; `original_id`: the disputed charge.
    `bearer_id`: the seller who received the charge. `reference`: the rail's own name of the dispute.
    `asked_micros`: what the rail says is disputed; `claimed_micros`: what of it the rail holds back, or has kept: never
    what a refund gave back already. `borne_micros`: what of that the instrument bears: frozen of a prepaid balance
    while it is open, taken from it when it is lost; raised on a debt when it is lost.
    `fee_micros`: the rail's own fee. `due_micros`: what of claim and fee the seller's cash did not cover yet.
    `told`: every status that the rail has told, each once. `moves`: how many transfers it has made.
    """

    transaction_id: TransactionId
    rail: str
    reference: str
    original_id: TransactionId
    bearer_id: PartyId
    instrument_id: InstrumentId | None
    asked_micros: int
    opened_at: datetime
    status: DisputeStatus = DisputeStatus.OPENED
    claimed_micros: int = 0
    borne_micros: int = 0
    fee_micros: int = 0
    due_micros: int = 0
    told: tuple[DisputeStatus, ...] = ()
    moves: int = 0
    reason: str | None = None
    evidence_due_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def uncovered_micros(self) -> int:
        """While it is open: what of the claim the buyer has spent, so that no balance could be frozen for it."""
        return 0 if self.status.is_final else self.claimed_micros - self.borne_micros

    @property
    def is_contradicted(self) -> bool:
        """Whether the rail has told both ends. The first one was booked and stays; people must look at the other."""
        return DisputeStatus.WON in self.told and DisputeStatus.LOST in self.told
