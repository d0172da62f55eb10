"""Heartbeats: what each process did in the last seconds, so that one page can show all processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("heartbeats.sql", __package__)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a process did in the `seconds` before `at`: calls answered, how many of them refused, everything by name.

    `counts`: as services/process/meter.py's `flat` names them. `master_keys`: the names of those that it knows; None:
    it is of a release before them. `newest_migration`: the number of the newest that it knows; None likewise.
    """

    process_id: str
    at: datetime
    kind: str
    started_at: datetime
    seconds: float
    calls: int
    refused: int
    counts: Mapping[str, int]
    master_keys: Sequence[bytes] | None = None
    newest_migration: str | None = None


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of all processes."""

    start: datetime
    calls: int
    refused: int


async def write(database: Database, pulse: Pulse) -> None:
    """Keep a pulse."""
    await database.execute(
        _SQL["write"],
        pulse.process_id,
        pulse.at,
        pulse.kind,
        pulse.started_at,
        pulse.seconds,
        pulse.calls,
        pulse.refused,
        pulse.counts,
        pulse.master_keys,
        pulse.newest_migration,
    )


async def since(database: Database, moment: datetime) -> list[Pulse]:
    """The pulses of all processes after a moment, in order."""
    rows = await database.fetch(_SQL["since"], moment)
    return [Pulse(**row) for row in rows]


async def minutes(database: Database, moment: datetime) -> list[Minute]:
    """The minutes from a moment on in which anything was called, in order."""
    rows = await database.fetch(_SQL["minutes"], moment)
    return [Minute(**row) for row in rows]


async def forget(database: Database, before: datetime) -> None:
    """Delete what is older than a moment."""
    await database.execute(_SQL["forget"], before)
