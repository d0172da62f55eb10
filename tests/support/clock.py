"""Clocks that stand still until a test moves them, so that no test depends on the day on which it runs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
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
    """Shows the moment at which it began, or one that is ahead of it by as much as a test wants."""

    begin: datetime = MOMENT
    ahead: timedelta = field(default=timedelta(0))

    def __call__(self) -> datetime:
        return self.begin + self.ahead
