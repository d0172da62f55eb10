"""The worker: one pass after another over what is due. `step()` does one pass, so that tests can drive it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from tallystick.notify.delivery import Courier
from tallystick.notify.mail import Postman
from tallystick.processors.rail import Rail
from tallystick.services.context import Service
from tallystick.services.operations.housekeeping import add_up_figures, ask_rails, end_what_ran_out, forget_expired
from tallystick.services.operations.verification import prove_if_due

_FORGET_EVERY: Final = timedelta(minutes=10)
_GATHER_SECONDS: Final = 0.02  # so that one query for due events fills several free slots

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Worker:
    """Several workers may run at once: each request and each notification is claimed by one."""

    service: Service
    rails: Mapping[str, Rail]
    courier: Courier = field(init=False)
    postman: Postman = field(init=False)
    _forgot_at: datetime | None = field(default=None)

    def __post_init__(self) -> None:
        service = self.service
        self.courier = Courier(service.pool, service.vault, service.settings, service.clock)
        self.postman = Postman(service.pool, service.vault, service.settings, service.clock)

    async def step(self) -> int:
        """One pass over everything, to its end; how many pieces of work there were."""
        asked = await self.ask_rails()
        sent = await self.courier.dispatch() + await self.postman.dispatch()
        await self.courier.idle()
        await self.forget()
        return asked + sent + await prove_if_due(self.service) + await add_up_figures(self.service)

    async def ask_rails(self) -> int:
        """One pass over what waits for a rail, and over what ran out of time."""
        try:
            asked = await ask_rails(self.service, self.rails)
        finally:
            ended = await end_what_ran_out(self.service)
        return asked + ended

    async def forget(self) -> int:
        """Delete what has expired, at most once in _FORGET_EVERY. Not counted as work."""
        now = self.service.clock()
        since = None if self._forgot_at is None else now - self._forgot_at
        # a clock that was set back must not hold it up for as long as it had been ahead
        if (since is None or since >= _FORGET_EVERY or since < timedelta(0)) and await forget_expired(self.service):
            self._forgot_at = now
        return 0

    async def run(self, stop: asyncio.Event) -> None:
        """Pass after pass until `stop` is set. A pass that fails is logged and tried again at the next interval.

        Notifications, mail, proofs, figures and forgetting have loops of their own: a slow receiver or a long
        replay of the books never holds up money.
        """
        try:
            await asyncio.gather(
                self._repeat("rails", self.ask_rails, stop),
                self._repeat("notifications", functools.partial(self._notify, stop), stop),
                self._repeat("forgetting", self.forget, stop),
                self._repeat("mail", self.postman.dispatch, stop),
                self._repeat("proofs", functools.partial(prove_if_due, self.service), stop),
                self._repeat("figures", functools.partial(add_up_figures, self.service), stop),
            )
        finally:
            await self.courier.close()

    async def _notify(self, stop: asyncio.Event) -> int:
        """Go on without a pause while there is work: each delivery that ends makes room for others."""
        sent = 0
        while not stop.is_set() and (started := await self.courier.dispatch()):
            sent += started
            await self.courier.slot_free(self._pause_seconds)
            await asyncio.sleep(_GATHER_SECONDS)
        return sent

    async def _repeat(self, loop: str, work: Callable[[], Awaitable[int]], stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                self.service.meter.worked(loop, await work())
            except Exception as error:  # noqa: BLE001 - a bug in one pass must not end the worker
                self.service.damage.note(error)
                self.service.meter.failed(loop)
                _log.exception("worker_pass_failed", loop=loop)
            try:
                await asyncio.wait_for(stop.wait(), self._pause_seconds)
            except TimeoutError:
                continue

    @property
    def _pause_seconds(self) -> float:
        return self.service.settings.worker_interval_ms / 1000
