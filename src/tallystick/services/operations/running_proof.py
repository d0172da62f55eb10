"""The proof of the books that goes on all the time: a worker's next run of it, and what the last one found."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from tallystick.db import distribution
from tallystick.db.clock_watch import WrongClockError
from tallystick.services.operations.verification import check_anchor
from tallystick.store.ledger.running import proof as running_proof
from tallystick.store.ledger.running.pace import Pace
from tallystick.store.ledger.running.proof import RunningProof

if TYPE_CHECKING:
    from tallystick.db.connections import Pool
    from tallystick.services.context import Service
    from tallystick.settings import Settings

__all__ = ["ContinuousProver", "RunningProof", "last_proof", "prove_since_last"]

_SHARE: Final = 0.02
"""Of the time a worker may spend on what every run does again: where that takes long, the next one comes later."""

_SHARE_OF_PIECES: Final = 0.1
"""Of the time while it looks at what is looked at once: twice of what a full load needs on two processors."""

_log = structlog.get_logger(__name__)


async def last_proof(service: Service) -> RunningProof | None:
    """What the last run found; None before the first one."""
    return await running_proof.last_proof(service.pool)


async def prove_since_last(
    pool: Pool, settings: Settings, now: datetime, pace: Pace | None = None
) -> RunningProof | None:
    """Prove what has come since the last run, and that what was acknowledged is there. None: another one is at it.

    `pace`: how fast; without it, without rest.
    """
    anchor = await check_anchor(pool, settings)
    also = [f"{anchor.name}: {problem}" for problem in anchor.problems]
    return await running_proof.go_on(pool, now, also, pace=pace)


@dataclass(slots=True)
class ContinuousProver:
    """Runs the proof for one worker, again and again. Not on Citus, which cannot carry it out: there `verify` is asked.

    A run that reports problems is told in the log once, and again when they change.
    """

    service: Service
    _due: float = 0.0
    _told: tuple[str, ...] = field(default=())

    async def go_on(self) -> int:
        """The next run, if its time has come; how many were done."""
        seconds = self.service.settings.running_proof_seconds
        if not seconds or time.monotonic() < self._due:
            return 0
        begun, pace = time.monotonic(), Pace(_SHARE_OF_PIECES)
        self._due = begun + seconds
        try:
            if await distribution.is_distributed(self.service.pool):
                return 0
            now = self.service.trusted_now()
            proof = await prove_since_last(self.service.pool, self.service.settings, now, pace)
        except asyncpg.SerializationError:  # another worker was quicker
            return 0
        except WrongClockError:  # the boundary would be drawn by it
            return 0
        finally:
            self._due = max(self._due, time.monotonic() + pace.worked_seconds / _SHARE)
        if proof is None:
            return 0
        self._tell(proof)
        return 1

    def _tell(self, proof: RunningProof) -> None:
        problems = tuple(proof.problems)
        if problems != self._told:
            self._told = problems
            log = _log.error if problems else _log.info
            log("running_proof", problems=len(problems), first=problems[0] if problems else None)
