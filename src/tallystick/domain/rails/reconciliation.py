"""Reconciliation: what a rail says that it moved, held against what the books say, a day at a time. Pure.

What a rail did by itself is booked as it says (`bookings_of`). Everything else has to be there on both sides, with the
same sum for each transaction of ours, on whichever days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from enum import Enum, unique

from msgspec import Struct

from tallystick.domain.accounts import AccountKind
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import USD


@unique
class MovementKind(Enum):
    """Why the balance at a rail changed."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"
    PAYOUT = "payout"
    ADJUSTMENT = "adjustment"


@unique
class FindingKind(Enum):
    """How the two sides can disagree."""

    ONLY_THERE = "only at the rail"
    ONLY_HERE = "only in the books"
    DIFFERENT = "another sum"
    CHANGED = "told differently later"
    GONE = "no longer told"
    OTHER_CURRENCY = "another currency"
    BY_HAND = "made by hand"  # booked as the operator's: it belongs to nothing of ours
    UNDER_WAY = "under way"  # the rail has not answered the order yet: no disagreement


class MovedThere(Struct, frozen=True):
    """A movement as the rail has told it first. Amounts as in RailMovement.

    `transaction_id`: ours, which it belongs to. `later_micros`: the amount less the fee, where the rail has told
    something else since. `is_told`: whether the rail still tells it. `is_unassigned`: a charge or refund that belongs
    to nothing of ours, and never will: it is booked as the operator's.
    """

    movement_id: str
    kind: MovementKind
    reference: str | None
    amount_micros: int
    fee_micros: int
    currency: str
    moved_at: datetime
    transaction_id: TransactionId | None = None
    later_micros: int | None = None
    is_told: bool = True
    is_unassigned: bool = False

    @property
    def net_micros(self) -> int:
        """By how much the balance at the rail changed."""
        return self.amount_micros - self.fee_micros

    @property
    def owed_micros(self) -> int:
        """What a transaction of ours has to have moved on the account of the rail: what is not booked as it is told.

        A rail's fee for a dispute is the seller's, and moved by the dispute's own transaction.
        """
        if self.kind is MovementKind.DISPUTE:
            return self.net_micros
        return self.net_micros + sum(micros for _, micros in bookings_of(self))

    @property
    def day(self) -> date:
        """The day of UTC on which it moved."""
        return self.moved_at.astimezone(UTC).date()


class MovedHere(Struct, frozen=True):
    """What a transaction has moved on the account of the rail, above 0 in, and when it did last.

    `is_under_way`: the rail has not answered yet.
    """

    transaction_id: TransactionId
    micros: int
    at: datetime
    is_under_way: bool = False


class Finding(Struct, frozen=True):
    """Something on which the two sides do not agree. `name`: the rail's of the movement, or ours of the transaction."""

    kind: FindingKind
    name: str
    reference: str | None
    there_micros: int
    here_micros: int

    @property
    def unexplained_micros(self) -> int:
        """How far the sides are apart."""
        return 0 if self.kind is FindingKind.UNDER_WAY else abs(self.there_micros - self.here_micros)


class DayReport(Struct, frozen=True):
    """One day of UTC at one rail. `moved_micros` before fees, `fees_micros` kept, `bank_micros` paid to the bank."""

    day: date
    movements: int
    moved_micros: int
    fees_micros: int
    bank_micros: int
    findings: tuple[Finding, ...]

    @property
    def unexplained_micros(self) -> int:
        """How far the sides are apart, added up; 0: everything is explained."""
        return sum(finding.unexplained_micros for finding in self.findings)


