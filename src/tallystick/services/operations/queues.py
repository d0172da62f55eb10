"""What waits: for rails, for receivers of notifications, for the post; and how large the database is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.store.queries import queues
from tallystick.store.queries.queues import DatabaseSize, Queue, Queues

if TYPE_CHECKING:
    from tallystick.services.context import Service

__all__ = ["DatabaseSize", "Queue", "Queues", "database_size", "standing"]


async def standing(service: Service) -> Queues:
    """How long the queues are at this moment."""
    return await queues.standing(service.pool)


async def database_size(service: Service) -> DatabaseSize:
    """How large the database is at this moment."""
    return await queues.database_size(service.pool)
