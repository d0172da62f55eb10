"""The worker: one pass after another over what is due. `step()` does one pass, so that tests can drive it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from tallystick.actions.housekeeping import ask_rails, end_what_ran_out, forget_expired
from tallystick.actions.service import Service
from tallystick.processors.rail import Rail

_FORGET_EVERY: Final = timedelta(minutes=10)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Worker:
    """Several workers may run at once: each request is claimed by one."""

    service: Service
    rails: Mapping[str, Rail]
    _forgot_at: datetime | None = field(default=None)

    async def step(self) -> int:
        """One pass; how many pieces of work there were."""
        asked = await ask_rails(self.service, self.rails)
        asked += await end_what_ran_out(self.service)
        now = self.service.clock()
        if self._forgot_at is None or now - self._forgot_at >= _FORGET_EVERY:
            await forget_expired(self.service)
            self._forgot_at = now
        return asked

    async def run(self, stop: asyncio.Event) -> None:
        """Pass after pass until `stop` is set. A pass that fails is logged and tried again at the next interval."""
        pause = self.service.settings.worker_interval_ms / 1000
        while not stop.is_set():
            try:
                await self.step()
            except Exception:  # noqa: BLE001 - a bug in one pass must not end the worker
                _log.exception("worker_pass_failed")
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue
