"""Who runs the service, and so may use the operator's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.services.operations import audit
from tallystick.store.accounts import staff
from tallystick.store.accounts.staff import Operator

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.parties import Party

__all__ = ["Operator", "add", "is_operator", "list_", "remove"]


async def add(service: Service, actor: Actor, someone: Party) -> bool:
    """Let somebody use the operator's pages; False, and nothing is written down, when they could before."""
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if not await staff.add_operator(connection, someone.party_id, now):
            return False
        await audit.record(connection, actor, "operator.add", someone.email, at=now)
    return True


async def remove(service: Service, actor: Actor, someone: Party) -> bool:
    """Let somebody use the operator's pages no more; False, and nothing is written down, when they could not before."""
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if not await staff.remove_operator(connection, someone.party_id):
            return False
        await audit.record(connection, actor, "operator.remove", someone.email, at=now)
    return True


async def is_operator(service: Service, party: Party) -> bool:
    """Whether somebody may use the operator's pages: nobody who is suspended."""
    return party.active and await staff.is_operator(service.pool, party.party_id)


async def list_(service: Service) -> list[Operator]:
    """All operators, in the order in which they were added."""
    return await staff.operators(service.pool)
