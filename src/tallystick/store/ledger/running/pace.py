"""How fast a run of the proof may go: it rests as long as it worked, or longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """`share`: of the time that may be spent working, above 0 to 1 (no rest). `worked_seconds`: so far."""

    share: float = 1.0
    worked_seconds: float = 0.0
    _tired_seconds: float = 0.0

    @contextmanager
    def work(self) -> Iterator[None]:
        """What is done in here counts."""
        begun = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - begun
            self.worked_seconds += spent
            self._tired_seconds += spent

    @property
    def rest_seconds(self) -> float:
        """What makes up for what was worked since the last rest."""
        return self._tired_seconds * (1 / self.share - 1)

    async def rest(self) -> None:
        """Make up for it."""
        if (seconds := self.rest_seconds) > 0:
            await asyncio.sleep(seconds)
        self._tired_seconds = 0.0
