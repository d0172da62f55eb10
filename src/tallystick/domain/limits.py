"""Usage limits of a token: how much or how often, for life or per period.

Source: docs/protocol/semantics.md, 5.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, unique

from msgspec import Struct
from msgspec.structs import replace

from tallystick.domain.money import display_amount
from tallystick.domain.periods import Period
from tallystick.domain.refusals import Refusal, Refused


@unique
class LimitKind(Enum):
    """What a usage limit counts."""

    AMOUNT = "Amount"
    COUNT = "Count"


class UsageLimit(Struct, frozen=True):
    """One limit with what is used of it.

    `limit`, `used` and `used_before` are micro-units for AMOUNT and a number of uses for COUNT. Windows follow each
    other from `anchor` (when the token became valid) on; no period means one window for life. `used_before` is the
    use of the window before the one that starts at `window_start`.
    """

    kind: LimitKind
    limit: int
    period: Period | None
    anchor: datetime
    window_start: datetime
    used: int = 0
    used_before: int = 0

    def rolled(self, now: datetime) -> UsageLimit:
        """The same limit seen at `now`: a new window starts empty."""
        if self.period is None:
            return self
        start = self.period.window_start(self.anchor, now)
        if start <= self.window_start:
            return self
        follows = self.period.window_start(self.anchor, start - timedelta(microseconds=1)) == self.window_start
        return replace(self, window_start=start, used=0, used_before=self.used if follows else 0)

    def use(self, amount_micros: int, now: datetime) -> UsageLimit:
        """Count one charge of `amount_micros`. Raises Refused: TokenUsageError when it would pass the limit."""
        current = self.rolled(now)
        used = current.used + (amount_micros if self.kind is LimitKind.AMOUNT else 1)
        if used > self.limit:
            raise Refused(Refusal.TokenUsageError, f"The charge would pass the token's limit of {self.describe()}.")
        return replace(current, used=used)

    def give_back(self, amount_micros: int, used_at: datetime, now: datetime) -> UsageLimit:
        """Take one charge out of the count again, if the window of `used_at` is this one or the one before."""
        return self._without(amount_micros if self.kind is LimitKind.AMOUNT else 1, used_at, now)

    def give_back_part(self, part_micros: int, used_at: datetime, now: datetime) -> UsageLimit:
        """Take a part of one charge out of the count again. It stays one charge."""
        return self._without(part_micros, used_at, now) if self.kind is LimitKind.AMOUNT else self

    def _without(self, given: int, used_at: datetime, now: datetime) -> UsageLimit:
        current = self.rolled(now)
        if used_at >= current.window_start or self.period is None:
            return replace(current, used=max(0, current.used - given))
        before = self.period.window_start(self.anchor, current.window_start - timedelta(microseconds=1))
        if used_at >= before:
            return replace(current, used_before=max(0, current.used_before - given))
        return current

    def describe(self) -> str:
        """The limit in words, for messages: ``20.00 per 1 Month``, ``5 charges``."""
        what = (
            display_amount(self.limit)
            if self.kind is LimitKind.AMOUNT
            else f"{self.limit} charge{'s' if self.limit > 1 else ''}"
        )
        return what if self.period is None else f"{what} per {self.period}"
