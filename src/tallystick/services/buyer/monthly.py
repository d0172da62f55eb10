"""The statement of a month: with what an authorization began and ended it, and what moved in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.services.buyer import history
from tallystick.services.buyer.history import EntryKind, HistoryEntry
from tallystick.services.buyer.months import Month
from tallystick.store.queries import authorization_history

if TYPE_CHECKING:
    from tallystick.services.buyer.authorization_status import AuthorizationState
    from tallystick.services.context import Service

AT_A_TIME: Final = 50
"""Entries that are added up before others go on."""

MAX_LINES: Final = 400
"""Where more moved, a statement has a line for each day and kind instead; the CSV always has them all."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What moved: one thing with its description, or all of a kind on a day, and then `count` of them.

    `transaction_id`: of one thing.
    """

    at: datetime
    kind: EntryKind
    transaction_id: str | None
    description: str | None
    count: int | None
    change_micros: int
    running_micros: int


@dataclass(frozen=True, slots=True)
class MonthTotal:
    """All of a kind in the month."""

    kind: EntryKind
    count: int
    change_micros: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of one authorization, in micro-units. `over`: nothing can be added to it any more.

    `by_day`: the lines are sums of days.
    """

    state: AuthorizationState
    month: Month
    opening_micros: int
    closing_micros: int
    lines: tuple[StatementLine, ...]
    totals: tuple[MonthTotal, ...]
    by_day: bool
    over: bool

    @property
    def until(self) -> datetime:
        """The last moment that it tells of: that of the month, or the present."""
        return self.month.end - timedelta(microseconds=1) if self.over else self.state.now


async def last_month(service: Service, state: AuthorizationState) -> Month:
    """The latest month that there is a statement of: the present one, as long as anything can move."""
    last = state.now
    if not (state.cancellable or state.balance_micros):
        newest = await authorization_history.page(service.pool, state.authorization, 1)
        last = newest[0].at if newest else state.authorization.created_at
    return Month.of(last)


async def months(service: Service, state: AuthorizationState) -> list[Month]:
    """The months that there are statements of, the latest first."""
    last = await last_month(service, state)
    found = [Month.of(state.authorization.created_at)]
    while found[-1] < last:
        found.append(found[-1].next)
    return found[::-1]


async def statement(
    service: Service,
    state: AuthorizationState,
    month: Month,
    max_lines: int = MAX_LINES,
    step_aside: Callable[[], Awaitable[None]] | None = None,
) -> Statement:
    """The statement of a month that `months` tells of. `step_aside` is awaited between pieces of the work."""
    singles: list[StatementLine] = []
    days = _Days()
    opening: int | None = None
    running = 0
    seen = 0
    async for entry in _moved(service, state, month):
        seen += 1
        if step_aside is not None and not seen % AT_A_TIME:
            await step_aside()
        if opening is None:
            opening = entry.before.running_micros
        running = entry.running_micros
        kind = history.kind_of(entry, state.authorization)
        days.add(entry, kind)
        if len(singles) <= max_lines:
            change = entry.change_micros
            singles.append(
                StatementLine(entry.at, kind, entry.transaction_id, entry.description, None, change, running)
            )
    if opening is None:
        opening = running = await authorization_history.figure_at(service.pool, state.authorization, month.begin)
    by_day = len(singles) > max_lines
    return Statement(
        state=state,
        month=month,
        opening_micros=opening,
        closing_micros=running,
        lines=tuple(days.lines(opening) if by_day else singles),
        totals=tuple(days.totals()),
        by_day=by_day,
        over=state.now >= month.end,
    )


async def due_micros(service: Service, statement: Statement) -> int:
    """What of a tab's debt at the end of a month is still owed. What came in counts against the oldest purchases first.

    Its cost grows with what was charged after the month.
    """
    left = await authorization_history.owed_from_before(
        service.pool, statement.state.authorization, statement.month.end
    )
    return max(0, min(left, statement.closing_micros))


async def _moved(service: Service, state: AuthorizationState, month: Month) -> AsyncIterator[HistoryEntry]:
    async for entry in history.entries(service, state.authorization, month):
        if entry.change_micros:
            yield entry


class _Days:
    """Adds up what moved, by day and kind, in the order in which they came first."""

    def __init__(self) -> None:
        self._moved: Counter[tuple[datetime, EntryKind]] = Counter()
        self._count: Counter[tuple[datetime, EntryKind]] = Counter()

    def add(self, entry: HistoryEntry, kind: EntryKind) -> None:
        key = entry.at.replace(hour=0, minute=0, second=0, microsecond=0), kind
        self._moved[key] += entry.change_micros
        self._count[key] += 1

    def lines(self, opening_micros: int) -> list[StatementLine]:
        found = []
        running = opening_micros
        for (day, kind), change in self._moved.items():
            running += change
            found.append(StatementLine(day, kind, None, None, self._count[day, kind], change, running))
        return found

    def totals(self) -> list[MonthTotal]:
        moved, count = Counter[EntryKind](), Counter[EntryKind]()
        for key, change in self._moved.items():
            moved[key[1]] += change
            count[key[1]] += self._count[key]
        return [MonthTotal(kind, count[kind], change) for kind, change in moved.items()]
