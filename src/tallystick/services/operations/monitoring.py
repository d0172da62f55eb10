"""Monitoring: whether the database answers, how long the queues are, how the last verification of the books ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

from tallystick.db.connections import UNAVAILABLE
from tallystick.db.database import ping
from tallystick.services.operations import running_proof
from tallystick.services.operations.running_proof import RunningProof
from tallystick.services.process.disk import room_for_data
from tallystick.store.queries import queues
from tallystick.store.queries.queues import DatabaseSize, Queue, Queues
from tallystick.store.records import verification_runs
from tallystick.store.records.verification_runs import VerificationRun

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.process.disk import Room

__all__ = [
    "DatabaseSize",
    "DatabaseStatus",
    "Queue",
    "Queues",
    "VerificationRun",
    "clock_off_seconds",
    "database_answers",
    "database_size",
    "disk",
    "observe",
    "out_of_order",
    "queues_of",
    "wrong_clock",
]

_ANSWER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """Queues at the moment `now`, and the last verification of the books that came to a result (`last_proof`).

    `running_proof`: what the proof that goes on all the time found last.
    """

    queues: Queues
    last_proof: VerificationRun | None
    running_proof: RunningProof | None
    now: datetime


async def database_answers(service: Service) -> bool:
    """Whether the database answers, and soon."""
    try:
        await ping(service.pool, timeout_seconds=_ANSWER_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


async def out_of_order(service: Service) -> list[str]:
    """What keeps a database that answers from doing its work: a full disk, pages that cannot be read; in words.

    Raises what the database does.
    """
    room = disk(service)
    full = [f"the disk is full: {room.told}"] if room is not None and room.full else []
    return full + await service.damage.findings(service.pool)


def disk(service: Service) -> Room | None:
    """The room for the data directory; None where there is none yet."""
    return room_for_data(service.settings)


def wrong_clock(service: Service) -> str | None:
    """What is wrong with the clock, in words; None where it can be believed."""
    watch = service.clock_watch
    return None if watch is None or watch.trusted else watch.why


def clock_off_seconds(service: Service) -> float:
    """How far the clock is ahead of the database's."""
    return 0.0 if service.clock_watch is None else service.clock_watch.off_seconds


async def queues_of(service: Service) -> Queues:
    """How long the queues are at this moment."""
    return await queues.current(service.pool)


async def database_size(service: Service) -> DatabaseSize:
    """How large the database is at this moment."""
    return await queues.database_size(service.pool)


async def observe(service: Service) -> DatabaseStatus | None:
    """Queues and last verification; None while the database is out of reach."""
    try:
        waiting = await queues.current(service.pool)
        proof = await verification_runs.latest_result(service.pool)
        running = await running_proof.last_proof(service)
    except UNAVAILABLE:
        return None
    return DatabaseStatus(waiting, proof, running, service.clock())
