"""The statement of a month: with what an authorization began and ended it, and what moved in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.services.buyer import statements
from tallystick.services.buyer.months import Month
from tallystick.store.queries import authorization_history

if TYPE_CHECKING:
    from tallystick.services.buyer.authorization_view import View
    from tallystick.services.context import Service
    from tallystick.store.queries.authorization_history import Entry

MAX_LINES: Final = 400
"""Where more moved, a statement has a line for each day and kind instead; the CSV always has them all."""


@dataclass(frozen=True, slots=True)
class Line:
    """What moved: one thing, or all of a kind on a day. `detail`: its description, or how many there were."""

    at: datetime
    kind: str
    detail: str | None
    change_micros: int
    running_micros: int


@dataclass(frozen=True, slots=True)
class Total:
    """All of a kind in the month."""

    kind: str
    count: int
    change_micros: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of one authorization, in micro-units. `over`: nothing can be added to it any more.

    `by_day`: the lines are sums of days.
    """

    view: View
    month: Month
    opening_micros: int
    closing_micros: int
    lines: tuple[Line, ...]
    totals: tuple[Total, ...]
    by_day: bool
    over: bool

    @property
    def until(self) -> datetime:
        """The last moment that it tells of: that of the month, or the present."""
        return self.month.end - timedelta(microseconds=1) if self.over else self.view.now


async def months(service: Service, view: View) -> list[Month]:
    """The months that there are statements of, the latest first."""
    last = view.now
    if not (view.cancellable or view.balance_micros):
        newest = await authorization_history.page(service.pool, view.given, 1)
        last = newest[0].at if newest else view.given.created_at
    found = [Month.of(view.given.created_at)]
    while found[-1] < Month.of(last):
        found.append(found[-1].next)
    return found[::-1]


async def statement(service: Service, view: View, month: Month, max_lines: int = MAX_LINES) -> Statement:
    """The statement of a month that `months` tells of."""
    singles: list[Line] = []
    days = _Days()
    opening: int | None = None
    running = 0
    async for entry in _moved(service, view, month):
        if opening is None:
            opening = entry.before.running_micros
        running = entry.running_micros
        kind = statements.kind_of(entry, view.given)
        days.add(entry, kind)
        if len(singles) <= max_lines:
            singles.append(Line(entry.at, kind, entry.description, entry.change_micros, running))
    if opening is None:
        opening = running = await authorization_history.figure_at(service.pool, view.given, month.begin)
    by_day = len(singles) > max_lines
    return Statement(
        view=view,
        month=month,
        opening_micros=opening,
        closing_micros=running,
        lines=tuple(days.lines(opening) if by_day else singles),
        totals=tuple(days.totals()),
        by_day=by_day,
        over=view.now >= month.end,
    )


async def _moved(service: Service, view: View, month: Month) -> AsyncIterator[Entry]:
    async for entry in authorization_history.entries(service.pool, view.given, month.begin, month.end):
        if entry.change_micros:
            yield entry


class _Days:
    """Adds up what moved, by day and kind, in the order in which they came first."""

    def __init__(self) -> None:
        self._moved: Counter[tuple[datetime, str]] = Counter()
        self._count: Counter[tuple[datetime, str]] = Counter()

    def add(self, entry: Entry, kind: str) -> None:
        key = entry.at.replace(hour=0, minute=0, second=0, microsecond=0), kind
        self._moved[key] += entry.change_micros
        self._count[key] += 1

    def lines(self, opening_micros: int) -> list[Line]:
        found = []
        running = opening_micros
        for (day, kind), change in self._moved.items():
            running += change
            found.append(Line(day, kind, f"{self._count[day, kind]:,} in all", change, running))
        return found

    def totals(self) -> list[Total]:
        moved, count = Counter[str](), Counter[str]()
        for key, change in self._moved.items():
            moved[key[1]] += change
            count[key[1]] += self._count[key]
        return [Total(kind, count[kind], change) for kind, change in moved.items()]
