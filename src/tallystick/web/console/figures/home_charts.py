"""What the console's first page draws, made of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import accumulate
from typing import Final

from tallystick.domain.money import MICROS_PER_UNIT
from tallystick.domain.texts import counted
from tallystick.services.reports.figures import NONE, Ageing, Figures, Sum, start_of
from tallystick.web.common.charts import Chart, ChartLine, Words, bars, columns, level
from tallystick.words import dollars

SPENT: Final = ("spent", "charged", "direct")
"""The figures that are payments: from balances, on tabs, and with real money at once."""

REFUSED: Final = "refused:"
MAX_REFUSALS: Final = 8
USD: Final = "USD"

_LARGE: Final = ((10**9, "bn"), (10**6, "m"), (10**3, "k"))


@dataclass(frozen=True, slots=True)
class Span:
    """So many hours, days or weeks, until now."""

    name: str
    step: str
    steps: int

    @property
    def each(self) -> timedelta:
        """How long a step is."""
        return _LENGTH[self.step]

    def begin(self, now: datetime) -> datetime:
        """The start of the first step."""
        return start_of(now, self.step) - self.each * (self.steps - 1)

    def starts(self, now: datetime) -> list[datetime]:
        """The start of each step, the last of which is under way."""
        return [self.begin(now) + self.each * number for number in range(self.steps)]

    def label(self, start: datetime) -> str:
        """The name of a step."""
        return f"{start:%H}:00" if self.step == "hour" else f"{start.day} {start:%b}"


class ChartPeriod(Enum):
    """What the charts can show; the value is in the page's address."""

    DAY = "24h"
    FORTNIGHT = "14d"
    QUARTER = "13w"

    @property
    def span(self) -> Span:
        """Its steps."""
        return _SPANS[self]


_SPANS: Final[Mapping[ChartPeriod, Span]] = {
    ChartPeriod.DAY: Span("24 hours", "hour", 24),
    ChartPeriod.FORTNIGHT: Span("14 days", "day", 14),
    ChartPeriod.QUARTER: Span("13 weeks", "week", 13),
}
_LENGTH: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


def total(figures: Figures, *names: str) -> Sum:
    """What some of the figures came to together."""
    return sum((sums.get(name, NONE) for sums in figures.values() for name in names), NONE)


def of_day(figures: Figures, start: datetime) -> Figures:
    """The figures of one day, out of those of several."""
    return {start: figures.get(start, {})}


def refused(figures: Figures) -> dict[str, int]:
    """How often each refusal was answered, the most frequent first."""
    counts: dict[str, int] = {}
    for sums in figures.values():
        for name, found in sums.items():
            if name.startswith(REFUSED):
                code = name.removeprefix(REFUSED)
                counts[code] = counts.get(code, 0) + found.number
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def payments(figures: Figures, span: Span, now: datetime) -> Chart | None:
    """What buyers paid, by where it came from."""
    lines = _lines(figures, span, now, {"spent": "From balances", "charged": "On tabs", "direct": "Cards and others"})
    paid = total(figures, *SPENT)
    if not paid.number:
        return None
    summary = f"{counted(paid.number, 'payment')}, {dollars(paid.amount_micros)} together in {span.name}."
    words = Words("payments", f"Payments per {span.step}", summary, span.step.capitalize(), dollars, short_dollars, USD)
    used = [line for line in lines if any(line.values)]
    return columns(words, _labels(span, now), used, stacked=True)


def filling(figures: Figures, span: Span, now: datetime) -> Chart | None:
    """Fundings of balances beside what was spent from them."""
    lines = _lines(figures, span, now, {"funded": "Funded", "spent": "Spent"})
    came, went = (sum(line.values) for line in lines)
    if not came and not went:
        return None
    summary = f"{dollars(came)} came into balances and {dollars(went)} was spent from them in {span.name}."
    words = Words("filling", "Funding and spending", summary, span.step.capitalize(), dollars, short_dollars, USD)
    return columns(words, _labels(span, now), lines)


def income(figures: Figures, span: Span, now: datetime) -> Chart | None:
    """Real money that came in."""
    names = {"funded": "Into balances", "settled": "Settled tabs", "direct": "Payments"}
    lines = [line for line in _lines(figures, span, now, names) if any(line.values)]
    if not lines:
        return None
    came, back = total(figures, *names), dollars(total(figures, "paid_back").amount_micros)
    summary = f"{counted(came.number, 'charge')}, {dollars(came.amount_micros)} together; {back} paid back."
    words = Words("income", "Money received", summary, span.step.capitalize(), dollars, short_dollars, USD)
    return columns(words, _labels(span, now), lines, stacked=True)


def liability(figures: Figures, span: Span, now: datetime, owed_micros: int) -> Chart | None:
    """The liability at the end of each step: today's figure, walked back by the changes since."""
    of_step = [figures.get(start, {}) for start in span.starts(now)]
    change = [_amount(sums, "funded") + _amount(sums, "returned") - _amount(sums, "spent") for sums in of_step]
    after = list(accumulate(reversed(change[1:]), lambda stood, change: stood - change, initial=owed_micros))
    heights = [max(0, height) for height in reversed(after)]
    if not any(heights):
        return None
    summary = f"{dollars(heights[0])} at first, {dollars(owed_micros)} now."
    words = Words("liability", "Prepaid liability", summary, span.step.capitalize(), dollars, short_dollars, USD)
    return level(words, _labels(span, now), ChartLine("Owed on balances", heights))


def ageing(debt: Ageing) -> Chart | None:
    """What is owed on tabs, by how long."""
    parts = {
        "Up to 30": debt.fresh_micros,
        "31 to 60": debt.over_30_micros,
        "61 to 90": debt.over_60_micros,
        "Over 90": debt.over_90_micros,
    }
    if not any(parts.values()):
        return None
    late = debt.balance_micros - debt.fresh_micros
    summary = f"{dollars(late)} of {dollars(debt.balance_micros)} is older than 30 days."
    words = Words("ageing", "Outstanding debt by age in days", summary, "Age in days", dollars, short_dollars, USD)
    return columns(words, list(parts), [ChartLine("Owed", list(parts.values()))])


def refusals(figures: Figures, span: Span) -> Chart | None:
    """Why requests were refused."""
    counts = refused(figures)
    if not counts:
        return None
    often = dict(list(counts.items())[:MAX_REFUSALS])
    rest = sum(counts.values()) - sum(often.values())
    if rest:
        often["All others"] = rest
    whole, first = sum(counts.values()), next(iter(counts))
    summary = f"{counted(whole, 'refusal')} in {span.name}, most often {first}."
    return bars(Words("refusals", "Refusals by code", summary, "Code", _number, _number), often)


def short_dollars(micros: int) -> str:
    """An amount beside an axis: 1.5k for 1,500.00."""
    units = Decimal(micros) / MICROS_PER_UNIT
    for size, letter in _LARGE:
        if units >= size:
            return f"{(units / size).normalize():f}{letter}"
    return f"{units.normalize():f}"


def _number(value: int) -> str:
    return f"{value:,}"


def _amount(sums: Mapping[str, Sum], name: str) -> int:
    return sums.get(name, NONE).amount_micros


def _labels(span: Span, now: datetime) -> Sequence[str]:
    return [span.label(start) for start in span.starts(now)]


def _lines(figures: Figures, span: Span, now: datetime, names: Mapping[str, str]) -> list[ChartLine]:
    starts = span.starts(now)
    return [
        ChartLine(said, [_amount(figures.get(start, {}), name) for start in starts]) for name, said in names.items()
    ]
