"""The heartbeat of a process: every few seconds it writes what it counted since the last one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from tallystick.db.migrate import FILES
from tallystick.services.context import Service
from tallystick.services.process.disk import room_for_data
from tallystick.services.process.meter import OK, flat, outcomes_of
from tallystick.store.records import heartbeats
from tallystick.store.records.heartbeats import Minute, Pulse

__all__ = ["EVERY", "KEPT", "Heartbeat", "Minute", "Pulse", "counts_of", "minutes_since", "pulses_since"]

EVERY: Final = timedelta(seconds=10)
KEPT: Final = timedelta(hours=1)

WARN_EVERY: Final = timedelta(minutes=10)
"""How often the log tells that the disk will soon be full."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Heartbeat:
    """Beats for one process. `kind` says what the process does."""

    service: Service
    kind: str
    process_id: str = field(default_factory=lambda: secrets.token_hex(8))
    _started_at: datetime = field(init=False)
    _beat_at: datetime = field(init=False)
    _counted: Mapping[str, int] = field(default_factory=dict)
    _warned_at: datetime | None = None

    def __post_init__(self) -> None:
        self._started_at = self._beat_at = self.service.clock()

    async def beat(self) -> None:
        """Write what was counted since the last beat, and delete old heartbeats."""
        await self.service.key_uses.write(self.service.pool)
        await self.service.requests.write(self.service.pool)
        now, counted = self.service.clock(), counts_of(self.service)
        seconds = (now - self._beat_at).total_seconds()
        if seconds <= 0:  # the machine's clock was set back
            self._beat_at = now
            return
        grown = {name: count - self._counted.get(name, 0) for name, count in counted.items()}
        counts = {name: count for name, count in grown.items() if count}
        outcomes = outcomes_of(counts)
        calls = outcomes.total()
        pulse = Pulse(
            process_id=self.process_id,
            at=now,
            kind=self.kind,
            started_at=self._started_at,
            seconds=seconds,
            calls=calls,
            refused=calls - outcomes[OK],
            counts=counts,
            master_keys=sorted(self.service.vault.known),
            newest_migration=max(FILES),
        )
        await heartbeats.write(self.service.pool, pulse)
        self._beat_at, self._counted = now, counted
        await heartbeats.forget(self.service.pool, now - KEPT)

    async def run(self, stop: asyncio.Event) -> None:
        """Beat until `stop` is set. A beat that fails is missed: its counts are in the next one."""
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), EVERY.total_seconds())
            except TimeoutError:
                try:
                    self.warn_of_full_disk()
                    await self.beat()
                except Exception as error:  # noqa: BLE001 - the database may be gone for a while
                    _log.warning("pulse_missed", error=repr(error))

    def warn_of_full_disk(self) -> None:
        """Log that room on the disk of the data is scarce, now and then, while it is."""
        room, now = room_for_data(self.service.settings), self.service.clock()
        if room is None or not room.scarce:
            self._warned_at = None
        elif self._warned_at is None or not timedelta(0) <= now - self._warned_at < WARN_EVERY:
            self._warned_at = now
            _log.warning("disk_nearly_full", free_bytes=room.free, total_bytes=room.total, told=room.told)


async def pulses_since(service: Service, moment: datetime) -> list[Pulse]:
    """The heartbeats of all processes after a moment, in order."""
    return await heartbeats.since(service.pool, moment)


async def minutes_since(service: Service, moment: datetime) -> list[Minute]:
    """The minutes from a moment on in which anything was called, in order."""
    return await heartbeats.minutes(service.pool, moment)


def counts_of(service: Service) -> dict[str, int]:
    """Everything that this process counted since its start, by name."""
    commits = service.committer.statistics
    return {
        **flat(service.meter),
        "commits.groups": commits.groups,
        "commits.commands": commits.commands,
        "commits.retried": commits.retried_groups,
    }