def bookings_of(movement: MovedThere) -> list[tuple[AccountKind, int]]:
    """What of a movement is booked as the rail tells it: against which account, above 0 what left the rail.

    Fees, whatever they are for, except those of disputes; what went to the operator's bank; and what belongs to nothing
    of ours. Nothing in another currency than the books'.
    """
    if movement.currency != USD or movement.kind is MovementKind.DISPUTE:
        return []
    fee, bank, unassigned = movement.fee_micros, 0, 0
    if movement.kind is MovementKind.FEE:
        fee -= movement.amount_micros
    elif movement.kind is MovementKind.PAYOUT and movement.transaction_id is None:
        bank = -movement.amount_micros
    elif movement.is_unassigned:
        unassigned = -movement.amount_micros
    accounts = ((AccountKind.RAIL_FEES, fee), (AccountKind.BANK, bank), (AccountKind.SUSPENSE, unassigned))
    return [(account, micros) for account, micros in accounts if micros]


def compare(days: Sequence[date], there: Iterable[MovedThere], here: Iterable[MovedHere]) -> list[DayReport]:
    """Reports of `days`, in their order.

    `there`: all movements of these days, and all that belong to the same transactions on other ones. `here`: these
    transactions, and all that moved anything on the account of the rail on these days.
    """
    movements = list(there)
    findings: dict[date, list[Finding]] = {day: [] for day in days}
    for day, finding in (*_of_movements(movements), *_of_transactions(movements, here)):
        if day in findings:
            findings[day].append(finding)
    return [_report(day, [one for one in movements if one.day == day], findings[day]) for day in days]


def _report(day: date, movements: Sequence[MovedThere], findings: Sequence[Finding]) -> DayReport:
    booked = [booking for movement in movements for booking in bookings_of(movement)]
    return DayReport(
        day=day,
        movements=len(movements),
        moved_micros=sum(
            one.amount_micros if one.is_unassigned else one.owed_micros for one in movements if one.currency == USD
        ),
        fees_micros=sum(micros for account, micros in booked if account is AccountKind.RAIL_FEES),
        bank_micros=sum(micros for account, micros in booked if account is AccountKind.BANK),
        findings=tuple(sorted(findings, key=lambda finding: (finding.kind.value, finding.name))),
    )


def _of_movements(movements: Iterable[MovedThere]) -> Iterator[tuple[date, Finding]]:
    """What is wrong with a movement by itself."""
    for one in movements:
        name, net = (one.movement_id, one.reference), one.net_micros
        if one.currency != USD:
            yield one.day, Finding(FindingKind.OTHER_CURRENCY, *name, net, 0)
        elif one.is_unassigned:
            yield one.day, Finding(FindingKind.BY_HAND, *name, one.amount_micros, one.amount_micros)
        elif one.transaction_id is None and one.owed_micros:
            yield one.day, Finding(FindingKind.ONLY_THERE, *name, one.owed_micros, 0)
        if not one.is_told:
            yield one.day, Finding(FindingKind.GONE, *name, 0, net)
        elif one.later_micros is not None and one.later_micros != net:
            yield one.day, Finding(FindingKind.CHANGED, *name, one.later_micros, net)


def _of_transactions(movements: Iterable[MovedThere], here: Iterable[MovedHere]) -> Iterator[tuple[date, Finding]]:
    """What does not agree about a transaction, on the day on which either side has moved anything for it last."""
    told: dict[TransactionId, list[MovedThere]] = {}
    for one in movements:
        if one.transaction_id is not None and one.currency == USD:
            told.setdefault(one.transaction_id, []).append(one)
    booked = {one.transaction_id: one for one in here}
    for transaction_id in told.keys() | booked.keys():
        those, ours = told.get(transaction_id, []), booked.get(transaction_id)
        there_micros = sum(one.owed_micros for one in those)
        here_micros = 0 if ours is None else ours.micros
        if there_micros == here_micros:
            continue
        if ours is not None and ours.is_under_way:
            kind = FindingKind.UNDER_WAY
        elif not those:
            kind = FindingKind.ONLY_HERE
        else:
            kind = FindingKind.ONLY_THERE if here_micros == 0 else FindingKind.DIFFERENT
        moments = [one.moved_at for one in those] or [one.at for one in (ours,) if one is not None]
        reference = next((one.reference for one in those), None)
        yield (
            max(moments).astimezone(UTC).date(),
            Finding(kind, transaction_id, reference, there_micros, here_micros),
        )
