"""A month's close: what happened in a seller's books in a month, by kind, and how they stood at its start and end.

A start is added up from all that was booked before the month, an end is what accounts hold now less all that was
booked since; what happened in between is read from the month's own movements. That a start and its movements come to
the end is therefore no definition: it is shown, and untrue where the books are wrong. Of what is in the archive the
sums of each month are left in the books.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.domain.accounts import AccountKind
from tallystick.services.buyer.months import Month
from tallystick.services.reports.close_lines import FEES, CloseLine, comes_back, goes_on, line_of
from tallystick.services.seller.archived import latest_of
from tallystick.store.closes import month_close
from tallystick.store.closes.month_close import BookedPeriod, BookedSum
from tallystick.store.queries.figures import SETTLING

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext

BALANCES: Final = (AccountKind.CASH, AccountKind.PREPAID, AccountKind.RECEIVABLE)
"""What every close shows the start and the end of."""

_MORE_BALANCES: Final = (
    AccountKind.FROZEN,
    AccountKind.IN_DISPUTE,
    AccountKind.DUES,
    AccountKind.PAYOUTS_UNDER_WAY,
)
"""What it shows where there was any."""

_OWED: Final = {AccountKind.PREPAID, AccountKind.FROZEN, AccountKind.DUES}
"""Liabilities: shown as what is owed, the other sign of their accounts."""


_WITHIN: Final = {BookedPeriod.WITHIN, BookedPeriod.ARCHIVED}
_OF_STARTS: Final = {BookedPeriod.BEFORE: 1, BookedPeriod.ARCHIVED: -1, BookedPeriod.ARCHIVED_AFTER: -1}
"""How movements come into a start: on top of what the archive carries over in all."""

_OF_ENDS: Final = {BookedPeriod.AFTER: -1, BookedPeriod.ARCHIVED_AFTER: -1}
"""How they come into an end, which begins with the present balances."""


class MonthArchivedError(LookupError):
    """What was booked since the month's start may be in the archive, without its sums. `before`: the archive's end."""

    def __init__(self, before: datetime | None) -> None:
        """The archive's end: None where it is not known any more."""
        super().__init__(before)
        self.before = before


class MonthAheadError(LookupError):
    """The month has not begun."""


@dataclass(frozen=True, slots=True)
class LineTotal:
    """One line of a month, in micro-units. `number`: of what makes the gross amount, not of what came back of it."""

    line: CloseLine
    number: int
    gross_micros: int
    refunded_micros: int
    fees_micros: int

    @property
    def net_micros(self) -> int:
        """What is left of the gross amount."""
        return self.gross_micros - self.refunded_micros - self.fees_micros


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """A balance over a month, in micro-units; what is owed is positive, too. `moved`: by which line, never zero."""

    kind: AccountKind
    start_micros: int
    moved: tuple[tuple[CloseLine, int], ...]
    end_micros: int

    @property
    def difference_micros(self) -> int:
        """The end less the start and all that moved: zero where the books are right."""
        return self.end_micros - self.start_micros - sum(micros for _, micros in self.moved)


@dataclass(frozen=True, slots=True)
class MonthClose:
    """The close of a month. `over`: nothing can come to it any more."""

    month: Month
    over: bool
    lines: tuple[LineTotal, ...]
    balances: tuple[BalanceChange, ...]

    @property
    def fees_micros(self) -> int:
        """The fees of all lines, less what was given back of fees."""
        return sum(one.fees_micros for one in self.lines)

    @property
    def adds_up(self) -> bool:
        """Whether each start and its movements come to the end."""
        return not any(one.difference_micros for one in self.balances)

    def balance(self, kind: AccountKind) -> BalanceChange:
        """One of BALANCES."""
        return next(one for one in self.balances if one.kind is kind)


