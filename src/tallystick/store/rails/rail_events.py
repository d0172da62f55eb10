"""Events that rails have sent, each once: hints that the worker follows up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("rail_events.sql", __package__)


@dataclass(frozen=True, slots=True)
class RailEvent:
    """One event. `object_kind`: a HintKind. `reference`: what the rail calls the object.

    `due_at`: when the object is to be looked at; None: it was. `last_error`: why it could not be, or what a person has
    to see to.
    """

    rail: str
    event_id: str
    environment: str
    object_kind: str
    reference: str
    idempotency_key: str | None
    received_at: datetime
    due_at: datetime | None
    attempts: int
    last_error: str | None


async def add(
    database: Database,
    rail: str,
    event_id: str,
    *,
    environment: str,
    object_kind: str,
    reference: str,
    idempotency_key: str | None,
    now: datetime,
) -> bool:
    """Keep an event; False: it came before."""
    arguments = (rail, event_id, environment, object_kind, reference, idempotency_key, now)
    return await database.fetchrow(_SQL["add"], *arguments) is not None


async def due(database: Database, now: datetime, limit: int) -> list[RailEvent]:
    """Events whose objects should be looked at, the longest waiting first."""
    return [RailEvent(**row) for row in await database.fetch(_SQL["due"], now, limit)]


async def claim(database: Database, event: RailEvent, until: datetime) -> bool:
    """Claim an event for this worker, with a lease until `until`; False when another one was quicker."""
    return await database.execute(_SQL["claim"], event.rail, event.event_id, event.due_at, until) == "UPDATE 1"


async def put_off(database: Database, event: RailEvent, until: datetime, error: str | None) -> None:
    """Look at its object again at `until`; `error` tells people why, None: nothing is wrong."""
    await database.execute(_SQL["put_off"], event.rail, event.event_id, until, error)


async def done(database: Database, event: RailEvent, trouble: str | None) -> None:
    """Its object was looked at. `trouble`: what a person has to see to."""
    await database.execute(_SQL["done"], event.rail, event.event_id, trouble)


async def troubled(database: Database, limit: int) -> list[RailEvent]:
    """Events that could not be followed up yet, or that a person has to see to, the latest first."""
    return [RailEvent(**row) for row in await database.fetch(_SQL["troubled"], limit)]


async def forget(database: Database, before: datetime) -> None:
    """Delete those that came before this moment and are done with."""
    await database.execute(_SQL["forget"], before)
