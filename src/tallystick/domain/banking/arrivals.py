"""Payouts held against a bank's statements: which have left, which came back, what does not agree. Pure.

For each payout, all that any statement says of it is added up: what left less what came back is what is outside. That
is held against what the books say is outside. So a payment that the bank made twice and took back once counts as made.
"""

from __future__ import annotations

from datetime import date
from enum import Enum, unique

from msgspec import Struct

from tallystick.domain.ids import TransactionId


@unique
class PayoutStanding(Enum):
    """What the books say of a payout."""

    UNDER_WAY = "under way"
    SENT = "sent"
    NOT_SENT = "not sent"
    RETURNED = "came back"


class PayoutHere(Struct, frozen=True):
    """A payout as the books have it. `day`: when it was sent or, under way, asked for."""

    transaction_id: TransactionId
    amount_micros: int
    standing: PayoutStanding
    day: date

    @property
    def outside_micros(self) -> int:
        """What of it is outside for good, as the books say."""
        return self.amount_micros if self.standing is PayoutStanding.SENT else 0


class Passed(Struct, frozen=True):
    """What all statements say of one payout, in micro-units: what left, and what came back."""

    left_micros: int = 0
    back_micros: int = 0

    @property
    def outside_micros(self) -> int:
        """What of it is outside, as the bank says."""
        return self.left_micros - self.back_micros


@unique
class ArrivalDeed(Enum):
    """What the books are told because of a statement."""

    ARRIVED = "arrived"
    CAME_BACK = "came back"


@unique
class BankFindingKind(Enum):
    """How the bank and the books can disagree."""

    ONLY_THERE = "only at the bank"
    ONLY_HERE = "only in the books"
    DIFFERENT = "another sum"
    CAME_FIRST = "came back, but no statement says that it left"
    OTHER_CURRENCY = "another currency"
    NOT_YET = "not at the bank yet"  # sent a short while ago: no disagreement
    KNOWN_FEE = "a fee that another statement has told"  # not booked again, unless somebody says that it is another one


class BankFinding(Struct, frozen=True):
    """Something on which the two sides do not agree. `name`: ours of the payout, else the bank's of the entry.

    `entry_id`: of a fee that seems to be booked, by which somebody says that it is another one.
    """

    kind: BankFindingKind
    name: str
    day: date
    there_micros: int
    here_micros: int
    entry_id: str | None = None

    @property
    def unexplained_micros(self) -> int:
        """How far the sides are apart."""
        return 0 if self.kind is BankFindingKind.NOT_YET else abs(self.there_micros - self.here_micros)


def deeds_of(payout: PayoutHere, passed: Passed) -> tuple[ArrivalDeed, ...]:
    """What the books are to be told of a payout, in this order; nothing where only people can say what happened."""
    arrived, came_back = (ArrivalDeed.ARRIVED,), (ArrivalDeed.CAME_BACK,)
    waits = payout.standing is PayoutStanding.UNDER_WAY
    if passed.outside_micros == payout.amount_micros:
        return arrived if waits else ()
    if passed.outside_micros == 0 and passed.left_micros >= payout.amount_micros:
        if waits:
            return arrived + came_back
        return came_back if payout.standing is PayoutStanding.SENT else ()
    return ()


def finding_of(payout: PayoutHere, passed: Passed, day: date) -> BankFinding | None:
    """What does not agree about a payout for which there is nothing to do any more; None: all does."""
    there, here = passed.outside_micros, payout.outside_micros
    if there == here and payout.standing is not PayoutStanding.UNDER_WAY:
        return None
    if passed.left_micros == 0 and passed.back_micros == payout.amount_micros:
        if payout.standing is PayoutStanding.RETURNED:  # people said so: it left before there were statements
            return None
        return BankFinding(BankFindingKind.CAME_FIRST, payout.transaction_id, day, there, 0)
    return BankFinding(BankFindingKind.DIFFERENT, payout.transaction_id, day, there, here)
