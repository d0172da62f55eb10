"""Clocks that begin on a fixed day and that tests move: no test depends on the day on which it runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
"""When tests begin that do not say otherwise."""

MOMENT: Final = datetime.fromisoformat(os.environ.get("TALLYSTICK_TEST_MOMENT", START.isoformat()))
"""When the tests of the pages begin: at any moment of the calendar, such as 2028-02-29T23:59:59+00:00."""


@dataclass
class TestClock:
    """Shows a moment; goes forward as it is told."""

    __test__ = False
    moment: datetime = START

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **delta: int) -> None:
        self.moment += timedelta(**delta)


@dataclass
class WorldClock:
    """Goes on by a millisecond whenever somebody looks at it, and by as much as a test wants it to be ahead.

    Of what happens in one millisecond, card payments are listed after purchases, and the ids of two processes in any
    order: on a clock that stood still, a list would not show what came after what.
    """

    begin: datetime = MOMENT
    ahead: timedelta = timedelta(0)
    readings: int = 0

    def __call__(self) -> datetime:
        self.readings += 1
        return self.begin + self.ahead + timedelta(milliseconds=self.readings)