async def months(books: BookContext) -> list[Month]:
    """The months since there are books, newest first, the present one among them."""
    present = Month.of(books.now)
    month = min(present, Month.of(await month_close.begun(books.service.pool, books.parts)))
    found = [month]
    while month < present:
        month = month.next
        found.append(month)
    return found[::-1]


def usual(months: Sequence[Month]) -> Month:
    """The one that is shown where none is asked for: the last that is over, or the first."""
    return months[min(1, len(months) - 1)]


async def close(books: BookContext, month: Month) -> MonthClose:
    """The close of a month, of all of a seller's books; of the present one: so far.

    Reads every transfer there is: for a page, in a turn of the budget of reads. Raises MonthAheadError,
    MonthArchivedError.
    """
    if month.begin > books.now:
        raise MonthAheadError(month.text)
    pool = books.service.pool
    found = [one for part in books.parts for one in await month_close.booked(pool, part, month.begin, month.end)]
    real_begin = month.begin - (books.now - books.service.clock())
    for part in books.parts:  # after the movements: whatever was archived meanwhile is noticed
        if not await month_close.known_from(pool, part, books.seller_id, month.begin, real_begin):
            raise MonthArchivedError(await latest_of(pool, books.parts))
    return add_up(month, found, over=books.now >= month.end + SETTLING)


def add_up(month: Month, found: Iterable[BookedSum], *, over: bool) -> MonthClose:
    """The close, of all that was booked in all of a seller's books."""
    found = list(found)
    within = [one for one in found if one.period in _WITHIN]
    starts, moved, ends = Counter[AccountKind](), Counter[tuple[AccountKind, CloseLine]](), Counter[AccountKind]()
    for one in found:
        if one.credit is None:
            sums = starts if one.period is BookedPeriod.CARRIED else ends
            sums[one.debit] += one.amount_micros
            continue
        if one.period in _WITHIN:
            line = line_of((one.debit, one.credit), one.beside)
            moved[one.debit, line] += one.amount_micros
            moved[one.credit, line] -= one.amount_micros
        for sums, sign in ((starts, _OF_STARTS.get(one.period, 0)), (ends, _OF_ENDS.get(one.period, 0))):
            sums[one.debit] += sign * one.amount_micros
            sums[one.credit] -= sign * one.amount_micros
    return MonthClose(month, over, _lines(within), _balances(starts, moved, ends))


def _lines(within: Iterable[BookedSum]) -> tuple[LineTotal, ...]:
    numbers, gross, back, fees = (Counter[CloseLine]() for _ in range(4))
    seen = set()
    for one in within:
        if one.credit is None:
            continue
        pair = (one.debit, one.credit)
        line = line_of(pair, one.beside)
        seen.add(line)
        if FEES.intersection(pair):
            fees[line] += one.amount_micros if one.debit in FEES else -one.amount_micros
        elif goes_on(pair):
            if one.takes_back and line is not CloseLine.DISPUTES:
                back[line] -= one.amount_micros
            else:
                gross[line] += one.amount_micros
                numbers[line] += one.number
        elif comes_back(pair):
            if one.takes_back and line is not CloseLine.DISPUTES:
                gross[line] -= one.amount_micros
                numbers[line] -= one.number
            else:
                back[line] += one.amount_micros
    return tuple(
        LineTotal(line, numbers[line], gross[line], back[line], fees[line]) for line in CloseLine if line in seen
    )


def _balances(
    starts: Counter[AccountKind], moved: Counter[tuple[AccountKind, CloseLine]], ends: Counter[AccountKind]
) -> tuple[BalanceChange, ...]:
    found = []
    for kind in (*BALANCES, *_MORE_BALANCES):
        sign = -1 if kind in _OWED else 1
        movements = tuple((line, sign * moved[kind, line]) for line in CloseLine if moved[kind, line])
        change = BalanceChange(kind, sign * starts[kind], movements, sign * ends[kind])
        if kind in BALANCES or movements or change.start_micros or change.end_micros:
            found.append(change)
    return tuple(found)
