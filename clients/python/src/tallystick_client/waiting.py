"""Waiting for what is pending: how long between two looks, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tallystick_client.base import FAILED, PENDING, Awaited
from tallystick_client.errors import StillPendingError, TransactionFailedError

_FIRST_SECONDS: Final = 0.05
_LONGEST_SECONDS: Final = 2.0
_GROWTH: Final = 1.5


@dataclass(slots=True)
class Waiting:
    """One wait of at most `seconds`."""

    seconds: float
    _waited: float = 0.0
    _next: float = _FIRST_SECONDS

    def after(self, found: Awaited) -> float | None:
        """Seconds until the next look; None: it is over. Raises StillPendingError, TransactionFailedError."""
        status: Any = getattr(found, "status", None)
        if status != PENDING:
            if status == FAILED and found.fails:
                raise TransactionFailedError(found)
            return None
        if self._waited >= self.seconds:
            raise StillPendingError(found)
        pause = min(self._next, self.seconds - self._waited)
        self._waited += pause
        self._next = min(_LONGEST_SECONDS, self._next * _GROWTH)
        return pause
