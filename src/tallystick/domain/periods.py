"""Lengths of time as the pipelines write them: ``1 Hour``, ``6 Months``. Source: docs/protocol/cobranded.md."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta
from typing import Final

_TEXT: Final = re.compile(r"([1-9][0-9]{0,4}) (Hour|Day|Week|Month|Year)s?", re.ASCII)
_FIXED: Final = {"Hour": timedelta(hours=1), "Day": timedelta(days=1), "Week": timedelta(weeks=1)}
_MONTHS: Final = {"Month": 1, "Year": 12}


@dataclass(frozen=True, slots=True)
class Period:
    """A whole number of hours, days, weeks, months or years; months and years follow the calendar."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read ``1 Hour``, ``12 Months`` and so on. Raises ValueError for any other text."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"not a period: {text[:40]!r}")
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'s' if self.count > 1 else ''}"

    def after(self, start: datetime, times: int = 1) -> datetime:
        """The moment `times` periods after `start`. A month too short for the day of `start` gives its last day.

        Raises OverflowError: beyond the last year of the calendar, which long periods reach at once.
        """
        if self.unit in _FIXED:
            return start + _FIXED[self.unit] * (self.count * times)
        months = start.year * 12 + start.month - 1 + self.count * times * _MONTHS[self.unit]
        year, month = divmod(months, 12)
        if year > MAXYEAR:
            raise OverflowError(f"{self} after {start} is beyond the calendar")
        day = min(start.day, calendar.monthrange(year, month + 1)[1])
        return start.replace(year=year, month=month + 1, day=day)

    def window_start(self, anchor: datetime, now: datetime) -> datetime:
        """Start of the window that holds `now`, when windows follow each other from `anchor` on."""
        return self.after(anchor, self._windows_before(anchor, now))

    def window_end(self, anchor: datetime, now: datetime) -> datetime:
        """Start of the window after the one that holds `now`. Raises OverflowError: beyond the calendar."""
        return self.after(anchor, self._windows_before(anchor, now) + 1)

    def _windows_before(self, anchor: datetime, now: datetime) -> int:
        """How many windows from `anchor` on are over at `now`."""
        if now < anchor:
            return 0
        if self.unit in _FIXED:
            return (now - anchor) // (_FIXED[self.unit] * self.count)
        months = (now.year - anchor.year) * 12 + now.month - anchor.month
        elapsed = months // (self.count * _MONTHS[self.unit])
        while self.after(anchor, elapsed) > now:
            elapsed -= 1
        return elapsed
